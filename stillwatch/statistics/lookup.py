"""Places of keys among a few that are known, by a table of slots instead of by bisection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def places_among(known: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.integer]:
    """The place of each of `keys` (n,) in `known` (k,), int32 (n,), -1 where it isn't there.

    Keys are spread over 64 bits, as hashes are; `known` are all different.

    >>> places_among(np.array([7, 3], "u8"), np.array([3, 3, 9, 7], "u8")).tolist()
    [1, 1, -1, 0]
    """
    slots = 1 << (4 * max(1, len(known))).bit_length()
    table = np.full(slots, -1, np.int32)
    out = np.empty(len(keys), np.int32)
    _look_up(known, keys, table, out)
    return out


@nb.njit(nogil=True, cache=True)
def _look_up(known, keys, table, out):
    mask = np.uint64(len(table) - 1)
    for i in range(len(known)):
        slot = _slot(known[i], mask)
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = i
    for i in range(len(keys)):
        slot = _slot(keys[i], mask)
        while table[slot] >= 0 and known[table[slot]] != keys[i]:
            slot = (slot + np.uint64(1)) & mask
        out[i] = table[slot]


@nb.njit(nogil=True, cache=True)
def _slot(key, mask):
    return (np.uint64(key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask
