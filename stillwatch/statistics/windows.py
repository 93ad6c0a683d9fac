"""Does a window of traffic hold something that a benign reference does not, be it a small part?

The maximum mean discrepancy between a window and a reference (arXiv 2606.05725) averages over the
window: a share e of strangers moves it by e squared. Here a window is seen in three ways, and what
is rare and concentrated shows in the last two:

- *shift*: the squared distance of the means, each direction in units of the reference's spread
  (the regularised kernel Fisher discriminant of Harchaoui, Bach and Moulines 2008, linear kernel);
- *crowding*: the ball about a point that reaches to its K-th nearest reference point holds a
  Beta(K, n - K + 1) share of benign traffic, whatever its distribution (Loftsgaarden and
  Quesenberry 1965; the coverage goes back to Wilks 1941), so the number of the window's other
  points inside is beta-binomial: an exact p-value a point, small where the window is locally denser
  than the reference. Their squared logarithms are summed, so that few strong ones count for more
  than many weak ones;
- *novelty*: how far that K-th reference point is, as a rank among the reference's own distances;
  the logarithms are summed (Fisher 1932).

The three are put on one scale by a Pearson III curve through their first three moments, and joined
by Fisher's sum. Nothing but benign traffic sets the test up: the null are windows drawn from the
reference, each against the rest of it. A fresh window is held against as many reference points, so
if it is benign it is as good as one of them, and the threshold is a quantile of theirs.

All similarities are inner products: vectors are to be of unit length, or zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
from scipy.stats import betabinom, pearson3

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = ("shift", "crowding", "novelty")
K = 8
"""Reference points that a point's ball reaches over; on development pairs 4 to 16 did alike."""

NULL_WINDOWS = 1_000
RIDGE = 1.0
"""Added to the variance of each direction, in units of the mean variance of all."""

_LISTED = 64
"""Neighbours kept of a reference point: with half of them in a null window, 8 others are among
them but for one point in 10^10."""

_LEAST_P = 1e-15
_LEAST_SKEW = 0.02
_BLOCK = 1_024


@dataclass(frozen=True)
class WindowTest:
    """A test of windows of one size against a benign reference; `WindowTest.of` sets it up.

    `others` (n - window, d) are the reference points that fresh windows meet, `centre` (d,) their
    mean, `reach` their sorted similarities to their K-th nearest. `spread` (d, d) turns a
    difference of means into units of spread, `crowding_of_count` (window,) a count of points in a
    ball into its part of the sum. `moments` (3, 3) are mean, deviation and skewness of each part
    over null windows, `null` the sorted scores of these.
    """

    window: int
    others: NDArray[np.float32]
    centre: NDArray[np.float32]
    reach: NDArray[np.float32]
    spread: NDArray[np.float32]
    crowding_of_count: NDArray[np.float64]
    moments: NDArray[np.float64]
    null: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        reference: NDArray[np.float32],
        window: int,
        rng: np.random.Generator,
        null_windows: int = NULL_WINDOWS,
    ) -> WindowTest:
        """The test for windows of `window` points, from benign points (n, d).

        Takes about n squared multiplications a component. Raises `ValueError` where n is below
        twice the window, or a point is not finite.
        """
        points = _checked(reference)
        n = len(points)
        if window < 2 or n < 2 * window or n - window <= K:
            raise ValueError(
                f"a window of {window} wants a reference of at least {max(2 * window, K + 3)} "
                f"points, not {n}; take a smaller window or more benign traffic"
            )
        spread = _inverse_spread(points)
        scaled = points @ spread
        near, similarity = _nearest(points, min(_LISTED, n - 1))
        table = _crowding_of_count(window, n - window)
        drawn = np.stack([rng.permutation(n)[:window] for _ in range(null_windows)])
        inside = np.zeros(n, bool)
        parts = np.empty((null_windows, len(PARTS)))
        for row, places in zip(parts, drawn, strict=True):
            inside[:] = False
            inside[places] = True
            reach, count = _against_rest(near, similarity, inside)
            shift = scaled[inside].mean(0) - scaled[~inside].mean(0)
            row[:] = (
                shift @ shift,
                table[count[inside]].sum(),
                _novelty(reach[inside], np.sort(reach[~inside])),
            )
        rest = np.sort(rng.permutation(n)[: n - window])
        inside[:] = True
        inside[rest] = False
        reach, _ = _against_rest(near, similarity, inside)
        mean, deviation = parts.mean(0), np.maximum(parts.std(0), 1e-9)
        skewness = (((parts - mean) / deviation) ** 3).mean(0)
        moments = np.stack([mean, deviation, np.maximum(skewness, _LEAST_SKEW)])
        return cls(
            window=window,
            others=points[rest],
            centre=points[rest].mean(0),
            reach=np.sort(reach[rest]),
            spread=spread,
            crowding_of_count=table,
            moments=moments,
            null=np.sort(_joined(parts, moments)),
        )

    def reach_of(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Similarity of each of any number of points (n, d) to its K-th nearest other, (n,)."""
        points = _checked(points)
        return np.concatenate(
            [
                np.partition(part @ self.others.T, len(self.others) - K, axis=1)[:, -K]
                for part in np.array_split(points, max(1, len(points) // _BLOCK))
            ]
        )

    def parts(
        self, points: NDArray[np.float32], reach: NDArray[np.float32] | None = None
    ) -> NDArray[np.float64]:
        """Shift, crowding and novelty of one window (window, d), as `PARTS` names them: (3,).

        `reach` (window,) is what `reach_of` gave for these points, if it is known already. Raises
        `ValueError` where a shape is another, or a point is not finite.
        """
        points = _checked(points)
        if points.shape != (self.window, self.others.shape[1]):
            raise ValueError(
                f"the test is for windows of shape {(self.window, self.others.shape[1])}, "
                f"not {points.shape}"
            )
        reach = self.reach_of(points) if reach is None else reach
        # A point is no neighbour of itself, though rounding may put it outside its own ball.
        inside = points @ points.T > reach[:, None]
        np.fill_diagonal(inside, val=False)
        shift = (points.mean(0) - self.centre) @ self.spread
        return np.array(
            [
                shift @ shift,
                self.crowding_of_count[inside.sum(1)].sum(),
                _novelty(reach, self.reach),
            ]
        )

    def score(self, points: NDArray[np.float32], reach: NDArray[np.float32] | None = None) -> float:
        """How unlike benign a window (window, d) is: Fisher's sum over its parts, in nats.

        `reach` and errors are as for `parts`.
        """
        return float(_joined(self.parts(points, reach)[None], self.moments)[0])

    def threshold(self, rate: float) -> float:
        """Score that a share `rate` of benign windows exceeds, by the null windows.

        Raises `ValueError` for a rate that is not between 1 / null windows and 1.
        """
        if not 1 / len(self.null) <= rate < 1:
            raise ValueError(
                f"{len(self.null)} null windows tell rates from {1 / len(self.null):g} to 1, "
                f"not {rate:g}; set the test up with more"
            )
        return float(np.quantile(self.null, 1 - rate, method="higher"))

    def p(self, points: NDArray[np.float32]) -> float:
        """p-value of a window (window, d) by its rank among the null windows."""
        beyond = len(self.null) - np.searchsorted(self.null, self.score(points), side="left")
        return float((1 + beyond) / (1 + len(self.null)))


def _checked(points: NDArray) -> NDArray[np.float32]:
    points = np.ascontiguousarray(points, np.float32)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise ValueError("points are to be finite numbers in two dimensions, a row each")
    return points


def _inverse_spread(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(d, d): a difference times this has about unit variance in each direction of wide spread."""
    centred = (points - points.mean(0)).astype(np.float64)
    variance, axes = np.linalg.eigh(centred.T @ centred / len(points))
    floor = RIDGE * max(float(variance.mean()), 1e-12)
    return (axes / np.sqrt(np.maximum(variance, 0) + floor)).astype(np.float32)


def _crowding_of_count(window: int, others: int) -> NDArray[np.float64]:
    """Squared -log p of `count` of the window's other points in a ball, by count: (window,)."""
    count = np.arange(window)
    p = betabinom.sf(count - 1, window - 1, K, others - K + 1)
    return np.log(np.maximum(p, _LEAST_P)) ** 2


def _novelty(reach: NDArray, usual: NDArray) -> float:
    """Sum of -log p over points that reach this far (m,), p by rank among sorted `usual`."""
    p = (1 + np.searchsorted(usual, reach, side="right")) / (1 + len(usual))
    return float(-np.log(p).sum())


def _joined(parts: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fisher's sum over the parts (w, 3), each by the Pearson III curve of its moments: (w,)."""
    mean, deviation, skewness = moments
    # Far out the curve's tail is zero in double precision, and 700 nats a part are enough.
    tail = pearson3.logsf((parts - mean) / deviation, skewness)
    return -np.maximum(tail, -700).sum(1)


def _nearest(
    points: NDArray[np.float32], k: int
) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
    """Of each point the `k` most similar others, nearest first, and their similarities, (n, k)."""
    n = len(points)
    near, similarity = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    for begin in range(0, n, _BLOCK):
        end = min(n, begin + _BLOCK)
        block = points[begin:end] @ points.T
        block[np.arange(end - begin), np.arange(begin, end)] = -np.inf
        found = np.argpartition(block, n - k, axis=1)[:, n - k :]
        value = np.take_along_axis(block, found, 1)
        order = np.argsort(-value, axis=1, kind="stable")
        near[begin:end] = np.take_along_axis(found, order, 1)
        similarity[begin:end] = np.take_along_axis(value, order, 1)
    return near, similarity


@nb.njit(nogil=True, cache=True)
def _against_rest(near, similarity, inside):
    """Similarity of each point to its K-th nearest outside the window, and how many inside are
    nearer than that; (n,) each."""
    n, listed = near.shape
    reach = np.empty(n, np.float32)
    count = np.zeros(n, np.int64)
    for i in range(n):
        outside = 0
        reach[i] = similarity[i, listed - 1]
        for j in range(listed):
            if not inside[near[i, j]]:
                outside += 1
                if outside == K:
                    reach[i] = similarity[i, j]
                    break
        for j in range(listed):
            if similarity[i, j] <= reach[i]:
                break
            if inside[near[i, j]]:
                count[i] += 1
    return reach, count
