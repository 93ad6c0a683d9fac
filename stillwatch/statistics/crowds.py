"""Crowds of samples of one distribution: communities of the twin graph, joined where alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.statistics.communities import communities
from stillwatch.statistics.mmd import Samples
from stillwatch.statistics.pairs import distinct_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

COHESION = 0.003
"""Mean squared MMD between two members up to which a community is one crowd. It averages over
pairs, so its error is small: what is fed from one queue stays below 0.001, mixed with a pool's
customers too; a crowd of people, each within sampling error of a few others, is at 0.004 and up."""


def twin_communities(
    sample: Samples, other: NDArray[np.int64], linked: NDArray[np.bool_], least: int
) -> list[NDArray[np.int64]]:
    """Communities of at least `least` of the s samples, by their links to `other` (s, k)."""
    a, k = np.nonzero(linked)
    b = other[a, k]
    pairs, _ = distinct_pairs(np.minimum(a, b), np.maximum(a, b))
    low, high = np.minimum(a, b)[pairs], np.maximum(a, b)[pairs]
    found = communities(low, high, np.ones(len(pairs)), least)
    return _join_alike(sample, [f for f in found if spread_within(sample, f) <= COHESION])


def spread_within(sample: Samples, places: NDArray[np.int64]) -> float:
    """Mean unbiased squared MMD over all pairs of two or more samples, each counted alike."""
    mean, n = sample.mean[places], len(places)
    total = mean.sum(0)
    across = (total @ total - (mean**2).sum()) / (n * (n - 1))
    return float(2 * sample.own[places].mean() - 2 * across)


def _spread_between(sample: Samples, first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Mean unbiased squared MMD over pairs of one sample of each side."""
    across = sample.mean[first].mean(0) @ sample.mean[second].mean(0)
    return float(sample.own[first].mean() + sample.own[second].mean() - 2 * across)


def _join_alike(sample: Samples, found: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Join communities that are one crowd: Leiden cuts a large one into several."""
    merged: list[NDArray[np.int64]] = []
    for places in found:
        for i, other in enumerate(merged):
            if _spread_between(sample, places, other) <= COHESION:
                merged[i] = np.union1d(other, places)
                break
        else:
            merged.append(places)
    return merged
