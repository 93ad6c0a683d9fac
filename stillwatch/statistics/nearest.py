"""Nearest twins: for each of many samples, the others of least squared MMD.

Products of means are taken in single precision, twice as quick as in double. They only say which
others may be among the nearest: all that lie within twice their largest error of the last of them.
These few are then compared in double precision, so the answer is that of a full search.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.progress import Spread, one_by_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.statistics.mmd import Embedded

BLOCK = 1 << 22
"""Pairs whose product is held at a time."""

EXACT = 20_000
"""Samples up to which each is compared with every other."""

CELL = 256
"""Of more, each is compared with those of its own cell and of the nearest ones: cells of about so
many samples, by their means."""

NEAR_CELLS = 24
ROUNDS = 4
TAUGHT = 4
"""One in so many samples says where cells lie."""

LANES = 64
"""Scores that are looked at together: most have none among the nearest."""


def nearest_twins(
    sample: Embedded, neighbours: int, spread: Spread = one_by_one
) -> tuple[NDArray, NDArray]:
    """For each sample, the `neighbours` others of least MMD^2: places and MMD^2, (s, k) each.

    Ties go to the lower place, so the answer is one. Exact up to `EXACT` samples; of more, a
    nearest one is missed where it lies in none of the nearest cells (an inverted file: Sivic and
    Zisserman 2003, Jegou et al. 2011), and a place that is left over is the sample's own, at
    infinity. `spread` does parts of the search, on as many threads as it likes.
    """
    mean, own = sample.mean, sample.own
    s = len(own)
    k = max(0, min(neighbours, s - 1))
    places = np.repeat(np.arange(s)[:, None], k, axis=1)
    values = np.full((s, k), np.inf)
    if k == 0:
        return places, values
    points = np.ascontiguousarray(mean, np.float32)
    slack = 2 * _largest_error(points)
    parts = (
        partial(_compare, mean, own, points, rows, among, slack, places, values)
        for rows, among in _compared(points, spread)
    )
    for _ in spread(parts):
        pass
    return places, values


def _largest_error(points: NDArray[np.float32]) -> float:
    """How far a score, half of u(B) less a product of means, may be off in single precision.

    A product of d terms is off by d units in the last place of |a||b| at most (Higham 2002, eq.
    3.5); that and the rounding of what it is taken from are bounded by the longest mean.
    """
    longest = float(np.einsum("sd,sd->s", points, points).max())
    return (points.shape[1] + 8) * 2.0**-24 * max(longest, 1.0)


def _compare(
    mean: NDArray,
    own: NDArray[np.float64],
    points: NDArray[np.float32],
    rows: NDArray[np.integer],
    among: NDArray[np.integer],
    slack: float,
    places: NDArray[np.integer],
    values: NDArray[np.float64],
) -> None:
    """Fill in the nearest of `rows`, sought `among` sorted places."""
    others, half = points[among], (own[among] / 2).astype(np.float32)
    height = max(1, BLOCK // len(among))
    for begin in range(0, len(rows), height):
        part = rows[begin : begin + height]
        product = points[part] @ others.T
        _settle(product, half, mean, own, part, among, np.float32(slack), places, values)


@nb.njit(nogil=True, cache=True)
def _settle(product, half, mean, own, rows, among, slack, places, values):
    k, m = places.shape[1], len(among)
    least = np.empty(k, np.float32)
    for r in range(len(rows)):
        i = rows[r]
        scores = product[r]
        for j in range(m):
            scores[j] = half[j] - scores[j]
        itself = np.searchsorted(among, i)
        if itself < m and among[itself] == i:
            scores[itself] = np.inf
        # The k-th least score.
        least[:] = np.inf
        for begin in range(0, m, LANES):
            end = min(begin + LANES, m)
            if _below(scores, begin, end, least[k - 1]):
                for j in range(begin, end):
                    if scores[j] < least[k - 1]:
                        at = k - 1
                        while at > 0 and least[at - 1] > scores[j]:
                            least[at] = least[at - 1]
                            at -= 1
                        least[at] = scores[j]
        edge = least[k - 1] + slack
        for begin in range(0, m, LANES):
            end = min(begin + LANES, m)
            if _below(scores, begin, end, np.nextafter(edge, np.float32(np.inf))):
                for j in range(begin, end):
                    if scores[j] <= edge and among[j] != i:
                        _place(i, among[j], mean, own, places[i], values[i])


@nb.njit(nogil=True, cache=True)
def _below(scores, begin, end, bound):
    found = 0
    for j in range(begin, end):
        found += scores[j] < bound
    return found > 0


@nb.njit(nogil=True, cache=True)
def _place(i, j, mean, own, places, values):
    """Put j where it belongs among the nearest of i; others come in order of their places."""
    product = 0.0
    for d in range(mean.shape[1]):
        product += np.float64(mean[i, d]) * np.float64(mean[j, d])
    value = own[i] + own[j] - 2 * product
    at = len(places)
    while at > 0 and values[at - 1] > value:
        if at < len(places):
            values[at] = values[at - 1]
            places[at] = places[at - 1]
        at -= 1
    if at < len(places):
        values[at] = value
        places[at] = j


def _compared(
    points: NDArray[np.float32], spread: Spread
) -> Iterator[tuple[NDArray[np.integer], NDArray[np.integer]]]:
    """Which of the s means (s, d) are compared with which: each once, with sorted others."""
    everyone = np.arange(len(points))
    if len(points) <= EXACT:
        height = max(1, BLOCK // len(points))
        for begin in range(0, len(points), height):
            yield everyone[begin : begin + height], everyone
        return
    centres, cell = _cells(points, spread)
    near = np.argsort(_apart(centres, centres), axis=1, kind="stable")[:, :NEAR_CELLS]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(len(centres) + 1))
    members = [order[a:b] for a, b in itertools.pairwise(starts)]
    for place, rows in enumerate(members):
        if len(rows):
            others = {place, *near[place].tolist()}
            yield rows, np.sort(np.concatenate([members[c] for c in others]))


def _cells(
    points: NDArray[np.float32], spread: Spread
) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
    """Centres of cells and the cell of each of `points`, by k-means from evenly spaced ones."""
    count = len(points) // CELL
    taught = points[::TAUGHT]
    centres = taught[np.linspace(0, len(taught) - 1, count).astype(np.int64)]
    for _ in range(ROUNDS):
        cell = _nearest(taught, centres, spread)
        size = np.bincount(cell, minlength=count)
        order = np.argsort(cell, kind="stable")
        starts = np.minimum(np.searchsorted(cell[order], np.arange(count)), len(taught) - 1)
        sums = np.add.reduceat(taught[order], starts, axis=0, dtype=np.float64)
        centres = np.where(size[:, None] > 0, sums / np.maximum(size, 1)[:, None], centres)
        centres = centres.astype(np.float32)
    return centres, _nearest(points, centres, spread)


def _nearest(
    points: NDArray[np.float32], centres: NDArray[np.float32], spread: Spread
) -> NDArray[np.integer]:
    height = max(1, BLOCK // len(centres))
    parts = (points[i : i + height] for i in range(0, len(points), height))

    def cell(part: NDArray[np.float32]) -> NDArray[np.integer]:
        return _apart(part, centres).argmin(1)

    return np.concatenate(list(spread(partial(cell, part) for part in parts)))


def _apart(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances up to a term of the point's own, (points, centres)."""
    return (centres**2).sum(1) - 2 * points @ centres.T
