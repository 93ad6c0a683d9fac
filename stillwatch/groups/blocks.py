"""Dense blocks of accounts and objects, by rarity: FRAUDAR (Hooi et al. 2016), one after another.

Greedy peeling of the bipartite graph: remove the node of least weight, again and again, and keep
the moment when weight per node was greatest. An edge weighs less the more accounts use its object,
so what a campaign copies from honest users (camouflage) adds little, and by FRAUDAR's theorem 2
can't lower the density of the campaign's own block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Block:
    """A dense block: sorted `accounts` and `objects` (places), and its weight per node."""

    accounts: NDArray[np.integer]
    objects: NDArray[np.integer]
    density: float


def rarity(object_accounts: NDArray[np.integer], accounts: int) -> NDArray[np.float64]:
    """Weight of an edge by how many accounts use its object: ln(N / d), 0 for what all use."""
    return np.log(accounts / np.maximum(object_accounts, 1))


def dense_blocks(
    account: NDArray[np.integer],
    obj: NDArray[np.integer],
    weight: NDArray[np.float64],
    *,
    most: int = 16,
    least_accounts: int = 4,
    least_density: float = 0.0,
) -> list[Block]:
    """Up to `most` blocks of the edges (account, obj, weight), densest first.

    `account`, `obj` int64 (e,) are places; `weight` (e,) is at least 0. A block's edges are
    removed before the next is sought. Stops at the first block of density below `least_density`;
    blocks of fewer than `least_accounts` accounts are removed and not reported.
    """
    blocks: list[Block] = []
    account, obj, weight = _in_order(account, obj, weight)
    keep = weight > 0
    for _ in range(4 * most):
        account, obj, weight = account[keep], obj[keep], weight[keep]
        if len(account) == 0 or len(blocks) == most:
            break
        block = densest_block(account, obj, weight)
        if block.density < least_density:
            break
        keep = ~(np.isin(account, block.accounts) & np.isin(obj, block.objects))
        if len(block.accounts) >= least_accounts:
            blocks.append(block)
    return blocks


def densest_block(
    account: NDArray[np.integer], obj: NDArray[np.integer], weight: NDArray[np.float64]
) -> Block:
    """The block that greedy peeling finds; at least half as dense as the densest there is."""
    # Sums of weights round by their order, so edges are put in one that is their own.
    account, obj, weight = _in_order(account, obj, weight)
    rows, row = _numbered(account)
    columns, column = _numbered(obj)
    offsets, other, each = _neighbours(row, column, weight, len(rows), len(columns))
    removed, best, density = _peel(offsets, other, each)
    kept = np.ones(len(rows) + len(columns), bool)
    kept[removed[:best]] = False
    return Block(rows[kept[: len(rows)]], columns[kept[len(rows) :]], density)


def _in_order(
    account: NDArray[np.integer], obj: NDArray[np.integer], weight: NDArray[np.float64]
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float64]]:
    """The edges in order of account, then object; as they are where they are so."""
    packed = (account.astype(np.int64) << 32) | obj
    if (packed[1:] >= packed[:-1]).all():
        return account, obj, weight
    order = np.argsort(packed, kind="stable")
    return account[order], obj[order], weight[order]


def _numbered(places: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The distinct `places`, sorted, and the number of each: what `np.unique` says, by counting."""
    used = np.zeros(int(places.max(initial=-1)) + 1, bool)
    used[places] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1)[places]


@nb.njit(nogil=True, cache=True)
def _neighbours(row, column, weight, rows, columns):
    """Neighbours of each node, rows first, then columns: those of node i are offsets[i] to
    offsets[i + 1]. Edges in order of row, then column, give sorted ones."""
    offsets = np.zeros(rows + columns + 1, np.int64)
    for e in range(len(row)):
        offsets[row[e] + 1] += 1
        offsets[rows + column[e] + 1] += 1
    for i in range(rows + columns):
        offsets[i + 1] += offsets[i]
    at = offsets[:-1].copy()
    other = np.empty(2 * len(row), np.int32)
    each = np.empty(2 * len(row))
    for e in range(len(row)):
        i, j = row[e], rows + column[e]
        other[at[i]], each[at[i]] = j, weight[e]
        other[at[j]], each[at[j]] = i, weight[e]
        at[i] += 1
        at[j] += 1
    return offsets, other, each


@nb.njit(nogil=True, cache=True)
def _peel(offsets, other, weight):
    """Order of removal, how many to remove for the densest rest, and its density."""
    nodes = len(offsets) - 1
    degree = np.zeros(nodes)
    for i in range(nodes):
        for e in range(offsets[i], offsets[i + 1]):
            degree[i] += weight[e]
    total = degree.sum() / 2
    heap = np.arange(nodes)
    place = np.arange(nodes)
    for i in range(nodes // 2 - 1, -1, -1):
        _sink(heap, place, degree, i, nodes)
    removed = np.empty(nodes, np.int64)
    best, density = 0, total / nodes
    size = nodes
    for step in range(nodes):
        i = heap[0]
        size -= 1
        last = heap[size]
        heap[0] = last
        place[last] = 0
        place[i] = -1
        _sink(heap, place, degree, 0, size)
        removed[step] = i
        total -= degree[i]
        for e in range(offsets[i], offsets[i + 1]):
            j = other[e]
            if place[j] >= 0:
                degree[j] -= weight[e]
                _rise(heap, place, degree, place[j])
        if size > 0 and total / size > density + 1e-9:
            density = total / size
            best = step + 1
    return removed, best, density


@nb.njit(nogil=True, cache=True)
def _before(degree, i, j):
    return degree[i] < degree[j] or (degree[i] == degree[j] and i < j)


@nb.njit(nogil=True, cache=True)
def _sink(heap, place, degree, p, size):
    node = heap[p]
    while 2 * p + 1 < size:
        child = 2 * p + 1
        if child + 1 < size and _before(degree, heap[child + 1], heap[child]):
            child += 1
        if not _before(degree, heap[child], node):
            break
        heap[p] = heap[child]
        place[heap[p]] = p
        p = child
    heap[p] = node
    place[node] = p


@nb.njit(nogil=True, cache=True)
def _rise(heap, place, degree, p):
    node = heap[p]
    while p > 0:
        up = (p - 1) // 2
        if not _before(degree, node, heap[up]):
            break
        heap[p] = heap[up]
        place[heap[p]] = p
        p = up
    heap[p] = node
    place[node] = p
