"""Membership: which of a group's accounts do its common work, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.origin import KINDS
from stillwatch.campaigns.parts import parts_of
from stillwatch.statistics.mmd import NULL_SPREAD, squared_mmd
from stillwatch.statistics.order import evenly, stretches
from stillwatch.statistics.tails import at_least

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.attribution import Attribution
    from stillwatch.traffic import Incidence, Traffic

ATTRIBUTED = 0.8
"""Posterior from which an exchange is attributed: a wrong one harms an honest customer."""

LEAST_ATTRIBUTED = 3
"""Threads of common work that make a member."""

MEMBER_P = 1e-3
STRAY_RATE = 0.01
"""Least rate at which own traffic is taken for common work; a fit's own estimate if higher."""

PART_OF_TYPICAL = 0.25
"""An account must do at least this part of the common work's share in a typical member: the
accounts of one pool carry alike, and a customer's work that merely looks alike carries less."""

FAR = 0.016
"""Squared MMD, beyond sampling error, at which an account's part isn't the others' work at all:
one in a hundred pairs of people with a few interests each come nearer."""

MOST_OTHERS = 256
"""Accounts that each account is compared with."""

THEIRS = 0.5
"""Part of the other accounts that come a way who must be members for it to be the campaign's."""

MOST_OF_ONE = 128
"""Exchanges of an account's part that are looked at: as many tell what it is about."""

COMPARED = 8
"""Attributed exchanges from which an account's part is compared with the others'."""


@dataclass(frozen=True)
class Members:
    """Sorted places of members (a,), the probability that strays alone don't explain each, and the
    `share` of common work in the threads of a typical one."""

    accounts: NDArray[np.integer]
    confidences: NDArray[np.float64]
    share: float


def members(
    traffic: Traffic,
    fitted: Attribution,
    typical: float | None = None,
    like: NDArray[np.integer] | None = None,
) -> Members:
    """Who of a fitted group does its common work.

    What an account sent of one thread counts once, since a thread's exchanges stray together. Where
    the share of common work in a `typical` member is known already, with rows that are `like` it,
    accounts are compared with these instead of with each other.
    """
    everyone = len(traffic.accounts)
    chosen = fitted.told >= ATTRIBUTED
    load = np.bincount(fitted.account, minlength=everyone)
    hits = np.bincount(fitted.account[chosen], minlength=everyone)
    p = at_least(hits, load, max(STRAY_RATE, fitted.false_rate))
    found = np.flatnonzero((hits >= LEAST_ATTRIBUTED) & (p <= MEMBER_P))
    if not len(found):
        return Members(found, np.zeros(0), 0.0)
    share = hits[found] / load[found]
    typical = float(np.median(share)) if typical is None else typical
    found = found[share >= PART_OF_TYPICAL * typical]
    theirs = fitted.threads[chosen & np.isin(fitted.account, found)]
    theirs = some_of(traffic, traffic.exchanges.threads.rows(theirs))
    found = found[~elsewhere(traffic, theirs, found, theirs if like is None else like)]
    return Members(found, 1 - p[found], typical)


def some_of(traffic: Traffic, rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """Some of `rows`, which are in order of account: at most `MOST_OF_ONE` of each."""
    account = traffic.exchanges.account[rows]
    begins = np.flatnonzero(np.diff(account, prepend=-1))
    return rows[evenly(begins, np.append(begins[1:], len(rows)), MOST_OF_ONE)]


def elsewhere(
    traffic: Traffic,
    rows: NDArray[np.integer],
    accounts: NDArray[np.integer],
    like: NDArray[np.integer],
) -> NDArray[np.bool_]:
    """Whether each account's part of `rows` is about something else than the others' parts, (a,).

    `accounts` (a,) are sorted places, and the others are those whose rows `like` are; an account is
    not compared with itself. A part of few exchanges can't be compared. Where most of the others
    have larger ones, it counts as something else unless the account comes a way that is theirs:
    people who ask little are many, and some happen to ask for the like.
    """
    out = np.zeros(len(accounts), bool)
    others, many = np.unique(traffic.exchanges.account[like], return_counts=True)
    usable = others[many >= COMPARED]
    some = compared_with(usable)
    part, rest = parts_of(traffic, rows, accounts), parts_of(traffic, like, some)
    some, rest = some[rest.size >= COMPARED], rest.at(rest.size >= COMPARED)
    compared = part.size >= COMPARED
    if len(some) > 1 and len(usable) > len(others) / 2:
        out = ~compared & ~_comes_with(traffic, accounts, others)
    if not compared.any() or len(some) < 2:
        return out
    part = part.at(compared)
    apart = squared_mmd(part, rest)
    apart[accounts[compared][:, None] == some] = np.nan
    out[compared] = something_else(apart, part.size)
    return out


def compared_with(usable: NDArray[np.integer]) -> NDArray[np.integer]:
    """At most `MOST_OTHERS` of them, evenly."""
    return usable[np.linspace(0, len(usable) - 1, min(MOST_OTHERS, len(usable))).astype(np.int64)]


def something_else(apart: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether parts (a,) of `size` exchanges lie too far from others' parts: MMD^2 (a, others).

    Each account by itself, and the typical one: two large ones must not make the others' work of
    their own, nor a stray one put the others apart. NaN is left out.
    """
    return np.nanmedian(apart, axis=1) > FAR + 3 * NULL_SPREAD / size


def _comes_with(
    traffic: Traffic, accounts: NDArray[np.integer], others: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether each account has a way of access that mostly `others` have, (a,)."""
    incidence = traffic.incidence
    obj, theirs = np.unique(_ways_of(incidence, others)[1], return_counts=True)
    account, way = _ways_of(incidence, accounts)
    if not len(obj):
        return np.zeros(len(accounts), bool)
    place = np.minimum(np.searchsorted(obj, way), len(obj) - 1)
    known = np.where(obj[place] == way, theirs[place], 0)
    # The account itself may be one of the others.
    own = np.isin(account, np.intersect1d(accounts, others))
    mostly = known - own >= np.maximum(1, THEIRS * (incidence.obj_accounts[way] - 1))
    return np.isin(accounts, account[mostly])


def _ways_of(
    incidence: Incidence, accounts: NDArray[np.integer]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The ways of access of some accounts: whose, and which object, one row a use."""
    use = stretches(incidence.starts[accounts], incidence.starts[accounts + 1])
    kinds = [incidence.kinds.index(kind) for kind in KINDS]
    use = use[np.isin(incidence.obj_kind[incidence.obj[use]], kinds)]
    return incidence.account[use], incidence.obj[use]
