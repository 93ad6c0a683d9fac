"""Crowds of samples of one distribution: communities of the twin graph, joined where alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.statistics.communities import communities
from stillwatch.statistics.mmd import Samples, squared_mmd_paired
from stillwatch.statistics.pairs import distinct_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

JOIN = 0.006
"""Communities whose pooled MMD^2 is below this are parts of one."""


def twin_communities(
    sample: Samples, other: NDArray[np.int64], linked: NDArray[np.bool_], least: int
) -> list[NDArray[np.int64]]:
    """Communities of at least `least` of the s samples, by their links to `other` (s, k)."""
    a, k = np.nonzero(linked)
    b = other[a, k]
    pairs, _ = distinct_pairs(np.minimum(a, b), np.maximum(a, b))
    low, high = np.minimum(a, b)[pairs], np.maximum(a, b)[pairs]
    found = communities(low, high, np.ones(len(pairs)), least)
    return _join_alike(sample, found)


def _join_alike(sample: Samples, found: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Join communities whose pooled samples are twins: Leiden cuts one large crowd into several."""
    merged: list[NDArray[np.int64]] = []
    for places in found:
        mine = pooled(sample, places)
        for i, other in enumerate(merged):
            if squared_mmd_paired(mine, pooled(sample, other))[0] <= JOIN:
                merged[i] = np.union1d(other, places)
                break
        else:
            merged.append(places)
    return merged


def pooled(sample: Samples, places: NDArray[np.int64]) -> Samples:
    """The samples at `places` as one."""
    return Samples(
        sample.size[places].sum(keepdims=True),
        sample.total[places].sum(0, keepdims=True),
        sample.squares[places].sum(keepdims=True),
    )
