"""Retained uplift: how much of what a teacher is worth survives a countermeasure.

    retained = (defended - base) / (full - base)

of accuracies on the test: of a student with only its own examples, of one of everything undefended,
and of one under the countermeasure; the worst case over operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.scoring.intervals import over_seeds

LEAST_UPLIFT = 0.1
"""Where full answers teach no more than this, shares of it mean nothing."""
_RESAMPLES = 2_000


@dataclass(frozen=True)
class Retained:
    """A share (below 0 and above 1 by chance) with its interval at 95%, and what that is over."""

    share: float
    low: float
    high: float
    over: str


def retained(defended: float, base: float, full: float) -> float | None:
    """The share; None where there is next to no uplift to keep.

    >>> round(retained(0.4, 0.25, 1.0), 3)
    0.2
    """
    uplift = full - base
    return None if uplift < LEAST_UPLIFT else (defended - base) / uplift


def over_test(
    defended: Sequence[bool], base: Sequence[bool], full: Sequence[bool], seed: int = 0
) -> Retained | None:
    """Of one seed: the bootstrap's interval over the test's prompts, which all three share."""
    hits = np.array([defended, base, full], dtype=np.float64)
    share = retained(*(float(row.mean()) for row in hits))
    if share is None:
        return None
    random = np.random.default_rng(seed)
    count = hits.shape[1]
    drawn = random.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES) @ hits.T / count
    uplift = np.maximum(drawn[:, 2] - drawn[:, 1], 1 / count)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / uplift, (0.025, 0.975))
    return Retained(share, float(low), float(high), "the test's prompts (bootstrap)")


def over_several(shares: Sequence[float | None]) -> Retained | None:
    """Of several seeds: their mean with Student's t; None where one of them has no uplift."""
    if any(share is None for share in shares):
        return None
    pooled = over_seeds(shares, bounds=(-10, 10))
    if pooled.mean is None:
        return None
    low = pooled.mean if pooled.interval is None else pooled.interval.low
    high = pooled.mean if pooled.interval is None else pooled.interval.high
    return Retained(pooled.mean, low, high, f"{pooled.seeds} seeds (Student's t)")
