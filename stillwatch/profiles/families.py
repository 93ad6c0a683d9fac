"""Frame families: frames joined by MinHash bands, transitively."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.columns import spans
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.order import runs_in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.columns import Column


FORESTS = 4
"""Parts of the bands that are joined by at the same time, each held while it is; what they join is
then joined."""


def frame_families(
    frame: NDArray[np.uint64], bands: Column, spread: Spread = one_by_one
) -> NDArray[np.uint64]:
    """The family of each exchange: the smallest frame key among those that bands join to its own.

    `frame` is (n,), `bands` (n, b), both 0 where a prompt has none. The answer doesn't depend on
    the order of rows. `spread` looks through the bands, on as many threads as it likes.

    >>> frame_families(np.array([5, 9, 7], "u8"), np.array([[1], [1], [2]], "u8")).tolist()
    [5, 5, 7]
    """
    order, fresh = runs_in_order(frame)
    first = order[fresh]
    # Frames are looked at in order of their first row, since bands may lie on disk.
    rank, _ = runs_in_order(first.astype(np.uint64))
    rows = first[rank]
    root = np.arange(len(rows), dtype=np.int32)
    some = np.array_split(np.arange(bands.shape[1]), FORESTS)
    for joined in spread(partial(_joined, bands, rows, which) for which in some):
        _join_forests(joined, root)
    family = np.empty(len(rows), np.uint64)
    family[rank] = _least(root, frame[rows])
    out = np.empty(len(frame), np.uint64)
    _deal(order, fresh, family, out)
    return out


def _joined(
    bands: Column, rows: NDArray[np.integer], which: NDArray[np.integer]
) -> NDArray[np.int32]:
    """For each frame one that some of its bands join it to, in the end the same."""
    root = np.arange(len(rows), dtype=np.int32)
    keys = np.empty((len(which), len(rows)), np.uint64)
    done = 0
    for values, some in spans(bands, rows):
        _turn(values, some, which, keys[:, done : done + len(some)])
        done += len(some)
    for band in keys:
        _join_equal(band, *runs_in_order(band), root)
    return root


@nb.njit(nogil=True, cache=True)
def _turn(values, rows, which, keys):
    """Some bands of some rows, (bands, rows)."""
    for k in range(len(rows)):
        for b in range(len(which)):
            keys[b, k] = values[rows[k], which[b]]


@nb.njit(nogil=True, cache=True)
def _find(root, i):
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@nb.njit(nogil=True, cache=True)
def _join(root, i, j):
    a, b = _find(root, i), _find(root, j)
    if a < b:
        root[b] = a
    elif b < a:
        root[a] = b


@nb.njit(nogil=True, cache=True)
def _join_equal(band, order, fresh, root):
    """Join frames that share a band; 0 is none."""
    for k in range(1, len(order)):
        if not fresh[k] and band[order[k]] != 0:
            _join(root, order[k - 1], order[k])


@nb.njit(nogil=True, cache=True)
def _join_forests(other, root):
    """Join what is joined in `other`."""
    for i in range(len(other)):
        _join(root, i, other[i])


@nb.njit(nogil=True, cache=True)
def _least(root, key):
    """The least key among all that have one root, for each."""
    least = key.copy()
    for i in range(len(root)):
        r = _find(root, i)
        root[i] = r
        least[r] = min(least[r], key[i])
    return least[root]


@nb.njit(nogil=True, cache=True)
def _deal(order, fresh, family, out):
    """Give each row the family of its frame: rows lie in order of frames, fresh at a new one."""
    place = -1
    for k in range(len(order)):
        place += fresh[k]
        out[order[k]] = family[place]
