"""What told indicators give away, and whom they would hit: figures for docs/sharing.md.

    python benchmarks/telling.py WORLD OTHER

Both are labelled worlds (`stillwatch world plain --out WORLD --scale 0.01 --seed 5`). The first is
detected, its campaigns confirmed, and what would be told of them drawn up; then it is asked

- how often an exchange of the campaign is known again by the told sketches, and how often by the
  bands that findings hold, most of which are not told;
- how many honest exchanges and accounts, of this world and of the other one, that nobody looked at
  when indicators were chosen, a sketch or a centroid hits;
- whether somebody who has a list of prompts can tell from a centroid that a certain one was in it,
  and which words of the campaign can be read out of it by somebody who has a list of words;
- how fast a member of a group can try candidates for a keyed hash.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import stillwatch as sw
from stillwatch import tables
from stillwatch.cases import State, Store, change_state, get_case, list_cases, open_cases
from stillwatch.lake import Lake
from stillwatch.sharing.centroids import LEAST_COMPARED, Centroid, centroid_of
from stillwatch.sharing.drawing_up import Wishes, draw_up
from stillwatch.sharing.indicators import Kind, Telling
from stillwatch.sharing.keyed import GroupKey, keyed
from stillwatch.sharing.parts import Parts, parts_of
from stillwatch.sharing.sketches import sketch_bands
from stillwatch.signals.content import SCALE
from stillwatch.signals.extract import READS, signals

KEY = GroupKey(bytes(32))
WORDS = re.compile(r"[a-z]{4,}")


def main(world: str, other: str) -> None:
    """Print the figures, campaign by campaign, as JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        sw.ingest([world], lake=place / "lake")
        sw.ingest([other], lake=place / "other")
        found = sw.detect(place / "lake")
        store = Store.open(place / "cases.db", create=True)
        open_cases(store, found, "benchmark")
        honest_here = _honest(found)
        labels = sw_labels(other)
        elsewhere = {row["account_id"] for row in labels if row["campaign"] is None}
        here, there = Log(place / "lake"), Log(place / "other")
        today = max(t for t in found.members["last_ts"].to_pylist() if t).date()
        out: dict[str, Any] = {"hashes_a_second": _hashes()}
        for case in list_cases(store):
            _confirm(store, case.case_id)
            told = draw_up(
                store, case.case_id, found, place / "lake", "-", Wishes(key=KEY), today
            ).telling
            name = case.campaign_id
            mine = here.exchanges(_of(found, name))
            out[name] = {
                "indicators": dict(Counter(i.kind for i in told.indicators)),
                "sketch": _sketches(told, found, name, mine, here, there, honest_here, elsewhere),
                "centroid": _centroids(told, mine, here, there, honest_here, elsewhere),
            }
        print(json.dumps(out, indent=1))


class Log:
    """A log's prompts and their signals, all in memory."""

    def __init__(self, lake: Path) -> None:
        batches = list(Lake.open(lake).scan(READS))
        self.accounts = _column(batches, "account_id")
        self.ids = _column(batches, "exchange_id")
        self.prompts = _column(batches, "prompt")
        made = [signals(batch) for batch in batches]
        self.made = pa.Table.from_batches(made).combine_chunks().to_batches()[0]
        self.bands = self.made.column("bands").flatten().to_numpy().reshape(-1, 8)
        self.content = self.made.column("content").flatten().to_numpy().reshape(-1, 256) / SCALE

    def exchanges(self, ids: set[str]) -> NDArray[np.bool_]:
        """Which exchanges are of some ids."""
        return np.isin(self.ids, sorted(ids))

    def sent_by(self, accounts: set[str]) -> NDArray[np.bool_]:
        """Which exchanges some accounts sent."""
        return np.isin(self.accounts, sorted(accounts))

    def parts(self, rows: NDArray[np.bool_]) -> Parts:
        """Sums of some exchanges, by account."""
        return parts_of(self.made.filter(pa.array(rows)))


def _column(batches: list[pa.RecordBatch], name: str) -> NDArray:
    return np.array([text or "" for batch in batches for text in batch.column(name).to_pylist()])


def sw_labels(world: str) -> list[dict[str, Any]]:
    """The truth of a world, by account."""
    import pyarrow.parquet as pq

    return pq.read_table(Path(world) / "labels" / "accounts.parquet").to_pylist()


def _honest(found: sw.Findings) -> set[str]:
    return {
        row["account_id"]
        for row in found.accounts.select(["account_id", "verdict"]).to_pylist()
        if row["verdict"] != "member"
    }


def _of(found: sw.Findings, campaign: str) -> set[str]:
    rows = found.exchanges.select(["exchange_id", "campaign_id"]).to_pylist()
    return {row["exchange_id"] for row in rows if row["campaign_id"] == campaign}


def _confirm(store: Store, number: int) -> None:
    seen = change_state(store, get_case(store, number).seen, State.IN_REVIEW, "b", "b")
    change_state(store, seen.seen, State.CONFIRMED, "b", "b")


def _sketches(
    told: Telling,
    found: sw.Findings,
    campaign: str,
    mine: NDArray[np.bool_],
    here: Log,
    there: Log,
    honest: set[str],
    elsewhere: set[str],
) -> dict[str, Any]:
    bands = {b for i in told.indicators if i.kind == Kind.SKETCH for b in sketch_bands(i.value)}
    rows = found.frames.select(["campaign_id", "sketch", "sample"]).to_pylist()
    rows = [row for row in rows if row["campaign_id"] == campaign]
    held = {band for row in rows for band in row["sketch"]}
    shown = here.exchanges({one for row in rows for one in row["sample"]})

    def known(log: Log, of: NDArray[np.bool_], by: set[int]) -> NDArray[np.bool_]:
        return np.isin(log.bands[of], np.array(sorted(by), np.uint64)).any(1)

    def hit(log: Log, accounts: set[str]) -> dict[str, float]:
        of = log.sent_by(accounts)
        yes = known(log, of, bands)
        return {
            "exchanges": float(yes.mean()),
            "accounts": len(set(log.accounts[of][yes])) / len(accounts),
        }

    return {
        "bands_held": len(held),
        "bands_told": len(bands),
        "exchanges_known_again": float(known(here, mine, bands).mean()),
        "exchanges_known_by_what_findings_hold": float(known(here, mine, held).mean()),
        "sampled_prompts_confirmed_by_what_findings_hold": float(known(here, shown, held).mean()),
        "sampled_prompts_confirmed_by_what_is_told": float(known(here, shown, bands).mean()),
        "honest_here": hit(here, honest),
        "honest_elsewhere": hit(there, elsewhere),
    }


def _centroids(
    told: Telling,
    mine: NDArray[np.bool_],
    here: Log,
    there: Log,
    honest: set[str],
    elsewhere: set[str],
) -> list[dict[str, Any]]:
    out = []
    for one in (i for i in told.indicators if i.kind == Kind.CENTROID):
        middle = Centroid.parse(one.value)

        def near(parts: Parts, about: str = one.about, by: Centroid = middle) -> int:
            return int(by.near(parts.of(about).at_least(LEAST_COMPARED)).sum())

        out.append(
            {
                "about": one.about,
                "members_near": near(here.parts(mine)),
                "honest_here_near": near(here.parts(here.sent_by(honest))) / len(honest),
                "honest_elsewhere_near": near(there.parts(there.sent_by(elsewhere)))
                / len(elsewhere),
            }
        )
        if not one.about:
            out[-1].update(_membership(mine, here), words=_words(middle, mine, here))
    return out


def _membership(mine: NDArray[np.bool_], here: Log) -> dict[str, float]:
    """Can prompts of accounts that a centroid was made of be told from others of the campaign?"""
    accounts = sorted(set(here.accounts[mine]))
    half = set(np.random.default_rng(3).permutation(accounts)[: len(accounts) // 2])
    inside = mine & here.sent_by(half)
    made = centroid_of(here.parts(inside).of("").at_least(LEAST_COMPARED))
    score = here.content @ made.mean
    others = ~mine
    return {
        "auc_in_it_against_others_of_the_campaign": float(roc_auc_score(inside[mine], score[mine])),
        "auc_of_the_campaign_against_everybody": float(
            roc_auc_score(mine[mine | others], score[mine | others])
        ),
    }


def _words(middle: Centroid, mine: NDArray[np.bool_], here: Log) -> dict[str, Any]:
    """Of the words that a guesser ranks first, how many are among the campaign's most told."""
    counts = Counter(word for text in here.prompts for word in set(WORDS.findall(text.lower())))
    vocabulary = sorted(word for word, count in counts.items() if count >= 3)
    theirs = Counter(
        word for text in here.prompts[mine] for word in set(WORDS.findall(text.lower()))
    )
    total = int(mine.sum())
    lift = {
        word: theirs[word] / total - (counts[word] - theirs[word]) / (len(here.prompts) - total)
        for word in vocabulary
    }
    truth = set(sorted(vocabulary, key=lambda word: -lift[word])[:50])
    guessed = np.argsort(-(_embedded(vocabulary) @ middle.mean))[:50]
    right = sum(vocabulary[at] in truth for at in guessed)
    return {
        "vocabulary": len(vocabulary),
        "of_50_guessed_among_the_50_most_telling": right,
        "by_chance": 50 * 50 / len(vocabulary),
    }


def _embedded(words: list[str]) -> NDArray[np.float64]:
    rows = [
        {"exchange_id": "e", "ts": 0, "account_id": "a", "model": "m", "prompt": word}
        for word in words
    ]
    schema = pa.schema([tables.EXCHANGES.field(name) for name in rows[0]])
    batch = pa.Table.from_pylist(rows, schema=schema).combine_chunks().to_batches()[0]
    return signals(batch).column("content").flatten().to_numpy().reshape(-1, 256) / SCALE


def _hashes() -> int:
    names = [f"domain{at}.example" for at in range(20_000)]
    began = time.perf_counter()
    for name in names:
        keyed(KEY, "2026-06", Kind.EMAIL_DOMAIN, name)
    return round(len(names) / (time.perf_counter() - began))


if __name__ == "__main__":
    main(*sys.argv[1:])
