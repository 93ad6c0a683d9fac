"""Crowds of samples of one distribution: communities of the twin graph, joined where alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.statistics.communities import communities
from stillwatch.statistics.mmd import Embedded
from stillwatch.statistics.pairs import distinct_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

COHESION = 0.003
"""Mean squared MMD between two members up to which a community is one crowd. It averages over
pairs, so its error is small: what is fed from one queue stays below 0.001, mixed with a pool's
customers too; a crowd of people, each within sampling error of a few others, is at 0.004 and up."""


def twin_communities(
    sample: Embedded, other: NDArray[np.integer], linked: NDArray[np.bool_], least: int
) -> list[NDArray[np.integer]]:
    """Communities of at least `least` of the s samples, by their links to `other` (s, k)."""
    a, k = np.nonzero(linked)
    b = other[a, k]
    pairs, _ = distinct_pairs(np.minimum(a, b), np.maximum(a, b))
    low, high = np.minimum(a, b)[pairs], np.maximum(a, b)[pairs]
    found = communities(low, high, np.ones(len(pairs)), least)
    return _join_alike(sample, [f for f in found if spread_within(sample, f) <= COHESION])


def spread_within(sample: Embedded, places: NDArray[np.integer]) -> float:
    """Mean unbiased squared MMD over all pairs of two or more samples, each counted alike."""
    some = sample.at(places)
    mean, n = some.mean, len(places)
    total = mean.sum(0, dtype=float)
    itself = np.einsum("sd,sd->", mean, mean, dtype=float)
    across = (total @ total - itself) / (n * (n - 1))
    return float(2 * some.own.mean() - 2 * across)


def _join_alike(sample: Embedded, found: list[NDArray[np.integer]]) -> list[NDArray[np.integer]]:
    """Join communities that are one crowd: Leiden cuts a large one into several.

    Two are where the mean unbiased squared MMD over pairs of one sample of each is small.
    """
    merged: list[NDArray[np.integer]] = []
    heads: list[tuple[NDArray[np.float64], float]] = []
    for places in found:
        mean, own = _middle(sample, places)
        for i, (other_mean, other_own) in enumerate(heads):
            if own + other_own - 2 * mean @ other_mean <= COHESION:
                merged[i] = np.union1d(merged[i], places)
                heads[i] = _middle(sample, merged[i])
                break
        else:
            merged.append(places)
            heads.append((mean, own))
    return merged


def _middle(sample: Embedded, places: NDArray[np.integer]) -> tuple[NDArray[np.float64], float]:
    some = sample.at(places)
    return some.mean.mean(0, dtype=float), float(some.own.mean())
