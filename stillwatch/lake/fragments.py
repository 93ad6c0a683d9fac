"""One row group of a lake, ready to be read by whoever wants to, on any thread."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import LakeBroken
from stillwatch.lake.segment import REPEATING
from stillwatch.tables import EXCHANGES

REFUSED = pa.array([401, 403], EXCHANGES.field("status").type)
"""Statuses of requests that were turned away for who asked, so that no model answered."""

Which = Literal["all", "answered", "refused"]


@dataclass(frozen=True, eq=False)
class Fragment:
    """Rows of one row group; call it to read them. `rows` is an upper bound of how many.

    Pickled, it names its file by the absolute path and leaves out `metadata`, the file's footer:
    whoever unpickles it reads that with the file.
    """

    path: Path
    metadata: pq.FileMetaData | None
    group: int
    rows: int
    columns: tuple[str, ...]
    until: datetime | None
    deleted: np.ndarray
    """Row numbers within the group that lost to other copies."""
    encoded: bool = False
    """Whether strings that repeat are handed on as the dictionaries that they are stored as."""
    which: Which = "all"
    """Whether rows are of all requests, of those that were `REFUSED`, or of the others."""

    @property
    def name(self) -> str:
        """What tells its rows from those of every other fragment that this lake has or had."""
        lost = hashlib.blake2b(self.deleted.astype("<i8").tobytes(), digest_size=8).hexdigest()
        which = "" if self.which == "all" else f":{self.which}"
        return f"{self.path.name}:{self.group}:{lost}:{self.until or ''}{which}"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"path": self.path.absolute(), "metadata": None}

    def __call__(self) -> pa.RecordBatch:
        """The asked columns of the fragment's rows; raises `LakeBroken`."""
        columns = list(self.columns)
        told_by = {"ts": self.until is not None, "status": self.which != "all"}
        wanted = list(
            dict.fromkeys([*columns, *(name for name, asked in told_by.items() if asked)])
        )
        try:
            repeating = [REPEATING[c] for c in wanted if c in REPEATING] if self.encoded else None
            with pq.ParquetFile(
                self.path, metadata=self.metadata, read_dictionary=repeating
            ) as file:
                table = file.read_row_group(self.group, wanted, use_threads=False)
        except (OSError, pa.ArrowException) as fault:
            raise LakeBroken(
                self.path,
                f"can't be read ({fault})",
                "Remove the lake and ingest the logs again",
            ) from fault
        kept = []
        if len(self.deleted):
            mask = np.ones(table.num_rows, bool)
            mask[self.deleted] = False
            kept.append(pa.array(mask))
        if self.until is not None:
            last = pa.scalar(self.until, EXCHANGES.field("ts").type)
            kept.append(pc.less_equal(table["ts"], last))
        if self.which != "all":
            refused = pc.is_in(table["status"], value_set=REFUSED)
            kept.append(refused if self.which == "refused" else pc.invert(refused))
        table = table.select(columns)
        if kept:
            table = table.filter(reduce(pc.and_, kept))
        batches = table.combine_chunks().to_batches()
        if batches:
            return batches[0]
        return pa.RecordBatch.from_pylist(
            [], schema=pa.schema([EXCHANGES.field(c) for c in columns])
        )


def let_go(path: Path) -> None:
    """Tell the system that a file won't be read again soon: it has better things to keep at hand.

    Signals are read many times, and the lake that they were made of once.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError), path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def as_utc(time: datetime | None) -> datetime | None:
    """`time` with a zone: one without is taken as UTC."""
    if time is None or time.tzinfo is not None:
        return time
    return time.replace(tzinfo=UTC)


def starts_after(metadata: pq.FileMetaData, group: int, until: datetime) -> bool:
    """Whether every exchange of the row group started after `until`, by its statistics."""
    column = metadata.row_group(group).column(EXCHANGES.get_field_index("ts"))
    stats = column.statistics
    return bool(stats is not None and stats.has_min_max and stats.min > until)
