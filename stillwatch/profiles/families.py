"""Frame families: frames joined by MinHash bands, transitively."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.columns import spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.columns import Column


def frame_families(frame: NDArray[np.uint64], bands: Column) -> NDArray[np.uint64]:
    """The family of each exchange: the smallest frame key among those that bands join to its own.

    `frame` is (n,), `bands` (n, b), both 0 where a prompt has none. The answer doesn't depend on
    the order of rows.

    >>> frame_families(np.array([5, 9, 7], "u8"), np.array([[1], [1], [2]], "u8")).tolist()
    [5, 5, 7]
    """
    order = np.argsort(frame)
    fresh = np.ones(len(order), bool)
    fresh[1:] = frame[order[1:]] != frame[order[:-1]]
    distinct, first = frame[order[fresh]], order[fresh]
    back = np.empty(len(order), np.int32)
    back[order] = np.cumsum(fresh, dtype=np.int32) - 1
    del order, fresh
    root = np.arange(len(distinct))
    # Frames are looked at in order of their first row, since bands may lie on disk.
    rank = np.argsort(first)
    band = np.empty((bands.shape[1], len(first)), np.uint64)
    done = 0
    for values, rows in spans(bands, first[rank]):
        band[:, rank[done : done + len(rows)]] = values[rows].T
        done += len(rows)
    for column in band:
        _join_equal(column, np.argsort(column), root)
    _flatten(root)
    return distinct[root][back]


@nb.njit(nogil=True, cache=True)
def _find(root, i):
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@nb.njit(nogil=True, cache=True)
def _join_equal(band, order, root):
    for k in range(1, len(order)):
        i, j = order[k - 1], order[k]
        if band[i] == band[j] and band[i] != 0:
            a, b = _find(root, i), _find(root, j)
            # The smaller place becomes the root, and places are in order of frame keys.
            if a < b:
                root[b] = a
            elif b < a:
                root[a] = b


@nb.njit(nogil=True, cache=True)
def _flatten(root):
    for i in range(len(root)):
        root[i] = _find(root, i)
