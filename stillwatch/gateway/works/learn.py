"""What a table holds of live campaigns' work: models, and how often they say yes to whom.

Learnt from a judgement and the signals that it was made of. An account is recognised by its hits
together with marks that few honest accounts bear: its hits make a part that fits members' parts
(`fit`), it comes a campaign's way (`access`), it sits where a member sat, or at two such places.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.gateway.state import CAMPAIGNS
from stillwatch.gateway.works.access import Access, access, came
from stillwatch.gateway.works.evidence import Crowd, log_ratio
from stillwatch.gateway.works.fit import fit_of
from stillwatch.gateway.works.sample import DOUBTED, Sampled, Seen, first_threads, sampled
from stillwatch.gateway.works.teachers import (
    LOOKED,
    comes_and_fits,
    fits_by_chance,
    hits_like,
    honest_teachers,
    share,
    share_of_their_sort,
)
from stillwatch.gateway.works.told import models_of
from stillwatch.statistics.mmd import Samples

if TYPE_CHECKING:
    from stillwatch.campaigns.precedent import Judgement, Precedent
    from stillwatch.columns import Column
    from stillwatch.findings import Findings

MARKS = ("content", "content and access")
"""What an account bears beside its hits, by campaign: they fit; and it comes a way as well."""

SEATS = (("seat", "seat and content"), ("two seats", "two seats and content"))
"""Marks of sitting where a member sat, and at two such places, of one kind: whichever campaign's,
since an operator may be found in pieces, and what replaces one piece's account needn't do that
piece's work. The second of each ask that hits fit, too, the first that they aren't about something
else once so many can be compared. One address may have changed hands; two that were both members'
hardly ever have."""

ON_SEATS = ((0.5, 0.05), (0.1, 0.35))
"""How the stake on seats is spread over their marks."""

FORM = 4
"""Of what a table holds of works: those of another form are of no use."""

STAKES = (0.1, 0.9)
"""How much may be bet, at least and at most, on a replacement's coming a way that is known."""

ON_ANY = 0.1
"""Part of what is bet on work that is spread evenly over campaigns; the rest goes by members."""


@dataclass(frozen=True)
class Works:
    """k campaigns by what they do: their names, and arrays for a table. `honest` is how many honest
    accounts it was learnt from, at least."""

    names: tuple[str, ...]
    honest: int
    arrays: Mapping[str, NDArray]

    def says(self) -> dict[str, Any]:
        """What a table says of it."""
        return {"names": list(self.names), "honest": self.honest, "form": FORM}

    @classmethod
    def of(cls, says: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Works:
        """Those of a table, by what it says of them and its arrays; none of another form."""
        if says.get("form") != FORM:
            return no_works()
        mine = {name: array for name, array in arrays.items() if name.startswith("works.")}
        return cls(tuple(says["names"]), says["honest"], mine)

    def unless(self, last: Works, decided: Mapping[str, int]) -> Works:
        """These, or the `last` ones where they tell of more accounts that are decided on.

        `decided` is how many, by campaign. Judgements differ a little from one to the next, and one
        that takes a campaign for something else would open the gate to its replacements for as long
        as decisions on its accounts go on. The last works stay only while all that they tell of is
        decided on, so that what people reject isn't recognised any more.
        """
        told, before = ({*works.names} for works in (self, last))
        more = sum(decided.get(name, 0) for name in before - told)
        fewer = sum(decided.get(name, 0) for name in told - before)
        return last if more > fewer and before <= {*decided} else self


def no_works() -> Works:
    """Where there is nothing to tell by."""
    return Works((), 0, {})


def learn(
    judgement: Judgement,
    columns: Mapping[str, Column],
    rows: int,
    names: Sequence[str],
    knocks: pa.RecordBatch,
    doubted: Collection[str] = (),
    released: Collection[str] = (),
) -> Works:
    """The works of the campaigns called `names`, `CAMPAIGNS` at most, of those that can be told.

    `columns` are signals, of which the first `rows` were judged, and `knocks` says how requests
    came that were refused (`access.CAME`), which no judgement looks at. Accounts that are
    `doubted`, as a gate recognised them, or something is decided on them, teach nothing of honest
    ones, and their seats are taken for known ones; those that are `released` teach nothing at all.
    """
    findings, grounds = judgement.findings, judgement.grounds
    known = {p.name: p for p in grounds.precedents}
    live = [known[name] for name in names if name in known][:CAMPAIGNS]
    if not live:
        return no_works()
    families = _families(findings, live)
    models = models_of(live)
    accounts = sampled(findings, [p.name for p in live], doubted, released)
    ways = access(accounts, columns, rows, came(knocks), len(live))
    seen = first_threads(accounts, columns, rows, models, grounds.book, families)
    fit = [fit_of(k, accounts, seen) for k in range(len(live))]
    honest = [
        honest_teachers(k, precedent.stray, accounts, seen, fit[k], ways)
        for k, precedent in enumerate(live)
    ]
    by_chance = [fits_by_chance(k, accounts, seen, fit[k].fits, ways) for k in range(len(live))]
    evidence = [
        _evidence(k, accounts, seen, honest[k], fit[k].fits, by_chance[k], ways)
        for k in range(len(live))
    ]
    seated, fitting = _seat_evidence(accounts, seen, honest, by_chance, ways)
    theirs = (accounts.campaign >= 0) | (accounts.campaign == DOUBTED)
    arrays = {
        **models,
        "evidence": np.stack(evidence),
        "seated": seated,
        "seated_fitting": fitting,
        "stake": np.array([_stake(ways.seats[theirs] > 0)]),
        "spread": _spread(accounts.campaign, len(live)),
        "families": families,
        "wide": grounds.book.wide,
        "parts": grounds.book.parts,
        "way": ways.way,
        "owners": ways.owners,
        "seat": ways.seat,
        "near": np.stack([each.near for each in fit]),
        "far": np.stack([each.far for each in fit]),
        **_compared([each.parts for each in fit]),
    }
    return Works(
        tuple(p.name for p in live),
        min(int(np.count_nonzero(each)) for each in honest),
        {f"works.{name}": array for name, array in arrays.items()},
    )


def _evidence(
    campaign: int,
    accounts: Sampled,
    seen: Seen,
    honest: NDArray[np.bool_],
    fits: NDArray[np.bool_],
    by_chance: float,
    ways: Access,
) -> NDArray[np.float32]:
    """A campaign's evidence by mark (`MARKS`), threads and hits.

    Of honest accounts those fit that do by chance, which isn't granted to accounts like which none
    was seen: a job over the very texts that a campaign sends is one of those, and fits. Who does
    the like of its work and comes its ways is expected to fit no less often than was seen.
    """
    hits, threads = seen.hits[:, campaign], seen.threads
    theirs = accounts.campaign == campaign
    members, stake = theirs & (threads >= LOOKED), _stake(ways.shared[theirs, campaign])
    shared = ways.shared[honest, campaign]
    alike = hits_like(hits, threads, theirs)[honest]
    both = by_chance * share_of_their_sort(shared, alike)
    both[alike] = np.maximum(both[alike], comes_and_fits(campaign, seen, honest, fits, ways))
    known = _known(hits[members], threads[members], threads[honest])
    marks = (
        (1 - stake, np.full(len(shared), by_chance), 1.0),
        (stake, both, share(shared)),
    )
    return np.stack(
        [
            log_ratio(
                Crowd(hits[members], threads[members], np.full(members.sum(), ours), 1.0),
                Crowd(hits[honest], threads[honest], other, unseen, known),
            )
            for ours, other, unseen in marks
        ]
    )


def _seat_evidence(
    accounts: Sampled,
    seen: Seen,
    honest: list[NDArray[np.bool_]],
    by_chance: list[float],
    ways: Access,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The evidence of sitting where members sat with so many hits of any campaign's work, by number
    of seats (2, threads, hits); and of fitting as well, by campaign (k, 2, threads, hits)."""
    hits, threads = seen.any_hits, seen.threads
    members = (accounts.campaign >= 0) & (threads >= LOOKED)
    nobody = np.all(honest, axis=0)
    alike = hits_like(hits, threads, accounts.campaign >= 0)[nobody]
    known = _known(hits[members], threads[members], threads[nobody])
    ours = Crowd(hits[members], threads[members], np.ones(members.sum()), 1.0)

    def ratio(least: int, fit: float) -> NDArray[np.float32]:
        seated = ways.seats[nobody] >= least
        sits = share_of_their_sort(seated, alike) * fit
        others = Crowd(hits[nobody], threads[nobody], sits, share(seated), known)
        return log_ratio(ours, others)

    places = range(1, len(SEATS) + 1)
    alone = np.stack([ratio(least, 1.0) for least in places])
    return alone, np.stack([[ratio(least, fit) for least in places] for fit in by_chance])


def _stake(moved_in: NDArray[np.bool_]) -> float:
    """What is bet on a replacement's coming a known way: the share of members who come others'."""
    return float(np.clip(share(moved_in), *STAKES))


def _spread(campaign: NDArray[np.int64], campaigns: int) -> NDArray[np.float64]:
    """How what is bet on work is spread over campaigns, (k,), by the `campaign` of each account:
    the next one is most likely one more of the largest. Each is taken to have one at least."""
    members = np.bincount(campaign[campaign >= 0], minlength=campaigns).clip(1)
    return ON_ANY / campaigns + (1 - ON_ANY) * members / members.sum()


def _known(hits: NDArray[np.int64], threads: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    """Of how many others, by their threads, it is known whether they hit as members do: of an
    account with few threads that is hardly known."""
    rate = float((hits.sum() + 1) / (threads.sum() + 2))
    return float((1 - (1 - rate) ** others).sum())


def _families(findings: Findings, live: Sequence[Precedent]) -> NDArray[np.uint64]:
    """Sorted MinHash bands of the live campaigns' frame families."""
    names = pa.array([p.name for p in live], pa.string())
    mine = findings.frames.filter(pc.is_in(findings.frames["campaign_id"], value_set=names))
    bands = pc.list_flatten(mine["sketch"]).to_numpy()
    return np.unique(bands[bands != 0]).astype(np.uint64)


def _compared(parts: Sequence[Samples]) -> dict[str, NDArray]:
    """Members' parts of all campaigns in a row, as `mmd.Means`, and where each one's begin."""
    ends = np.cumsum([0, *(len(each.size) for each in parts)])
    return {
        "compared": ends.astype(np.int64),
        "size": np.concatenate([each.size for each in parts]),
        "mean": np.concatenate([each.mean for each in parts]).astype(np.float32),
        "own": np.concatenate([each.own for each in parts]),
    }
