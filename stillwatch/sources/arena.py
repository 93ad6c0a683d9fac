"""Room for columns that are kept for long, fetched in large pieces.

A system clears each page that it hands out, which costs more than to fill it. What comes in pieces
of megabytes comes in huge pages where the system has them, so that little of that is left; and the
memory that comes and goes beside them stays together.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

PIECE_BYTES = 8 << 20
"""From some megabytes on numpy asks for huge pages."""

_ALIGNED = 64


class Arena:
    """Batches one after another; a piece is let go with the last of them that is in it."""

    def __init__(self) -> None:
        self._piece = np.empty(0, np.uint8)
        self._used = 0

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`batch`, with all of its values in here."""
        written = batch.serialize()
        if self._used + written.size > len(self._piece):
            self._piece = np.empty(max(written.size + _ALIGNED, PIECE_BYTES), np.uint8)
            self._used = -self._piece.ctypes.data % _ALIGNED
        there = self._piece[self._used : self._used + written.size]
        there[:] = np.frombuffer(written, np.uint8)
        self._used += -(-written.size // _ALIGNED) * _ALIGNED
        return pa.ipc.read_record_batch(pa.py_buffer(there), batch.schema)
