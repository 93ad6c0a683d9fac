"""Membership: which of a group's accounts do its common work, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from stillwatch.campaigns.parts import parts_of
from stillwatch.statistics.mmd import NULL_SPREAD, squared_mmd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.attribution import Attribution
    from stillwatch.traffic import Traffic

ATTRIBUTED = 0.8
"""Posterior from which an exchange is attributed: a wrong one harms an honest customer."""

LEAST_ATTRIBUTED = 3
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

COMPARED = 8
"""Attributed exchanges from which an account's part is compared with the others'."""


def members(traffic: Traffic, fitted: Attribution) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places of the members, sorted, and the probability that strays alone don't explain each."""
    account = traffic.exchanges.account[fitted.rows]
    everyone = len(traffic.accounts)
    load = np.bincount(account, minlength=everyone)
    chosen = fitted.posterior >= ATTRIBUTED
    hits = np.bincount(account[chosen], minlength=everyone)
    p = binom.sf(hits - 1, load, max(STRAY_RATE, fitted.false_rate))
    found = np.flatnonzero((hits >= LEAST_ATTRIBUTED) & (p <= MEMBER_P))
    if not len(found):
        return found, np.zeros(0)
    share = hits[found] / load[found]
    found = found[share >= PART_OF_TYPICAL * np.median(share)]
    found = found[~elsewhere(traffic, fitted.rows[chosen], found, found)]
    return found, 1 - p[found]


def elsewhere(
    traffic: Traffic,
    rows: NDArray[np.int64],
    accounts: NDArray[np.int64],
    others: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether each account's part of `rows` is about something else than the others' parts, (a,).

    `accounts` (a,) and `others` are sorted places, which may be the same. An account with few
    exchanges is not compared.
    """
    out = np.zeros(len(accounts), bool)
    part, rest = parts_of(traffic, rows, accounts), parts_of(traffic, rows, others)
    compared = part.size >= COMPARED
    usable = np.flatnonzero(rest.size >= COMPARED)
    some = usable[np.linspace(0, len(usable) - 1, min(MOST_OTHERS, len(usable))).astype(np.int64)]
    if not compared.any() or len(some) < 2:
        return out
    part = part.at(compared)
    apart = squared_mmd(part, rest.at(some))
    apart[accounts[compared][:, None] == others[some]] = np.nan
    # Each account by itself, and the typical one: two large ones must not make the others' work
    # of their own, nor a stray one put the others apart.
    out[compared] = np.nanmedian(apart, axis=1) > FAR + 3 * NULL_SPREAD / part.size
    return out
