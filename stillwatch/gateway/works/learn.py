"""What a table holds of live campaigns' work: models, and how often they say yes to whom.

Learnt from a judgement and the signals that it was made of. An account is recognised by its hits
together with a mark that few honest accounts bear: it comes a campaign's way (`access`), or its
hits make a part that fits members' parts, or both.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.campaigns.membership import (
    COMPARED,
    LEAST_ATTRIBUTED,
    MEMBER_P,
    PART_OF_TYPICAL,
    something_else,
)
from stillwatch.gateway.state import CAMPAIGNS
from stillwatch.gateway.works.access import access
from stillwatch.gateway.works.evidence import MOST_THREADS, Crowd, log_ratio
from stillwatch.gateway.works.sample import Sampled, Seen, first_threads, sampled
from stillwatch.gateway.works.told import models_of
from stillwatch.statistics.mmd import squared_mmd
from stillwatch.statistics.tails import at_least
from stillwatch.tables import CONTENT_COMPONENTS

if TYPE_CHECKING:
    from stillwatch.campaigns.precedent import Judgement, Precedent
    from stillwatch.columns import Column
    from stillwatch.findings import Findings

MARKS = ("access", "content", "both")
"""What an account bears beside its hits."""


@dataclass(frozen=True)
class Works:
    """k campaigns by what they do: their names, and arrays for a table. `honest` is how many honest
    accounts it was learnt from, at least."""

    names: tuple[str, ...]
    honest: int
    arrays: Mapping[str, NDArray]

    def says(self) -> dict[str, Any]:
        """What a table says of it."""
        return {"names": list(self.names), "honest": self.honest}


def no_works() -> Works:
    """Where there is nothing to tell by."""
    return Works((), 0, {})


def learn(
    judgement: Judgement, columns: Mapping[str, Column], rows: int, names: Sequence[str]
) -> Works:
    """The works of the campaigns called `names`, `CAMPAIGNS` at most, of those that can be told.

    `columns` are signals, of which the first `rows` were judged.
    """
    findings, grounds = judgement.findings, judgement.grounds
    known = {p.name: p for p in grounds.precedents}
    live = [known[name] for name in names if name in known][:CAMPAIGNS]
    if not live:
        return no_works()
    families = _families(findings, live)
    models = models_of(live)
    accounts = sampled(findings, [p.name for p in live])
    ways = access(accounts, columns, rows, len(live))
    seen = first_threads(accounts, columns, rows, models, grounds.book, families)
    learnt = [
        _evidence(k, precedent, accounts, seen, ways.shared[:, k])
        for k, precedent in enumerate(live)
    ]
    arrays = {
        **models,
        "evidence": np.stack([evidence for evidence, _ in learnt]),
        "families": families,
        "wide": grounds.book.wide,
        "parts": grounds.book.parts,
        "way": ways.way,
        "owners": ways.owners,
        **_compared(live),
    }
    return Works(
        tuple(p.name for p in live),
        min(honest for _, honest in learnt),
        {f"works.{name}": array for name, array in arrays.items()},
    )


def _evidence(
    campaign: int,
    precedent: Precedent,
    accounts: Sampled,
    seen: Seen,
    shared: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], int]:
    """A campaign's evidence by mark, threads and hits, and how many honest accounts it rests on.

    Who would be a member by its hits (the rules of `membership`), bears a mark, and is excused by
    nothing may be one that no finding holds: it doesn't teach that such work is honest.
    """
    hits, threads = seen.hits[:, campaign], seen.threads
    outside, looked = accounts.campaign != campaign, threads >= COMPARED
    members = ~outside & looked
    rate = hits / np.maximum(threads, 1)
    typical = float(np.median(rate[members])) if members.any() else 1.0
    working = (
        (hits >= LEAST_ATTRIBUTED)
        & (at_least(hits, threads, precedent.stray) <= MEMBER_P)
        & (rate >= PART_OF_TYPICAL * typical)
    )
    fits = np.zeros(len(accounts.key), bool)
    large = seen.campaign == campaign
    apart = squared_mmd(seen.parts.at(large), precedent.parts)
    fits[seen.account[large]] = ~something_else(apart, seen.parts.size[large])
    nobodys = accounts.campaign < 0
    suspect = nobodys & accounts.alone & working & (fits | shared)
    honest = nobodys & looked & ~suspect
    # Parts of few hits can't be compared yet: they may come to fit.
    fitting = fits | (hits < COMPARED)
    by_chance = _share(fits, outside & (hits >= COMPARED) & ~suspect)
    marks = (
        (shared, _share(shared, honest)),
        (fitting, by_chance),
        (shared & fitting, _share(shared, honest) * by_chance),
    )
    out = np.empty((len(MARKS), MOST_THREADS + 1, MOST_THREADS + 1), np.float32)
    for mark, (bearing, unseen) in enumerate(marks):
        ours = Crowd.of(hits, threads, members & bearing, members, 1.0)
        theirs = Crowd.of(hits, threads, honest & bearing, honest, unseen)
        out[mark] = log_ratio(ours, theirs)
    return out, int(np.count_nonzero(honest))


def _share(bearing: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    """Share of accounts that bear a mark, of one like them that nobody saw yet (Laplace)."""
    return (1 + np.count_nonzero(bearing & among)) / (2 + np.count_nonzero(among))


def _families(findings: Findings, live: Sequence[Precedent]) -> NDArray[np.uint64]:
    """Sorted MinHash bands of the live campaigns' frame families."""
    names = pa.array([p.name for p in live], pa.string())
    mine = findings.frames.filter(pc.is_in(findings.frames["campaign_id"], value_set=names))
    bands = pc.list_flatten(mine["sketch"]).to_numpy()
    return np.unique(bands[bands != 0]).astype(np.uint64)


def _compared(live: Sequence[Precedent]) -> dict[str, NDArray]:
    """Members' parts, as `mmd.Samples` of all campaigns in a row, and where each one's begin."""
    ends = np.cumsum([0, *(len(p.parts.size) for p in live)])
    total = [np.zeros((0, CONTENT_COMPONENTS)), *(p.parts.total for p in live)]
    return {
        "compared": ends.astype(np.int64),
        "size": np.concatenate([np.zeros(0), *(p.parts.size for p in live)]),
        "total": np.concatenate(total).astype(np.float32),
        "squares": np.concatenate([np.zeros(0), *(p.parts.squares for p in live)]),
    }
