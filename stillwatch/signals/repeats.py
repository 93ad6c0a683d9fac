"""Texts that repeat: what was made of one is that of its copies.

Templates, pings and pools of prompts send a fifth of the texts of a busy hour more than once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.keys import mix
from stillwatch.signals.lanes import eight_bytes
from stillwatch.signals.tokens import text_buffers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_PROBES = 16
"""Slots that are looked at for a text; one that isn't found there counts as new."""


class Repeats:
    """Tells of each of n texts, in order, whether an equal one came before.

    All do but where many were made to collide.

    >>> import pyarrow as pa
    >>> repeats = Repeats(pa.array(["a", "b", "a", None, ""]))
    >>> repeats.look(0, 2), repeats.look(2, 5), repeats.first
    (array([False, False]), array([ True, False,  True]), array([0, 1, 0, 3, 3]))
    """

    def __init__(self, texts: pa.Array) -> None:
        self._starts, self._data = text_buffers(texts)
        n = len(texts)
        self._digests = np.empty(n, np.uint64)
        self._holders = np.full(1 << max(6, (2 * n).bit_length()), -1, np.int32)
        self.first = np.arange(n)
        """The row of the text that each repeats, often its own; of what was looked at."""

    def look(self, begin: int, end: int) -> NDArray[np.bool_]:
        """Whether each of the next rows, from `begin` to `end`, repeats an earlier one."""
        _look(self._starts, self._data, begin, end, self._digests, self._holders, self.first)
        return self.first[begin:end] != np.arange(begin, end)


@nb.njit(nogil=True, cache=True)
def _look(starts, data, begin, end, digests, holders, first):
    last = np.uint64(len(holders) - 1)
    for i in range(begin, end):
        digests[i] = _digest(data, starts[i], starts[i + 1])
        slot = digests[i] & last
        for _ in range(_PROBES):
            j = np.int64(holders[slot])
            if j < 0:
                holders[slot] = i
                break
            if digests[j] == digests[i] and _same(data, starts, i, j):
                first[i] = j
                break
            slot = (slot + np.uint64(1)) & last


@nb.njit(nogil=True, cache=True)
def _digest(data, begin, end):
    """64 bits of a text, in two lanes that don't wait for each other."""
    a, b = np.uint64(0x9E3779B97F4A7C15), np.uint64(end - begin)
    p = begin
    while p + 16 <= end:
        a = np.uint64((a ^ eight_bytes(data, p)) * np.uint64(0xBF58476D1CE4E5B9))
        b = np.uint64((b ^ eight_bytes(data, p + 8)) * np.uint64(0x94D049BB133111EB))
        a ^= a >> np.uint64(32)
        b ^= b >> np.uint64(29)
        p += 16
    if end - begin >= 16:  # the last bytes, some of them once more
        a = np.uint64((a ^ eight_bytes(data, end - 16)) * np.uint64(0xBF58476D1CE4E5B9))
        b = np.uint64((b ^ eight_bytes(data, end - 8)) * np.uint64(0x94D049BB133111EB))
    else:
        for q in range(begin, end):
            a = np.uint64((a ^ np.uint64(data[q])) * np.uint64(0xBF58476D1CE4E5B9))
    return mix(np.uint64(mix(a) ^ b))


@nb.njit(nogil=True, cache=True)
def _same(data, starts, i, j):
    """Whether two texts are equal byte by byte."""
    size = starts[i + 1] - starts[i]
    if starts[j + 1] - starts[j] != size:
        return False
    p, q, end = starts[i], starts[j], starts[i + 1]
    while p + 8 <= end:
        if eight_bytes(data, p) != eight_bytes(data, q):
            return False
        p, q = p + 8, q + 8
    while p < end:
        if data[p] != data[q]:
            return False
        p, q = p + 1, q + 1
    return True
