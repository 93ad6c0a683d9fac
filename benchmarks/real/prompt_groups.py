"""Are accounts fed from a real pool found as one crowd, and do frames and capability tell them?

    python -m benchmarks.real.prompt_groups [--looks 4] > groups.json

Claim: among several hundred honest accounts of real text, the twin search (nearest neighbours by
MMD, Leiden on links, cohesion) returns the campaign's accounts as one crowd and few others; shared
frame families and the share of exchanges that the classifier takes for the domain's capability
tell the campaign's accounts from honest ones.

Data: as `prompt_pairs`. A look holds up to 40 accounts of one queue, up to 300 persons of few
interests, and the domain's honest accounts, all of one size; the search runs over whole accounts,
then over the slice of the domain's capability, as `stillwatch.groups.twins` does. No
judgement follows here: a crowd is a candidate, and rivals are weighed later.

Can show: recall and purity of candidates on real words; whether pools share frames. Can't show:
a crowd among a million accounts (more accounts bring nearer strangers), nor other signals.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.real.corpus import Texts, account_samples
from benchmarks.real.domains import SEED, Corpus, Domain, read_corpus
from benchmarks.real.prompt_pairs import FEWEST_TWINS, deal
from benchmarks.real.separation import auc, gather_looks
from stillwatch.groups.twins import LEAST_ACCOUNTS, LEAST_EXCHANGES, NEIGHBOURS
from stillwatch.statistics.crowds import twin_communities
from stillwatch.statistics.mmd import Samples, null_spread, twin_links
from stillwatch.statistics.nearest import nearest_twins

SIZES = (20, 50, 200)
CAMOUFLAGE = (("none", 0.0), ("common", 0.5), ("common", 0.8), ("own", 0.5), ("own", 0.8))
PEOPLE = 300


def crowds(
    texts: Texts, rows: NDArray[np.int64], seeks: NDArray[np.bool_] | None
) -> list[NDArray[np.int64]]:
    """The crowds of twins among accounts `rows` (a, m): places, by the shipped search."""
    # Halves by chance, as by the bit of a key: taken in turn, neighbours would be too alike.
    mixed = np.random.default_rng(SEED).permuted(rows, axis=1)
    odd, even = (account_samples(texts, mixed[:, half::2], seeks) for half in (1, 0))
    sample = account_samples(texts, rows, seeks)
    large = np.flatnonzero(sample.size >= LEAST_EXCHANGES)
    if len(large) < LEAST_ACCOUNTS:
        return []
    sample, odd, even = (
        Samples(s.size[large], s.total[large], s.squares[large]) for s in (sample, odd, even)
    )
    spread = null_spread(odd, even)
    other, mmd2 = nearest_twins(sample, NEIGHBOURS)
    linked = twin_links(sample.size[:, None], sample.size[other], mmd2, spread)
    return [large[c] for c in twin_communities(sample, other, linked, LEAST_ACCOUNTS)]


def figures_of(found: list[NDArray[np.int64]], campaign: int) -> dict[str, float]:
    """Of crowds, with the campaign in the first `campaign` places: recall, strangers, crowds.

    A crowd is the campaign's where most of its accounts are; recall counts the largest alone.
    """
    inside = [int((c < campaign).sum()) for c in found]
    ours = [i for i, c in enumerate(found) if 2 * inside[i] > len(c)]
    best = max(ours, key=lambda i: inside[i], default=None)
    return {
        "recall": 0.0 if best is None else inside[best] / campaign,
        "recall_all": sum(inside[i] for i in ours) / campaign,
        "strangers_within": float(sum(len(found[i]) - inside[i] for i in ours)),
        "other_crowds": float(len(found) - len(ours)),
        "accounts_in_other_crowds": float(
            sum(len(c) for i, c in enumerate(found) if i not in ours)
        ),
    }


def shared_families(texts: Texts, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each account's exchanges whose frame family another of these accounts sent, (a,)."""
    family = texts.family[rows]
    account = np.repeat(np.arange(len(rows)), rows.shape[1]).reshape(rows.shape)
    pairs = np.unique(np.column_stack([family.ravel(), account.ravel().astype(np.uint64)]), axis=0)
    value, accounts = np.unique(pairs[:, 0], return_counts=True)
    shared = value[(accounts >= 2) & (value != 0)]
    return np.isin(family, shared).mean(1)


def one_cell(
    corpus: Corpus, domain: Domain, size: int, kind: str, share: float, looks: int
) -> dict:
    """One size and camouflage over `looks` looks."""
    texts, found = corpus.texts, []
    honest = [
        rows[size]
        for name, rows in domain.honest.items()
        if not name.startswith("people") and "look-alike" not in name
    ]
    accounts = others = 0
    for look in range(looks):
        rng = np.random.default_rng([SEED, look, size, round(share * 100)])
        ours = deal(corpus, domain, size, kind, share, rng)
        people = rng.permutation(corpus.bystanders[size])[:PEOPLE]
        rows = np.vstack([ours, *honest, people])
        accounts, others = len(ours), len(rows) - len(ours)
        whole = figures_of(crowds(texts, rows, None), accounts)
        part = figures_of(crowds(texts, rows, domain.seeks), accounts)
        seeking = domain.seeks[texts.capability[rows]].mean(1)
        # As many strangers as members: a larger set shares more by itself.
        drawn = rng.permutation(np.vstack([*honest, people]))[: len(ours)]
        within, outside = shared_families(texts, ours), shared_families(texts, drawn)
        found.append(
            {f"whole_{k}": v for k, v in whole.items()}
            | {f"slice_{k}": v for k, v in part.items()}
            | {
                "families_shared": float(within.mean()),
                "families_shared_outside": float(outside.mean()),
                "families_auc": auc(-within, -outside),
                "seeking": float(seeking[:accounts].mean()),
                "seeking_outside": float(seeking[accounts:].mean()),
                "seeking_auc": auc(-seeking[:accounts], -seeking[accounts:]),
            }
        )
    return {
        "domain": domain.name,
        "exchanges": size,
        "camouflage": kind,
        "share": share,
        "campaign": accounts,
        "honest": others,
        **gather_looks(found),
    }


def main() -> None:
    """Every domain, size and camouflage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=4)
    options = parser.parse_args()
    began = time.perf_counter()
    corpus = read_corpus(SIZES)
    rows = []
    for domain in corpus.domains:
        for size in SIZES:
            for kind, share in CAMOUFLAGE:
                if len(domain.pool) >= FEWEST_TWINS * (size - round(size * share)):
                    rows.append(one_cell(corpus, domain, size, kind, share, options.looks))
                    print(as_line(rows[-1]), file=sys.stderr, flush=True)
    seconds = round(time.perf_counter() - began, 1)
    json.dump({"looks": options.looks, "seconds": seconds, "rows": rows}, sys.stdout, indent=1)
    print()


def as_line(row: dict) -> str:
    """One row of the table: medians over looks."""
    m = {name: value[0] for name, value in row.items() if isinstance(value, list)}
    return (
        f"{row['domain']:25}{row['exchanges']:4} {row['camouflage']:6} {row['share']:4.0%} "
        f"{row['campaign']:3} of {row['campaign'] + row['honest']:4} | "
        f"whole: recall {m['whole_recall']:.2f} +{m['whole_strangers_within']:.0f} strangers, "
        f"{m['whole_other_crowds']:.0f} other ({m['whole_accounts_in_other_crowds']:.0f}) | "
        f"slice: {m['slice_recall']:.2f} +{m['slice_strangers_within']:.0f}, "
        f"{m['slice_other_crowds']:.0f} ({m['slice_accounts_in_other_crowds']:.0f}) | "
        f"families {m['families_shared']:.2f} / {m['families_shared_outside']:.2f} "
        f"AUC {m['families_auc']:.2f} | seeking {m['seeking']:.2f} / {m['seeking_outside']:.2f} "
        f"AUC {m['seeking_auc']:.2f}"
    )


if __name__ == "__main__":
    main()
