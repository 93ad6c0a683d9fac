"""Parquet that isn't of the contract -> objects by column name, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stillwatch.sources import reasons
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.contract_parquet import BUFFER_BYTES, FAULTS

BATCH_ROWS = 2048
BATCH_BYTES = 16 << 20


def parquet_columns(path: Path) -> list[str] | None:
    """The names of the file's columns, `None` where it can't be opened."""
    try:
        return pq.read_schema(path).names
    except FAULTS:
        return None


def read_parquet(
    path: Path, builder: ChunkBuilder
) -> Iterator[tuple[list[dict[str, Any]], int, int]]:
    """Objects, the row that the first of them is (from 1), and the bytes that they took.

    A row group that can't be read is told with the rows that it stands for.
    """
    size = path.stat().st_size
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True, buffer_size=BUFFER_BYTES)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    except FAULTS:
        builder.refuse(1, reasons.UNREADABLE_PARQUET)
        yield [], 1, size
        return
    total = max(1, sum(group.num_rows for group in groups))
    first = 1
    with file:
        for number, group in enumerate(groups):
            wide = max(1, group.total_byte_size // max(1, group.num_rows))
            step = max(16, min(BATCH_ROWS, BATCH_BYTES // wide))
            done = 0
            try:
                for batch in file.iter_batches(step, [number], use_threads=False):
                    rows = [_plain(row) for row in batch.to_pylist(maps_as_pydicts="lossy")]
                    yield rows, first + done, size * len(rows) // total
                    done += len(rows)
            except FAULTS:
                left = max(1, group.num_rows - done)
                builder.refuse(first + done, reasons.UNREADABLE_ROW_GROUP, rows=left)
                yield [], first + done, size * left // total
            first += group.num_rows


def _plain(value: Any) -> Any:
    """`value` as JSON would have it, but for times."""
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
