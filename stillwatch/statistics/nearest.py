"""Nearest twins: for each of many samples, the others of least squared MMD.

Products of means are taken in single precision, twice as quick as in double. They only say which
others may be among the nearest: all that lie within twice their largest error of the last of them.
These few are then compared in double precision, so the answer is that of a full search.
"""

from __future__ import annotations

import itertools
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.columns import parts
from stillwatch.progress import Spread, one_by_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.statistics.mmd import Embedded

BLOCK = 1 << 22
"""Pairs of a sample and a centre whose product is held at a time."""

TILE = 512
"""Samples that are compared with as many others at a time, both ways by one product: it stays near
while scores are looked through."""

ROOM = 64
"""Others that are remembered for each sample before the nearest of them are compared exactly."""

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
    search = _Search(mean, own, places, values, spread)
    for job in (search.compare, search.settle):
        for _ in spread(partial(job, tile) for tile in range(len(search.tiles))):
            pass
    return places, values


class _Search:
    """A search in tiles: samples in an order of their own, so many after another.

    `places` and `values` (s, k) get what is found for each of the samples.
    """

    def __init__(
        self,
        mean: NDArray,
        own: NDArray[np.float64],
        places: NDArray[np.integer],
        values: NDArray[np.float64],
        spread: Spread,
    ) -> None:
        points = np.ascontiguousarray(mean, np.float32)
        self._order, self.tiles, self._sought = _compared(points, spread)
        self._points = points[self._order]
        self._half = (own[self._order] / 2).astype(np.float32)
        self._slack = np.float32(2 * _largest_error(points))
        self._exact = (self._order, mean, own, places, values)
        s = len(own)
        self._least = np.full((s, places.shape[1]), np.inf, np.float32)
        self._score, self._other = np.empty((s, ROOM), np.float32), np.empty((s, ROOM), np.int32)
        self._kept = np.zeros(s, np.int32)
        self._locks = [Lock() for _ in self.tiles]

    def compare(self, tile: int) -> None:
        """Seek the nearest of a tile's samples among later tiles, and theirs in it."""
        points, rows = self._points, self.tiles[tile]
        there, back = self._sought[tile], self._sought[:, tile]
        for later in (np.flatnonzero((there | back)[tile:]) + tile).tolist():
            others = self.tiles[later]
            product = points[rows] @ points[others].T
            if there[later]:
                self._look(tile, later, product)
            if back[later] and later != tile:
                self._look(later, tile, _turned(product))

    def _look(self, tile: int, among: int, product: NDArray[np.float32]) -> None:
        with self._locks[tile]:
            _look(
                product,
                self.tiles[tile].start,
                self.tiles[among].start,
                self._half,
                self._slack,
                self._least,
                self._score,
                self._other,
                self._kept,
                *self._exact,
            )

    def settle(self, tile: int) -> None:
        """Compare exactly what is still remembered for a tile's samples."""
        rows = self.tiles[tile]
        kept = (self._least, self._slack, self._score, self._other, self._kept)
        _settle_all(rows.start, rows.stop, *kept, *self._exact)


def _largest_error(points: NDArray[np.float32]) -> float:
    """How far a score, half of u(B) less a product of means, may be off in single precision.

    A product of d terms is off by d units in the last place of |a||b| at most (Higham 2002, eq.
    3.5); that and the rounding of what it is taken from are bounded by the longest mean.
    """
    longest = float(np.einsum("sd,sd->s", points, points).max())
    return (points.shape[1] + 8) * 2.0**-24 * max(longest, 1.0)


@nb.njit(nogil=True, cache=True)
def _turned(product: NDArray[np.float32]) -> NDArray[np.float32]:
    """The transpose, some rows at a time, so that what is written lies near."""
    rows, others = product.shape
    out = np.empty((others, rows), np.float32)
    for begin in range(0, rows, 16):
        for j in range(others):
            for r in range(begin, min(begin + 16, rows)):
                out[j, r] = product[r, j]
    return out


@nb.njit(nogil=True, cache=True)
def _look(
    product,
    begin,
    among,
    half,
    slack,
    least,
    score,
    other,
    kept,
    order,
    mean,
    own,
    places,
    values,
):
    """Look through the products of samples from `begin` with others from `among`.

    `least` are the least scores of each sample so far; what lies within `slack` of the last of
    them is remembered: its `score` and which `other`.
    """
    rows, others = product.shape
    k = least.shape[1]
    for r in range(rows):
        i, line = begin + r, product[r]
        best = least[i]
        for first in range(0, others, LANES):
            last = min(first + LANES, others)
            edge = best[k - 1] + slack
            if not _any_within(line[first:last], half[among + first : among + last], edge):
                continue
            for at in range(first, last):
                j = among + at
                value = half[j] - line[at]
                if value > best[k - 1] + slack or i == j:
                    continue
                _insert(best, value)
                if kept[i] == score.shape[1]:
                    edge = best[k - 1] + slack
                    _settle(i, edge, score, other, kept, order, mean, own, places, values)
                score[i, kept[i]], other[i, kept[i]] = value, j
                kept[i] += 1


@nb.njit(nogil=True, cache=True)
def _any_within(products, half, edge):
    found = 0
    for j in range(len(products)):
        found += half[j] - products[j] <= edge
    return found > 0


@nb.njit(nogil=True, cache=True)
def _insert(best, value):
    """Put a value in order among the least ones, if it is one of them."""
    at = len(best)
    while at > 0 and best[at - 1] > value:
        if at < len(best):
            best[at] = best[at - 1]
        at -= 1
    if at < len(best):
        best[at] = value


@nb.njit(nogil=True, cache=True)
def _settle_all(begin, end, least, slack, score, other, kept, order, mean, own, places, values):
    for i in range(begin, end):
        edge = least[i, -1] + slack
        _settle(i, edge, score, other, kept, order, mean, own, places, values)


@nb.njit(nogil=True, cache=True)
def _settle(i, edge, score, other, kept, order, mean, own, places, values):
    """Compare a sample exactly with those remembered that may be among its nearest."""
    for c in range(kept[i]):
        if score[i, c] <= edge:
            a = order[i]
            _place(a, order[other[i, c]], mean, own, places[a], values[a])
    kept[i] = 0


@nb.njit(nogil=True, cache=True)
def _place(i, j, mean, own, places, values):
    """Put j where it belongs among the nearest of i, of equal ones the lower place first."""
    product = 0.0
    for d in range(mean.shape[1]):
        product += np.float64(mean[i, d]) * np.float64(mean[j, d])
    value = own[i] + own[j] - 2 * product
    at = len(places)
    while at > 0 and (values[at - 1] > value or (values[at - 1] == value and places[at - 1] > j)):
        if at < len(places):
            values[at] = values[at - 1]
            places[at] = places[at - 1]
        at -= 1
    if at < len(places):
        values[at] = value
        places[at] = j


def _compared(
    points: NDArray[np.float32], spread: Spread
) -> tuple[NDArray[np.integer], list[slice], NDArray[np.bool_]]:
    """An order of the s means (s, d), tiles of it, and in which of them each is sought (t, t)."""
    if len(points) <= EXACT:
        tiles = list(parts(len(points), TILE))
        return np.arange(len(points)), tiles, np.ones((len(tiles), len(tiles)), bool)
    centres, cell = _cells(points, spread)
    near = np.argsort(_apart(centres, centres), axis=1, kind="stable")[:, :NEAR_CELLS]
    sought = np.eye(len(centres), dtype=bool)
    np.put_along_axis(sought, near, True, axis=1)
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(len(centres) + 1))
    tiles, home = [], []
    for place, (begin, end) in enumerate(itertools.pairwise(starts.tolist())):
        for part in parts(end - begin, TILE):
            tiles.append(slice(begin + part.start, begin + part.stop))
            home.append(place)
    return order, tiles, sought[np.ix_(home, home)]


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
