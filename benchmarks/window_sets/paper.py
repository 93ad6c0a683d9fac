"""The window test of arXiv 2606.05725 as it is stated, with its threshold and with a fairer one.

A window is scored by its mean squared MMD to 20 windows drawn from the benign reference, under the
mean of Gaussian kernels at 0.5, 1, 2 and 4 times the median benign distance. The stated threshold
is the 95th percentile of 1,000 benign pairs, one window to one window. A mean over 20 draws varies
less than a single comparison, so far fewer than 5 in 100 benign windows exceed it.
`threshold(rate)` is set on scores of the same kind instead: 1,000 benign windows, each against 20
draws from the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.scoring.baselines.mmd import Reference, kernel, own_term

DRAWS = 20
PAIRS = 1_000
QUANTILE = 0.95
_CHUNK = 250


@dataclass(frozen=True)
class PaperTest:
    """`reference` holds the 20 draws, `stated` the paper's threshold, `null` sorted scores."""

    reference: Reference
    stated: float
    null: NDArray[np.float64]

    @classmethod
    def of(
        cls, benign: NDArray[np.float32], window: int, rng: np.random.Generator, pairs: int = PAIRS
    ) -> PaperTest:
        """The test for windows of `window`, from twice as many benign unit vectors (n, d)."""
        reference = Reference.of(benign, window, DRAWS, rng)
        held = kernel(benign, benign, reference.median)
        np.fill_diagonal(held, 1.0)
        alone, null = np.empty(pairs), np.empty(pairs)
        for begin in range(0, pairs, _CHUNK):
            rows = slice(begin, min(pairs, begin + _CHUNK))
            first, second, draws = _indicators(len(benign), window, rows.stop - begin, rng)
            by_first, by_second = first @ held, second @ held
            own, other = _own(by_first, first, window), _own(by_second, second, window)
            alone[rows] = own + other - 2 * (by_first * second).sum(1) / window**2
            cross = (by_first * draws).sum(1) / (window**2 * DRAWS)
            null[rows] = own + reference.own.mean() - 2 * cross
        return cls(reference, float(np.quantile(alone, QUANTILE)), np.sort(null))

    def threshold(self, rate: float) -> float:
        """Score that a share `rate` of benign windows exceeds."""
        return float(np.quantile(self.null, 1 - rate, method="higher"))

    def across(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean kernel of each point (n, d) to the points of the 20 draws, (n,)."""
        weight = np.bincount(self.reference.draws.ravel(), minlength=len(self.reference.pool))
        found = [
            kernel(part, self.reference.pool, self.reference.median) @ weight
            for part in np.array_split(points, max(1, len(points) // 1_000))
        ]
        return np.concatenate(found) / weight.sum()

    def score(self, points: NDArray[np.float32], across: NDArray[np.float64]) -> float:
        """Mean squared MMD of a window (window, d) to the 20 draws; `across` (window,) is known."""
        own = own_term(points, self.reference.median)
        return float(own + self.reference.own.mean() - 2 * across.mean())


def _indicators(
    n: int, window: int, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """For `count` windows: themselves, a second one, and 20 draws from outside them, summed.

    Each (count, n). The second is the first of the draws.
    """
    first, second, draws = (np.zeros((count, n), np.float32) for _ in range(3))
    for row in range(count):
        dealt = rng.permutation(n)
        first[row, dealt[:window]] = 1
        rest = dealt[window:]
        second[row, rest[:window]] = 1
        draws[row] = second[row]
        for _ in range(DRAWS - 1):
            draws[row, rng.permutation(rest)[:window]] += 1
    return first, second, draws


def _own(by: NDArray, chosen: NDArray, window: int) -> NDArray[np.float64]:
    """Mean kernel within each window, from its kernel sums; the diagonal, which is 1, left out."""
    return ((by * chosen).sum(1, dtype=np.float64) - window) / (window * (window - 1))
