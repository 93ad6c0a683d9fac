"""Twins: accounts whose exchanges could be samples of one distribution, slice by slice.

Candidates are each slice's nearest neighbours by kernel mean embedding. Two are linked where the
unbiased MMD is within sampling error of zero and the error is small enough that two strangers
would have shown: strangers of a few interests each lie at 0.03 to 0.2, of broad interests above
0.01 (measured on real chats, 100 exchanges each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.groups.communities import communities
from stillwatch.statistics.mmd import (
    Samples,
    nearest_twins,
    null_spread,
    samples,
    squared_mmd_paired,
)
from stillwatch.statistics.pairs import distinct_pairs
from stillwatch.tables import CAPABILITIES
from stillwatch.traffic import WHOLE, Group, Nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Slices, Traffic

LEAST_EXCHANGES = 16
NEIGHBOURS = 12
WITHIN_ERROR = 3.0
CEILING = 0.012
"""Largest MMD^2 plus one standard error that still counts as twins."""

JOIN = 0.006
"""Communities whose pooled MMD^2 is below this are parts of one."""

LEAST_ACCOUNTS = 4
_SKIPPED = {CAPABILITIES.index("chat"), CAPABILITIES.index("other")}
"""Slices that no campaign is after; whole accounts are still compared."""


TOLD = 5
"""Neighbours that an explanation names."""


def twin_groups(traffic: Traffic) -> tuple[list[Group], Nearest]:
    """Groups of twins, over whole accounts and over each capability that is worth harvesting.

    Also the nearest others of every account that can be compared, by its whole traffic.
    """
    found = []
    nearest = Nearest(np.zeros(0, np.int64), *(np.zeros((0, TOLD), t) for t in "qdd"))
    for capability in (WHOLE, *range(len(CAPABILITIES))):
        if capability in _SKIPPED:
            continue
        rows = traffic.slices.of(capability, LEAST_EXCHANGES)
        if len(rows) < LEAST_ACCOUNTS:
            continue
        label = "whole" if capability == WHOLE else CAPABILITIES[capability]
        owner = traffic.slices.account[rows]
        sample = sample_of(traffic.slices, rows, traffic.scale)
        spread = halves_spread(traffic.slices, rows, traffic.scale)
        other, mmd2 = nearest_twins(sample, NEIGHBOURS)
        error = spread * (1 / sample.size[:, None] + 1 / sample.size[other])
        if capability == WHOLE:
            told = slice(0, TOLD)
            nearest = Nearest(
                owner, owner[other[:, told]], mmd2[:, told], (mmd2 / error)[:, told]
            )
        for places in _communities_of_twins(sample, other, mmd2, error):
            found.append(Group(np.sort(owner[places]), (f"twins:{label}",)))
    return found, nearest


def sample_of(slices: Slices, rows: NDArray[np.int64], scale: float) -> Samples:
    """The slices at `rows` as samples."""
    return samples(slices.total[rows], slices.squares[rows], slices.exchanges[rows], scale)


def halves_spread(slices: Slices, rows: NDArray[np.int64], scale: float) -> float:
    """The null spread of `rows`, from the halves of their exchanges."""
    odd = samples(
        slices.odd_total[rows], slices.odd_squares[rows], slices.odd_exchanges[rows], scale
    )
    even = samples(
        slices.total[rows] - slices.odd_total[rows],
        slices.squares[rows] - slices.odd_squares[rows],
        slices.exchanges[rows] - slices.odd_exchanges[rows],
        scale,
    )
    return null_spread(odd, even)


def _communities_of_twins(
    sample: Samples,
    other: NDArray[np.int64],
    mmd2: NDArray[np.float64],
    error: NDArray[np.float64],
) -> list[NDArray[np.int64]]:
    linked = (mmd2 <= WITHIN_ERROR * error) & (mmd2 + error <= CEILING)
    a, k = np.nonzero(linked)
    b = other[a, k]
    pairs, _ = distinct_pairs(np.minimum(a, b), np.maximum(a, b))
    low, high = np.minimum(a, b)[pairs], np.maximum(a, b)[pairs]
    found = communities(low, high, np.ones(len(pairs)), LEAST_ACCOUNTS)
    return _join_alike(sample, found)


def _join_alike(
    sample: Samples, found: list[NDArray[np.int64]]
) -> list[NDArray[np.int64]]:
    """Join communities whose pooled samples are twins: Leiden cuts one large crowd into several."""
    merged: list[NDArray[np.int64]] = []
    for places in found:
        mine = _pooled(sample, places)
        for i, other in enumerate(merged):
            if squared_mmd_paired(mine, _pooled(sample, other))[0] <= JOIN:
                merged[i] = np.union1d(other, places)
                break
        else:
            merged.append(places)
    return merged


def _pooled(sample: Samples, places: NDArray[np.int64]) -> Samples:
    return Samples(
        sample.size[places].sum(keepdims=True),
        sample.total[places].sum(0, keepdims=True),
        sample.squares[places].sum(keepdims=True),
    )
