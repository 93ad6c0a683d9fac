"""Maximum mean discrepancy between samples that are known by their sums.

The unbiased MMD between two samples (Gretton et al. 2012, eq. 3) comes from their sums alone:
with u(A) = (|S_A|^2 - sum |x|^2) / (n_A (n_A - 1)), it is u(A) + u(B) - 2 S_A.S_B / (n_A n_B).
Its error for samples of one distribution is proportional to 1/n_A + 1/n_B; the constant is
measured on the traffic itself, on split halves of each account.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """s samples by their sums: `size` (s,), `total` (s, d), `squares` (s,), all float64.

    `scale` is the length of a unit embedding (`total` / `scale` sums unit vectors).
    """

    size: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Kernel mean embeddings, (s, d)."""
        return self.total / self.size[:, None]

    @property
    def own(self) -> NDArray[np.float64]:
        """u(A): the unbiased estimate of |mu_A|^2, (s,)."""
        n = self.size
        return (np.einsum("sd,sd->s", self.total, self.total) - self.squares) / (n * (n - 1))

    def at(self, places: NDArray[np.integer] | NDArray[np.bool_]) -> Samples:
        """The samples at `places`, or where a mask (s,) holds."""
        return Samples(self.size[places], self.total[places], self.squares[places])

    def pooled(self) -> Samples:
        """All of them as one sample."""
        return Samples(
            self.size.sum(keepdims=True),
            self.total.sum(0, keepdims=True),
            self.squares.sum(keepdims=True),
        )


def samples(total: NDArray, squares: NDArray, size: NDArray, scale: float) -> Samples:
    """Samples from integer sums of embeddings stored at `scale`."""
    return Samples(size.astype(float), total / scale, squares / scale**2)


def squared_mmd(a: Samples, b: Samples) -> NDArray[np.float64]:
    """Unbiased squared MMD of each sample of `a` to each of `b`, (len(a), len(b))."""
    return a.own[:, None] + b.own[None, :] - 2 * a.mean @ b.mean.T


def squared_mmd_paired(a: Samples, b: Samples) -> NDArray[np.float64]:
    """The same, sample i of `a` to sample i of `b`, (len(a),)."""
    return a.own + b.own - 2 * (a.mean * b.mean).sum(1)


NULL_SPREAD = float(np.sqrt(2.0) / 16)
"""Standard deviation of MMD^2 / (1/n + 1/m) for content that fills 256 components evenly."""

WITHIN_ERROR = 3.0
CEILING = 0.012
"""Largest MMD^2 plus one standard error that still counts as twins: strangers of a few interests
lie at 0.03 to 0.2, of broad interests above 0.01 (real chats, 100 exchanges each)."""


def twin_links(n: NDArray, m: NDArray, mmd2: NDArray, spread: float) -> NDArray[np.bool_]:
    """Whether pairs at `mmd2`, of samples of sizes `n` and `m`, count as twins (all one shape).

    The MMD must be within sampling error of zero, and the error small enough that strangers would
    have shown.
    """
    error = spread * (1 / n + 1 / m)
    return (mmd2 <= WITHIN_ERROR * error) & (mmd2 + error <= CEILING)


def null_spread(first: Samples, second: Samples, least: int = 8) -> float:
    """Standard deviation of MMD^2 / (1/n + 1/m) under one distribution, from split halves.

    Robust (from the median absolute value), since a person's halves differ a little more than
    chance where conversations straddle them. Falls back to `NULL_SPREAD` where fewer than 30
    accounts can be split.
    """
    usable = (first.size >= least) & (second.size >= least)
    if usable.sum() < 30:
        return NULL_SPREAD
    a, b = first.at(usable), second.at(usable)
    unit = squared_mmd_paired(a, b) / (1 / a.size + 1 / b.size)
    return float(max(NULL_SPREAD, 1.4826 * np.median(np.abs(unit))))


BLOCK = 1 << 22
"""Pairs whose MMD is held at a time."""

EXACT = 20_000
"""Samples up to which each is compared with every other."""

CELL = 256
"""Of more, each is compared with those of its own cell and of the nearest ones: cells of about so
many samples, by their means."""

NEAR_CELLS = 24
ROUNDS = 4


def nearest_twins(sample: Samples, neighbours: int) -> tuple[NDArray, NDArray]:
    """For each sample, the `neighbours` others of least MMD^2: places and MMD^2, (s, k) each.

    Ties go to the lower place, so the answer is one. Exact up to `EXACT` samples; of more, a
    nearest one is missed where it lies in none of the nearest cells (an inverted file: Sivic and
    Zisserman 2003, Jegou et al. 2011), and a place that is left over is the sample's own, at
    infinity.
    """
    s = len(sample.size)
    k = max(0, min(neighbours, s - 1))
    places = np.repeat(np.arange(s)[:, None], k, axis=1)
    values = np.full((s, k), np.inf)
    if k == 0:
        return places, values
    mean, own = sample.mean, sample.own
    for rows, among in _compared(mean):
        height = max(1, BLOCK // len(among))
        for begin in range(0, len(rows), height):
            part = rows[begin : begin + height]
            mmd2 = own[part, None] + own[None, among] - 2 * mean[part] @ mean[among].T
            mmd2[part[:, None] == among[None, :]] = np.inf
            few = min(k, len(among) - 1)
            found = _least(mmd2, max(1, few))[:, :few]
            score = np.take_along_axis(mmd2, found, 1)
            order = np.lexsort((found, score), axis=1)
            places[part, :few] = among[np.take_along_axis(found, order, 1)]
            values[part, :few] = np.take_along_axis(score, order, 1)
    return places, values


def _compared(mean: NDArray) -> Iterator[tuple[NDArray[np.integer], NDArray[np.integer]]]:
    """Which of the s means (s, d) are compared with which: each once, with sorted others."""
    everyone = np.arange(len(mean))
    if len(mean) <= EXACT:
        yield everyone, everyone
        return
    points = mean.astype(np.float32)
    centres, cell = _cells(points)
    near = np.argsort(_apart(centres, centres), axis=1, kind="stable")[:, :NEAR_CELLS]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(len(centres) + 1))
    members = [order[a:b] for a, b in itertools.pairwise(starts)]
    for place, rows in enumerate(members):
        if len(rows):
            others = {place, *near[place].tolist()}
            yield rows, np.sort(np.concatenate([members[c] for c in others]))


def _cells(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
    """Centres of cells and the cell of each of `points`, by k-means from evenly spaced ones."""
    count = len(points) // CELL
    centres = points[np.linspace(0, len(points) - 1, count).astype(np.int64)]
    for _ in range(ROUNDS):
        cell = _nearest(points, centres)
        size = np.bincount(cell, minlength=count)
        order = np.argsort(cell, kind="stable")
        starts = np.minimum(np.searchsorted(cell[order], np.arange(count)), len(points) - 1)
        sums = np.add.reduceat(points[order].astype(np.float64), starts, axis=0)
        centres = np.where(size[:, None] > 0, sums / np.maximum(size, 1)[:, None], centres)
        centres = centres.astype(np.float32)
    return centres, _nearest(points, centres)


def _nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.integer]:
    height = max(1, BLOCK // len(centres))
    parts = [points[i : i + height] for i in range(0, len(points), height)]
    return np.concatenate([_apart(part, centres).argmin(1) for part in parts])


def _apart(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances up to a term of the point's own, (points, centres)."""
    return (centres**2).sum(1) - 2 * points @ centres.T


def _least(mmd2: NDArray, k: int) -> NDArray[np.integer]:
    """Places of the `k` least values of each row, (rows, k); of a tie at the edge, the first."""
    found = np.argpartition(mmd2, k - 1, axis=1)[:, :k]
    edge = np.take_along_axis(mmd2, found[:, -1:], 1)
    for i in np.flatnonzero((mmd2 <= edge).sum(1) > k):
        below = np.flatnonzero(mmd2[i] < edge[i])
        found[i] = np.append(below, np.flatnonzero(mmd2[i] == edge[i])[: k - len(below)])
    return found
