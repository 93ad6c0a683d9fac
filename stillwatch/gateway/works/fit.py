"""Is what an account asks for about what a campaign's members ask for?

The account's hits are one part and members' parts are others; they fit where the squared MMD to the
typical member's part is as small as it is between most members. Through a gateway's eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.membership import COMPARED, compared_with
from stillwatch.gateway.works.sample import FIRST_THREADS
from stillwatch.statistics.mmd import NULL_SPREAD, Samples, squared_mmd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.gateway.works.sample import Sampled, Seen

COMPARED_FROM = 4
"""Hits from which an account's part is compared."""

SIZES = (COMPARED_FROM, 6, 8, 12, FIRST_THREADS)
"""Hits at which it is looked whether a part fits, when it is learnt how often that happens."""

FITTING = 0.95
"""Part of the members whose parts fit each other's."""

ERRORS = 1.5
"""Standard errors of its own by which a part of few hits has to come nearer: few come near by
chance more easily."""

LEAST_PARTS = 8
"""Members' parts from which others' can be compared with them."""


@dataclass(frozen=True)
class Fit:
    """How parts are compared with a campaign's: members' `parts`, of some of them; how `near`
    (median squared MMD) most members come; and which of a accounts ever `fits`, (a,)."""

    parts: Samples
    near: float
    fits: NDArray[np.bool_]


def fit_of(campaign: int, accounts: Sampled, seen: Seen) -> Fit:
    """Members' hits, seen through the same eyes, are what others' are compared with."""
    fits = np.zeros(len(accounts.key), bool)
    account, parts = seen.parts(campaign, COMPARED, FIRST_THREADS)
    mine = accounts.campaign[account] == campaign
    some = compared_with(np.flatnonzero(mine))
    whose, theirs = account[some], parts.at(some)
    if len(some) < LEAST_PARTS:
        return Fit(theirs, -np.inf, fits)

    def distance(account: NDArray[np.int64], parts: Samples) -> NDArray[np.float64]:
        apart = squared_mmd(parts, theirs)
        apart[account[:, None] == whose] = np.nan
        return np.nanmedian(apart, axis=1)

    near = float(np.quantile(distance(account[mine], parts.at(mine)), FITTING))
    for size in SIZES:
        account, parts = seen.parts(campaign, size, size)
        fits[account[distance(account, parts) <= nearness(near, size)]] = True
    return Fit(theirs, near, fits)


def nearness(near: float, size: int) -> float:
    """How near a part of `size` hits has to come where most members' parts come so `near`."""
    return near - ERRORS * NULL_SPREAD * (1 / min(size, FIRST_THREADS) - 1 / FIRST_THREADS)
