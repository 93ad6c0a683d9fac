"""Which of a group's threads come from its one program, and which accounts carry them.

Every kind of thread (settings, and read or not) has a share in a typical account of the group and
one in a typical account outside. What is above the latter is the program's, so of a kind with
shares p inside and q outside, a thread is the program's with a probability of 1 - q / p at least.
Settings are a program's where threads that nobody read under them are a large part of the group's
(of nearly the same size as those of its most used ones): what a pool's customers happen to use is
each a small part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.membership import (
    ATTRIBUTED,
    LEAST_ATTRIBUTED,
    MEMBER_P,
    STRAY_RATE,
)
from stillwatch.campaigns.origin import KINDS
from stillwatch.statistics.tails import at_least

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.wordless.works import Works
    from stillwatch.traffic import Traffic

LEAST_SHARE = 0.03
"""Share of the group's threads, unread ones under some settings, from which these can be its
program's."""

OF_THE_LARGEST = 0.2
"""The same, in parts of the most used ones' share."""

PART_OF_TYPICAL = 0.4
"""Part of a typical account's share that a member has at least: settings alone tell less than
content does, so it is more than `membership` asks."""

PART_UNREAD = 0.6
"""Of an account's threads under these settings nobody reads this part of a typical share, at
least."""

RARE = 0.01
"""Share of all accounts up to which a way of access says that two of them belong together."""

WAYS = 2
"""Of one hosting company's prefix any customer of it comes."""


@dataclass(frozen=True)
class Carried:
    """A program's work: its `accounts` (a,) with the probability that strays don't explain each,
    and for all threads of the log the `posterior` (t,), nil where it is not carried by them."""

    accounts: NDArray[np.integer]
    confidences: NDArray[np.float64]
    posterior: NDArray[np.float64]


def carried(
    works: Works,
    group: NDArray[np.integer],
    beside: NDArray[np.integer],
    outsiders: NDArray[np.integer],
    everyone: int,
) -> Carried:
    """What accounts of a `group`, and those `beside` it, carry of its one program.

    All are sorted places. The program is the group's; accounts beside it may only be found to carry
    it too.
    """
    accounts = np.union1d(group, beside)
    cell = 2 * works.settings + works.unread
    inside = _shares(works, cell, group, everyone)
    outside = _shares(works, cell, outsiders, everyone)
    unread = inside[1::2] * (works.keys != 0)
    large = unread >= max(LEAST_SHARE, OF_THE_LARGEST * float(unread.max(initial=0.0)))
    excess = 1 - np.divide(outside, inside, out=np.ones(len(inside)), where=inside > 0)
    excess = np.where(np.repeat(large, 2), np.clip(excess, 0.0, 0.999), 0.0)
    posterior = np.where(np.isin(works.account, accounts), excess[cell], 0.0)
    hit = posterior >= ATTRIBUTED
    load, hits, unread_hits = (
        np.bincount(works.account[which], minlength=everyone)[accounts]
        for which in (slice(None), hit, hit & works.unread)
    )
    stray = max(STRAY_RATE, float(outside[excess >= ATTRIBUTED].sum()))
    p = at_least(hits, load, min(stray, 1.0))
    found = (hits >= LEAST_ATTRIBUTED) & (p <= MEMBER_P)
    if found.any():
        share, kept = hits / np.maximum(load, 1), unread_hits / np.maximum(hits, 1)
        # Who has the same settings by chance, and reads the answers, is no part of it.
        found &= kept >= PART_UNREAD * np.median(kept[found])
        found &= share >= PART_OF_TYPICAL * np.median(share[found])
    posterior = np.where(np.isin(works.account, accounts[found]), posterior, 0.0)
    return Carried(accounts[found], 1 - p[found], posterior)


def beside(traffic: Traffic, group: NDArray[np.integer]) -> NDArray[np.integer]:
    """Accounts outside a group that share rare ways of access with it, at least `WAYS`, (b,)."""
    incidence, everyone = traffic.incidence, len(traffic.accounts)
    inside = np.zeros(everyone, bool)
    inside[group] = True
    kinds = [incidence.kinds.index(kind) for kind in KINDS]
    rare = incidence.obj_accounts <= max(2, RARE * everyone)
    wanted = np.isin(incidence.obj_kind, kinds) & rare
    theirs = np.zeros(len(wanted), bool)
    theirs[incidence.obj[inside[incidence.account]]] = True
    ways = np.bincount(incidence.account[(wanted & theirs)[incidence.obj]], minlength=everyone)
    return np.flatnonzero((ways >= WAYS) & ~inside)


def _shares(
    works: Works, cell: NDArray[np.integer], accounts: NDArray[np.integer], everyone: int
) -> NDArray[np.float64]:
    """Mean over accounts of the share of each cell in their threads, (cells,)."""
    chosen = np.zeros(everyone, bool)
    chosen[accounts] = True
    mine = chosen[works.account]
    load = np.bincount(works.account, minlength=everyone)
    weight = 1 / load[works.account[mine]]
    total = np.bincount(cell[mine], weights=weight, minlength=2 * len(works.keys))
    return total / max(1, len(accounts))
