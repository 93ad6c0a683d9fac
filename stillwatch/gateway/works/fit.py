"""Is what an account asks for about what a campaign's members ask for?

The account's hits are one part and members' parts are others; how near it comes is the squared MMD
to the typical member's part. Through a gateway's eyes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.membership import COMPARED, compared_with
from stillwatch.gateway.works.sample import FIRST_THREADS
from stillwatch.signals.content import SCALE
from stillwatch.statistics.mmd import squared_mmd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.gateway.works.sample import Sampled, Seen
    from stillwatch.statistics.mmd import Samples

FITTING = {4: 0.55, 6: 0.7, 8: 0.8, 12: 0.9}
"""Part of the members whose parts of so many hits fit: parts of few come near by chance more
easily, so that more is asked of them."""

SIZES = tuple(FITTING)
"""Hits at which it is looked whether a part fits; those in between are taken for the lower one."""

ELSEWHERE = 0.95
"""Part of the members beyond all of whose parts, of `COMPARED` hits or more, a part is about
something else."""

LEAST_PARTS = 8
"""Members' parts from which others' can be compared with them."""


@dataclass(frozen=True)
class Fit:
    """How parts are compared with a campaign's: members' `parts`, of some of them, how `near`
    (median squared MMD) one of so many hits has to come, by `SIZES`, and how far off it is about
    something else, `far`. Of a accounts, which ever `fits` (a,), and which by all of its hits is
    about something else, `elsewhere` (a,)."""

    parts: Samples
    near: NDArray[np.float64]
    far: NDArray[np.float64]
    fits: NDArray[np.bool_]
    elsewhere: NDArray[np.bool_]


def fit_of(campaign: int, accounts: Sampled, seen: Seen) -> Fit:
    """Members' hits, seen through the same eyes, are what others' are compared with."""
    near, far = np.full(len(SIZES), -np.inf), np.full(len(SIZES), np.inf)
    fits, elsewhere = np.zeros((2, len(accounts.key)), bool)
    account, whole = seen.parts(campaign, COMPARED, FIRST_THREADS)
    some = compared_with(np.flatnonzero(accounts.campaign[account] == campaign))
    whose, theirs = account[some], whole.at(some)
    if len(some) < LEAST_PARTS:
        return Fit(theirs, near, far, fits, elsewhere)

    def compared(least: int, most: int) -> tuple[NDArray[np.int64], NDArray, NDArray]:
        """Accounts, how near their parts come, and how near those of members do."""
        account, parts = seen.parts(campaign, least, most)
        apart = squared_mmd(parts, theirs)
        apart[account[:, None] == whose] = np.nan
        apart = np.nanmedian(apart, axis=1)
        return account, apart, apart[accounts.campaign[account] == campaign]

    for at, (size, share) in enumerate(FITTING.items()):
        account, apart, members = compared(size, size)
        near[at] = np.quantile(members, share) if len(members) >= LEAST_PARTS else near[at - 1]
        fits[account[apart <= near[at]]] = True
        if size >= COMPARED:
            far[at] = np.quantile(members, ELSEWHERE) if len(members) >= LEAST_PARTS else np.inf
    account, apart, members = compared(COMPARED, FIRST_THREADS)
    elsewhere[account[apart > np.quantile(members, ELSEWHERE)]] = True
    return Fit(theirs, near, far, fits, elsewhere)


def of_size(bounds: NDArray[np.float64], size: int) -> float:
    """The bound for a part of `size` hits, by those for parts of `SIZES`."""
    return float(bounds[bisect_right(SIZES, size) - 1])


@nb.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def apart(slot, mean, own):
    """How far off the part of an account, in its `slot`, is from a campaign's: the median of its
    `squared_mmd` to members' parts, whose embeddings are `mean` (m, d) and `own` (m,)."""
    account = slot[0]
    size = account.parts
    theirs, squared = np.empty(mean.shape[1]), 0.0
    for d in range(len(theirs)):
        total = account.sums[d] / SCALE
        squared += total * total
        theirs[d] = total / size
    within = (squared - account.squares / SCALE**2) / (size * (size - 1.0))
    out = np.empty(len(own))
    for m in range(len(own)):
        product = 0.0
        for d in range(len(theirs)):
            product += theirs[d] * mean[m, d]
        out[m] = within + own[m] - 2 * product
    return np.median(out)
