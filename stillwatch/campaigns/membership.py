"""Membership: which of a group's accounts do its common work, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from stillwatch.statistics.mmd import NULL_SPREAD, samples, squared_mmd_paired
from stillwatch.statistics.sums import sums_by_account

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

PART_OF_TYPICAL = 0.4
"""An account must do at least this part of the common work's share in a typical member: the
accounts of one pool carry alike, and a customer's work that merely looks alike carries less."""

FAR = 0.03
"""Squared MMD, beyond sampling error, at which an account's part isn't the others' work at all."""

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
    found = found[~_elsewhere(traffic, fitted.rows[chosen], found)]
    return found, 1 - p[found]


def _elsewhere(
    traffic: Traffic, rows: NDArray[np.int64], accounts: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each account's attributed exchanges are about something else than all the others'."""
    total, squares, used = sums_by_account(
        traffic.exchanges.account,
        traffic.exchanges.content,
        rows,
        accounts,
        len(traffic.accounts),
    )
    out = np.zeros(len(accounts), bool)
    others = used.sum() - used
    compared = (used >= COMPARED) & (others >= COMPARED)
    if compared.any():
        mine = samples(total[compared], squares[compared], used[compared], traffic.scale)
        rest = samples(
            (total.sum(0) - total)[compared],
            (squares.sum() - squares)[compared],
            others[compared],
            traffic.scale,
        )
        error = NULL_SPREAD * (1 / mine.size + 1 / rest.size)
        out[compared] = squared_mmd_paired(mine, rest) > FAR + 3 * error
    return out
