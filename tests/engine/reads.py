"""What tests hand to engines: reads that any process can do, and work on them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from stillwatch.errors import LakeBroken

SCHEMA = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("sign", pa.uint16(), nullable=False),
        pa.field("bands", pa.list_(pa.uint64(), 3), nullable=False),
        pa.field("text", pa.string()),
    ]
)


@dataclass(frozen=True)
class Numbers:
    """`rows` rows from `first` on."""

    first: int
    rows: int

    def __call__(self) -> pa.RecordBatch:
        """One column of them."""
        return pa.record_batch({"n": np.arange(self.first, self.first + self.rows)})


@dataclass(frozen=True)
class Gone:
    """A part of a lake that nobody can read."""

    path: Path
    rows: int = 1

    def __call__(self) -> pa.RecordBatch:
        """Says so."""
        raise LakeBroken(self.path, "isn't there", "Ingest the logs again")


@dataclass(frozen=True)
class Meeting:
    """One of two reads that wait for each other: done only if both are read at once."""

    mine: Path
    other: Path
    rows: int = 1

    def __call__(self) -> pa.RecordBatch:
        """1 where the other came within ten seconds, else 0."""
        self.mine.touch()
        until = time.monotonic() + 10
        while not self.other.exists() and time.monotonic() < until:
            time.sleep(0.01)
        return pa.record_batch({"n": [int(self.other.exists())]})


def widen(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `SCHEMA` from numbers: keys in the upper half of their range among them."""
    n = batch.column("n").to_numpy().astype(np.uint64)
    key = n * np.uint64(0xF000000000000001)
    bands = pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(key, 3)), 3)
    text = pa.array([None if i % 3 else f"row {i}" for i in n.tolist()], pa.string())
    return pa.record_batch([key, n.astype(np.uint16), bands, text], schema=SCHEMA)
