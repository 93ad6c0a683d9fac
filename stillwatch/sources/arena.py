"""Room for texts that are kept for long, fetched in large pieces.

A system clears each page that it hands out, which costs more than to fill it. What comes in pieces
of megabytes comes in huge pages where the system has them, so that little of that is left.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

PIECE_BYTES = 8 << 20
"""From some megabytes on numpy asks for huge pages."""


class Arena:
    """Texts one after another; a piece is let go with the last array that has texts in it."""

    def __init__(self) -> None:
        self._piece = np.empty(0, np.uint8)
        self._used = 0

    def kept(self, texts: pa.Array) -> pa.Array:
        """`texts`, strings or bytes that are no slice of others, with their bytes in here."""
        valid, offsets, data = texts.buffers()
        size = int(np.frombuffer(offsets, np.int32, len(texts) + 1)[-1]) if len(texts) else 0
        if not size:
            return texts
        if self._used + size > len(self._piece):
            self._piece, self._used = np.empty(max(size, PIECE_BYTES), np.uint8), 0
        there = self._piece[self._used : self._used + size]
        there[:] = np.frombuffer(data, np.uint8, size)
        self._used += size
        buffers = [valid, offsets, pa.py_buffer(there)]
        return pa.Array.from_buffers(texts.type, len(texts), buffers, texts.null_count)
