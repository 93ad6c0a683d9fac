"""Content cells: a small codebook of what exchanges are about (spherical k-means, in two levels).

The nearest of a few wide cells is looked for first, then the nearest of those that it was parted
into (a vocabulary tree: Nister and Stewenius 2006), which is an eighth of the comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.statistics.sums import sums_by_account

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Threads

WIDE = 16
PARTS = 16
CELLS = WIDE * PARTS
ROUNDS = 6
BATCH = 1 << 12
"""Rows that are compared at a time: few enough to stay near."""


@dataclass(frozen=True)
class Codebook:
    """Unit centroids of `wide` cells (w, d), and of the `parts` of each (w, p, d)."""

    wide: NDArray[np.float32]
    parts: NDArray[np.float32]


def codebook(content: NDArray[np.int8]) -> Codebook:
    """A codebook of embeddings int8 (n, d), n at least 1.

    Starts from evenly spaced rows, so whoever fixes the order of rows fixes the answer.
    """
    wide = _centroids(content, WIDE)
    home = _nearest(content.astype(np.float32), wide)
    parts = np.repeat(wide[:, None], PARTS, axis=1)
    for cell in range(WIDE):
        theirs = content[home == cell]
        if len(theirs):
            parts[cell] = _centroids(theirs, PARTS)
    return Codebook(wide, parts)


def assign(content: NDArray[np.int8], book: Codebook) -> NDArray[np.uint8]:
    """The cell of each row, by cosine, (n,): `PARTS` times its wide cell, plus its part of that."""
    out = np.empty(len(content), np.uint8)
    for begin in range(0, len(content), BATCH):
        part = content[begin : begin + BATCH]
        home = _nearest(part.astype(np.float32), book.wide)
        order = np.argsort(home, kind="stable")
        edges = np.searchsorted(home[order], np.arange(WIDE + 1))
        part = part[order]
        cell = np.empty(len(part), np.uint8)
        for wide in range(WIDE):
            theirs = slice(edges[wide], edges[wide + 1])
            nearest = _nearest(part[theirs].astype(np.float32), book.parts[wide])
            cell[theirs] = PARTS * wide + nearest
        out[begin + order] = cell
    return out


def assign_threads(
    threads: Threads,
    thread: NDArray[np.integer],
    begin: int,
    content: NDArray[np.int8],
    book: Codebook,
    cells: NDArray[np.uint8],
) -> None:
    """Fill in the `cells` (t,) of the threads that begin in a block of exchanges, from row `begin`.

    `thread` (b,) and `content` (b, d) are of the block's exchanges.
    """
    first = threads.begins(thread) == np.arange(begin, begin + len(thread))
    cells[thread[first]] = assign(content[first], book)


def _centroids(content: NDArray[np.int8], count: int) -> NDArray[np.float32]:
    """`count` unit centroids of rows, of which some are the same where there are fewer rows."""
    start = np.linspace(0, len(content) - 1, num=count).astype(np.int64)
    centroids = _unit(content[start].astype(np.float32))
    place, points = np.arange(len(content)), content.astype(np.float32)
    for _ in range(ROUNDS):
        nearest = _nearest(points, centroids)
        total, _, _ = sums_by_account(nearest, content, place, np.arange(count), count)
        sums = total.astype(np.float32)
        centroids = np.where((sums != 0).any(1, keepdims=True), _unit(sums), centroids)
    return centroids


def _nearest(points: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The first of the centroids, 256 at most, whose product with each point is greatest."""
    nearest = np.empty(len(points), np.uint8)
    _greatest(points @ centroids.T, nearest)
    return nearest


@nb.njit(nogil=True, cache=True)
def _greatest(scores, place):
    """The place of each row's greatest score: `np.argmax` of rows as short takes four times as
    long."""
    for i in range(len(scores)):
        row, best = scores[i], 0
        for j in range(1, len(row)):
            if row[j] > row[best]:
                best = j
        place[i] = best


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(norm, 1e-9)).astype(np.float32)
