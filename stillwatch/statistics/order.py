"""Orders by several keys, quicker than one stable sort a key where they fit into 64 bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numba as nb
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


def places_in_order(key: NDArray[np.uint64]) -> NDArray[np.integer]:
    """Positions (n,) in order of `key`; of equal keys the earlier first: `np.argsort`, but quicker.

    The upper bits of a key and its position are sorted as one number, which takes a tenth of the
    time; keys that differ in lower bits only are put in order afterwards.

    >>> places_in_order(np.array([7, 3, 7, 1], "u8")).tolist()
    [3, 1, 0, 2]
    """
    bits = np.uint64(max(1, len(key) - 1).bit_length())
    position = (np.uint64(1) << bits) - np.uint64(1)
    # Small keys have their bits at the lower end, where positions go.
    lift = np.uint64(64 - max(1, int(key.max(initial=0)).bit_length()))
    packed = (key << lift) & ~position
    packed |= np.arange(len(key), dtype=np.uint64)
    packed.sort()
    order = (packed & position).astype(np.int32 if len(key) < 2**31 else np.int64)
    packed >>= bits
    for begin, end in _disordered(key, packed, order):
        run = order[begin:end]
        order[begin:end] = run[np.argsort(key[run], kind="stable")]
    return order


def _disordered(
    key: NDArray[np.uint64], upper: NDArray[np.uint64], order: NDArray[np.integer]
) -> Iterator[tuple[int, int]]:
    """Runs of equal `upper` bits, sorted, whose keys are not in order."""
    runs = np.unique(upper[1:][_falls(key, order)])
    begins, ends = (np.searchsorted(upper, runs, side) for side in ("left", "right"))
    yield from zip(begins.tolist(), ends.tolist(), strict=True)


@nb.njit(nogil=True, cache=True)
def _falls(key, order):
    falls = np.zeros(max(0, len(order) - 1), np.bool_)
    for k in range(len(falls)):
        falls[k] = key[order[k + 1]] < key[order[k]]
    return falls
