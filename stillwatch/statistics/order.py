"""Orders by several keys, quicker than one stable sort a key, and stretches of an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ordered(first: NDArray, second: NDArray, tie: NDArray) -> NDArray[np.integer]:
    """Positions (n,) in order of `first`, then `second`, then `tie`; as `np.lexsort` gives them,
    but where all three are equal.

    `first` and `second` are integers. Keys that need more than 63 bits together are left to
    `np.lexsort`.

    >>> ordered(np.array([2, 1, 1]), np.array([5, 9, -7]), np.zeros(3)).tolist()
    [2, 1, 0]
    """
    if not len(first):
        return np.zeros(0, np.int64)
    low = [int(first.min()), int(second.min())]
    keys = zip((first, second), low, strict=True)
    bits = [(int(key.max()) - least).bit_length() for key, least in keys]
    if sum(bits) > 63:
        return np.lexsort((tie, second, first))
    packed = (first.astype(np.int64) - low[0]) << bits[1]
    packed |= second.astype(np.int64) - low[1]
    order = np.argsort(packed)
    packed = packed[order]
    same = np.zeros(len(order) + 1, bool)
    same[1:-1] = packed[1:] == packed[:-1]
    tied = np.flatnonzero(same[1:] | same[:-1])
    rows = order[tied]
    order[tied] = rows[np.lexsort((tie[rows], packed[tied]))]
    return order


def stretches(begins: NDArray[np.integer], ends: NDArray[np.integer]) -> NDArray[np.integer]:
    """All places from each of `begins` to the one before its of `ends`, one stretch after another.

    >>> stretches(np.array([5, 0]), np.array([7, 2])).tolist()
    [5, 6, 0, 1]
    """
    length = (ends - begins).astype(np.int64)
    out = np.repeat(begins - (np.cumsum(length) - length), length)
    out += np.arange(len(out))
    return out


def evenly(
    begins: NDArray[np.integer], ends: NDArray[np.integer], most: int
) -> NDArray[np.integer]:
    """The same, but of each stretch at most `most` evenly spaced places.

    >>> evenly(np.array([0, 10]), np.array([6, 11]), 3).tolist()
    [0, 2, 4, 10]
    """
    length = (ends - begins).astype(np.int64)
    kept = np.minimum(length, most)
    which = stretches(np.zeros(len(kept), np.int64), kept)
    return np.repeat(begins, kept) + which * np.repeat(length, kept) // np.repeat(kept, kept)
