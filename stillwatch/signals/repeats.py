"""Texts that repeat: what was made of one is that of its copies.

Templates, pings and pools of prompts send a fifth of the texts of a busy hour more than once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.keys import mix
from stillwatch.signals.tokens import text_buffers
from stillwatch.statistics.lanes import eight_bytes

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

    def fill(self, *columns: NDArray) -> None:
        """Give rows that repeat another the values of that one, in columns of one or two axes."""
        copies = np.flatnonzero(self.first != np.arange(len(self.first)))
        for column in columns:
            _copy_rows(column if column.ndim == 2 else column[:, None], copies, self.first)


@nb.njit(nogil=True, cache=True)
def _copy_rows(column, copies, first):
    for i in copies:
        j = first[i]
        for k in range(column.shape[1]):
            column[np.uintp(i), np.uintp(k)] = column[np.uintp(j), np.uintp(k)]


@nb.njit(nogil=True, cache=True)
def _look(starts, data, begin, end, digests, holders, first):
    last = np.uint64(len(holders) - 1)
    for i in range(begin, end):
        digests[i] = _digest(data, starts[i], starts[i + 1])
    for i in range(begin, end):
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
    """64 bits of a text, in four lanes that don't wait for each other."""
    a, b = np.uint64(0x9E3779B97F4A7C15), np.uint64(end - begin)
    c, d = np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)
    p = begin
    while p + 32 <= end:
        a, b = _stir(a, eight_bytes(data, p)), _stir(b, eight_bytes(data, p + 8))
        c, d = _stir(c, eight_bytes(data, p + 16)), _stir(d, eight_bytes(data, p + 24))
        p += 32
    if end - begin >= 32:  # the last bytes, some of them once more
        a, b = _stir(a, eight_bytes(data, end - 32)), _stir(b, eight_bytes(data, end - 24))
        c, d = _stir(c, eight_bytes(data, end - 16)), _stir(d, eight_bytes(data, end - 8))
    else:
        while p + 8 <= end:
            a = _stir(a, eight_bytes(data, p))
            p += 8
        for q in range(p, end):
            b = _stir(b, np.uint64(data[q]))
    return mix(np.uint64(mix(np.uint64(mix(np.uint64(mix(a) ^ b)) ^ c)) ^ d))


@nb.njit(nogil=True, cache=True, inline="always")
def _stir(lane, word):
    lane = np.uint64((lane ^ word) * np.uint64(0xBF58476D1CE4E5B9))
    return np.uint64(lane ^ (lane >> np.uint64(32)))


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
