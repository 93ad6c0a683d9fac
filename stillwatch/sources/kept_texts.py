"""Room for texts that are kept for long, fetched in large pieces.

A system clears each page that it hands out, which costs more than to fill it. What comes in pieces
of megabytes comes in huge pages where the system has them, so that little of that is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import repeat
from operator import contains
from typing import Any

import msgspec
import numpy as np

from stillwatch.sources.shapes import UNFIT, decoded

PIECE_BYTES = 8 << 20
"""From some megabytes on numpy asks for huge pages."""

AT_ONCE_BYTES = 1 << 15
"""Copied at a time, about: it fits a processor's nearest cache."""


class Texts:
    """Some texts in UTF-8, a break after each; `lines` says that none has a break in it."""

    def __init__(self, data: memoryview, sizes: np.ndarray, lines: bool) -> None:
        self._data = data
        self._lines = lines
        self.sizes = sizes
        """Of each its bytes."""

    def each(self) -> list[memoryview]:
        """One by one."""
        return self.some(0, len(self.sizes))

    def some(self, first: int, end: int) -> list[memoryview]:
        """Those from `first` to before `end`, at the cost of these."""
        starts = (self._ends[first:end] - self.sizes[first:end]).tolist()
        return [
            self._data[low:high]
            for low, high in zip(starts, self._ends[first:end].tolist(), strict=True)
        ]

    def decoded(self, decoder: msgspec.json.Decoder) -> list[Any]:
        """Each by a decoder of arrays, `None` where it is of another shape or no JSON.

        By one call where all are lines that begin and end as arrays do. That call takes values
        for lines wherever it finds them; but none of such lines is blank or goes on in the next,
        for a break fits into no text and a bracket follows no array. So each has one value at
        least, and as many values as lines are one each.
        """
        if self._lines and self._like_arrays():
            try:
                found = decoder.decode_lines(self._data)
            except UNFIT:
                found = []
            if len(found) == len(self.sizes):
                return found
        return decoded(decoder, self.each())

    def _like_arrays(self) -> bool:
        letters = np.frombuffer(self._data, np.uint8)
        first, last = letters[self._ends - self.sizes], letters[self._ends - 1]
        return bool(np.all((self.sizes > 1) & (first == ord("[")) & (last == ord("]"))))

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.sizes + _BREAK_BYTES) - _BREAK_BYTES


_BREAK_BYTES = 1


class Room:
    """Texts of many; a piece is let go with the last of them that is in it."""

    def __init__(self) -> None:
        self._piece = memoryview(bytearray())
        self._used = 0

    def kept(self, texts: Sequence[str]) -> Texts:
        """`texts` in here."""
        if all(map(str.isascii, texts)):
            sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        else:
            sizes = np.fromiter(map(len, map(str.encode, texts)), np.int64, len(texts))
        size = int(sizes.sum()) + _BREAK_BYTES * len(texts)
        if self._used + size > len(self._piece):
            self._piece = memoryview(np.empty(max(size, PIECE_BYTES), np.uint8))  # type: ignore[arg-type]
            self._used = 0
        there = self._piece[self._used : self._used + size]
        self._used += size
        some, start = max(1, AT_ONCE_BYTES * len(texts) // max(1, size)), 0
        for first in range(0, len(texts), some):
            data = "\n".join([*texts[first : first + some], ""]).encode()
            there[start : start + len(data)] = data
            start += len(data)
        return Texts(there, sizes, lines=not any(map(contains, texts, repeat("\n"))))
