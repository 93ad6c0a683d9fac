"""Following leads: who here carries what peers told of a campaign, far beyond what others do.

Such accounts are a candidate group like any other. They are sought after the first pass, among
those that nothing explains yet: an owner's fleet, a class or a benchmark run that carries what was
told is still that. A lead whose marks are common here is dropped whole: it would point at honest
accounts, whether its peer errs, lies or was lied to.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.component import Test
from stillwatch.campaigns.extension import EXCUSED
from stillwatch.campaigns.judgement import LEAST_MEMBERS
from stillwatch.columns import spans
from stillwatch.statistics.mmd import NULL_SPREAD, samples, squared_mmd
from stillwatch.statistics.pairs import distinct_by
from stillwatch.statistics.tails import at_least
from stillwatch.traffic import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.leads import Centre, Lead
    from stillwatch.traffic import Traffic

LEAST_HITS = 2
"""Threads with a mark that make an account stand out."""

CARRIES_P = 1e-3
"""Probability by chance at which an account stands out; less by as many leads as its peer has."""

USUAL = 1e-3
"""Least rate at which anybody's threads are taken to carry a mark."""

LEAST_COMPARED = 8
"""Exchanges of an account from which its content is compared with a centroid."""

MOST_CARRIERS = 0.05
"""Share of the accounts that nothing explains beyond which one peer's leads are dropped: their
marks are common here."""

LED = "peers told of "
"""How a group says in `found_by` which lead led to it."""


@dataclass(frozen=True)
class Trail:
    """Where a lead leads: `accounts` (a,) that stand out, sorted places, and the figures. Of them
    `near` (b,) are those whose content comes near what was told: marks alone has also who asks for
    what everybody tests models with.

    `rows` are some exchanges that carry a mark. `common` is whether it is dropped.
    """

    lead: Lead
    accounts: NDArray[np.integer]
    near: NDArray[np.integer]
    rows: NDArray[np.integer]
    common: bool
    figures: dict[str, float | int | str]


def trails(
    traffic: Traffic, leads: Sequence[Lead], judged: list[Verdict], outside: NDArray[np.integer]
) -> list[Trail]:
    """Where leads lead; the accounts `outside` are those that groups were judged against."""
    free = np.ones(len(traffic.accounts), bool)
    for verdict in judged:
        if verdict.kind.removeprefix("rival:") in EXCUSED:
            free[verdict.group.accounts] = False
    honest = np.zeros(len(traffic.accounts), bool)
    honest[outside] = True
    told = Counter(lead.peers[0] for lead in leads)
    found = [_trail(traffic, lead, told[lead.peers[0]], free, honest) for lead in leads]
    return _bounded(found, int(free.sum()))


def _bounded(found: list[Trail], eligible: int) -> list[Trail]:
    """The same, with those dropped by which one peer would point at too many accounts."""
    pointed: Counter[str] = Counter()
    kept = []
    for trail in found:
        pointed[trail.lead.peers[0]] += len(trail.accounts)
        common = pointed[trail.lead.peers[0]] > MOST_CARRIERS * eligible
        kept.append(replace(trail, common=common))
    return kept


def followed(
    groups: list[Group], judged: list[Verdict], found: list[Trail]
) -> tuple[list[Group], int]:
    """The groups with those that leads lead to, taken out of the groups that they were in; and how
    many these are.

    Members of campaigns stay where they are. Largest first, disjoint.
    """
    members = [v.accounts for v in judged if v.kind == "distillation"]
    taken = np.concatenate([np.zeros(0, np.int64), *members])
    new = []
    for trail in sorted(found, key=lambda trail: (-trail.lead.weight, trail.lead.name)):
        mine = np.setdiff1d(trail.accounts, taken)
        if not trail.common and len(mine) >= LEAST_MEMBERS:
            new.append(Group(mine, (LED + trail.lead.name,)))
            taken = np.union1d(taken, mine)
    led = np.concatenate([np.zeros(0, np.int64), *(group.accounts for group in new)])
    rest = [Group(np.setdiff1d(g.accounts, led), g.found_by) for g in groups]
    kept = [group for group in (*new, *rest) if len(group.accounts)]
    return sorted(kept, key=lambda g: (-len(g.accounts), g.accounts.tolist())), len(new)


def word_on(group: Group, found: list[Trail]) -> Test | None:
    """What peers' word counts for in the judgement of a group that they led to."""
    led_by = [trail for trail in found if LED + trail.lead.name in group.found_by]
    if not led_by:
        return None
    trail = max(led_by, key=lambda trail: trail.lead.weight)
    lead, n = trail.lead, len(np.intersect1d(trail.accounts, group.accounts))
    if n < LEAST_MEMBERS:
        return None
    says = (
        f"{n} of the accounts carry marks of a campaign that {' and '.join(lead.peers)} told of. "
        "That is where was looked; it counts for little beside what was found."
    )
    return Test("told_by_peers", lead.weight, says, _figures(trail), trail.rows)


def surest(group: Group, found: list[Trail]) -> list[Group]:
    """Of a group that a lead led to, those accounts that come near it by content, if they are fewer
    and enough to judge."""
    near = [trail.near for trail in found if LED + trail.lead.name in group.found_by]
    core = np.intersect1d(group.accounts, np.concatenate([np.zeros(0, np.int64), *near]))
    if not LEAST_MEMBERS <= len(core) < len(group.accounts):
        return []
    return [Group(core, (*group.found_by, "near by content"))]


def told_of(found: list[Trail]) -> list[dict[str, Any]]:
    """What became of each lead, for the record of a run."""
    return [
        {
            "lead": trail.lead.name,
            "peers": list(trail.lead.peers),
            "weight": round(trail.lead.weight, 3),
            "dropped": trail.common,
            **trail.figures,
        }
        for trail in found
    ]


def _figures(trail: Trail) -> dict[str, float | int | str]:
    told = {f"told_{kind}": count for kind, count in trail.lead.told.items()}
    peers = {"lead": trail.lead.name, "peers": ", ".join(trail.lead.peers)}
    return {**peers, **told, **trail.figures}


def _trail(
    traffic: Traffic,
    lead: Lead,
    leads: int,
    free: NDArray[np.bool_],
    honest: NDArray[np.bool_],
) -> Trail:
    exchanges, everyone = traffic.exchanges, len(traffic.accounts)
    load = np.diff(exchanges.threads.starts)
    rows = _marked(traffic, lead)
    account = exchanges.account[rows]
    hits = distinct_by(account, exchanges["thread"][rows], everyone)
    among = np.flatnonzero(honest & (load > 0))
    usual = max(USUAL, float(np.median(hits[among] / load[among])) if len(among) else 1.0)
    p = at_least(hits, load, usual)
    stands_out = (hits >= LEAST_HITS) & (p <= CARRIES_P / leads)
    near = np.zeros(everyone, bool)
    for centre in lead.centres:
        near[_near(traffic, centre)] = True
    found = np.flatnonzero((stands_out | near) & free)
    return Trail(
        lead,
        found,
        np.flatnonzero(near & free),
        rows[np.isin(account, found)][:6],
        False,
        {
            "accounts_by_marks": int((stands_out & free).sum()),
            "accounts_by_content": int((near & free).sum()),
            "accounts_looked_at": int(free.sum()),
            "usual_rate": round(usual, 6),
        },
    )


def _marked(traffic: Traffic, lead: Lead) -> NDArray[np.integer]:
    """Rows of exchanges that carry a mark of a lead, in order."""
    exchanges = traffic.exchanges
    mine = np.zeros(len(exchanges), bool)
    if len(lead.networks):
        mine |= _among(exchanges["network"][:], lead.networks)
    if len(lead.bands):
        rows = np.arange(len(exchanges))
        at = 0
        for values, part in spans(exchanges["bands"], rows):
            mine[rows[at : at + len(part)]] |= _among(values[part], lead.bands).any(1)
            at += len(part)
    return np.flatnonzero(mine)


def _among(keys: NDArray[np.uint64], told: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which keys are among `told`, sorted; 0, which is unknown, never is."""
    place = np.minimum(np.searchsorted(told, keys), len(told) - 1)
    return (told[place] == keys) & (keys != 0)


def _near(traffic: Traffic, centre: Centre) -> NDArray[np.integer]:
    """Accounts whose content of the centroid's kind lies within its radius, and surely so."""
    slices = traffic.slices
    at = slices.of(centre.about, LEAST_COMPARED)
    if not len(at):
        return at
    size = slices.exchanges[at]
    each = samples(slices.total[at], slices.squares[at], size, traffic.scale)
    apart = squared_mmd(each, centre.mean)[:, 0]
    return slices.account[at[apart + NULL_SPREAD / size <= centre.radius]]
