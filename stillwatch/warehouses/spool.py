"""Rows that a warehouse gives -> files in a temporary folder, a part at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint
from stillwatch.warehouses.part import PART_BYTES, PART_FILES, Part

ROWS = 50_000
"""Rows of a database at most in one file."""
FILE_BYTES = 64 << 20


def batches_to_parts(
    given: Iterable[tuple[str, Iterator[pa.RecordBatch]]],
    address: Address,
    had: Checkpoint,
    spool: Path,
) -> Iterator[Part]:
    """Each file of a table (its mark, its batches) as Parquet; some of them make a part."""
    after = had.copy()
    files: list[Path] = []
    held = 0
    for known, batches in given:
        path = spool / f"{known}.parquet"
        held += _write(batches, path)
        files.append(path)
        after.done.add(known)
        if held >= PART_BYTES or len(files) >= PART_FILES:
            yield Part(spool, address.shown, after.copy())
            _clear(files)
            held = 0
    if files:
        yield Part(spool, address.shown, after.copy())
        _clear(files)


def _write(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            if writer is None:
                writer = pq.ParquetWriter(path, batch.schema, compression="zstd")
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()
    return path.stat().st_size if writer is not None else 0


def _clear(files: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    files.clear()


def rows_to_parts(
    rows: Iterable[Mapping[str, Any]],
    address: Address,
    had: Checkpoint,
    spool: Path,
    cursor: str | None,
) -> Iterator[Part]:
    """Rows of a database, in the order of `cursor` where there is one, as JSON lines."""
    after = had.copy()
    path = spool / "rows-0.jsonl"
    count = size = number = 0
    out = path.open("wb")
    try:
        for row in rows:
            size += out.write(msgspec.json.encode(row, enc_hook=_plain) + b"\n")
            count += 1
            if cursor is not None and row.get(cursor) is not None:
                after.cursor = _cursor(row[cursor])
            if count >= ROWS or size >= FILE_BYTES:
                out.close()
                yield Part(spool, address.shown, after.copy())
                path.unlink()
                number += 1
                count = size = 0
                path = spool / f"rows-{number}.jsonl"
                out = path.open("wb")
    finally:
        out.close()
    if count:
        yield Part(spool, address.shown, after.copy())
    path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """What JSON has no word for: memory as text, anything else as it prints itself."""
    if isinstance(value, memoryview | bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def _cursor(value: Any) -> str | int | float:
    if isinstance(value, dt.datetime):
        zoned = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value
        return zoned.astimezone(dt.UTC).isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    return value if isinstance(value, int | float) else str(value)
