"""The contract as Parquet, as other writers write it: columns missing, widths and zones different.

A damaged file gives what can still be read: whole row groups, batches before the damage, and rows
whose damaged columns are optional. What is lost is quarantined with the rows it stands for.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.sources import reasons
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.coerce import MAY_BE_EMPTY
from stillwatch.sources.columns import conform
from stillwatch.tables import Chunk

BATCH_ROWS = 65_536
BATCH_BYTES = 64 << 20
BUFFER_BYTES = 1 << 20
"""Read a column bit by bit: a row group may hold a million rows."""
MAX_GROUP_ROWS = 1 << 27
"""A row group that claims more rows than this is damaged; it counts as one row."""

FAULTS = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError)


def read_contract_parquet(path: Path, schema: pa.Schema, start: int = 0) -> Iterator[Chunk]:
    """Chunks of `schema` from the Parquet file `path`, after the first `start` rows.

    `start` must be a sum of earlier chunks' `read`. Never raises for what is in the file.
    """
    builder = ChunkBuilder(str(path), schema)
    size = path.stat().st_size
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True, buffer_size=BUFFER_BYTES)
        held = [n for n in schema.names if n in file.schema_arrow.names]
        groups = [_group_rows(file.metadata, i) for i in range(file.metadata.num_row_groups)]
    except FAULTS:
        if start == 0:
            builder.refuse(1, reasons.UNREADABLE_PARQUET)
            yield builder.chunk(size)
        return
    first = 1
    with file:
        for group, rows in enumerate(groups):
            if start >= rows:
                start -= rows
            elif rows:
                share = size // len(groups)
                yield from _read_group(
                    file, group, rows, held, builder, first=first, start=start, size=share
                )
                start = 0
            first += rows


def _group_rows(metadata: pq.FileMetaData, group: int) -> int:
    rows = metadata.row_group(group).num_rows
    return rows if 0 <= rows <= MAX_GROUP_ROWS else 1


def _batch_rows(metadata: pq.FileMetaData, group: int, rows: int) -> int:
    wide = max(1, metadata.row_group(group).total_byte_size // rows)
    return max(1024, min(BATCH_ROWS, BATCH_BYTES // wide))


def _read_group(
    file: pq.ParquetFile,
    group: int,
    rows: int,
    held: list[str],
    builder: ChunkBuilder,
    *,
    first: int,
    start: int,
    size: int,
) -> Iterator[Chunk]:
    done, columns = 0, held
    step = _batch_rows(file.metadata, group, rows)
    lost: list[str] = []
    while done < rows:
        skip = max(done, start)
        seen = 0
        try:
            for batch in file.iter_batches(step, [group], columns, use_threads=False):
                seen += batch.num_rows
                if seen <= skip or seen > rows:
                    continue
                part = batch.slice(max(0, skip - (seen - batch.num_rows)))
                chunk = _conform(part, builder, first + seen - part.num_rows)
                for name in lost:
                    builder.mend(name, chunk.num_rows)
                yield builder.chunk(size * part.num_rows // rows, chunk)
                done = skip = seen
        except FAULTS:
            readable = [name for name in columns if _readable(file, group, name, rows, step)]
            lost = [name for name in columns if name not in readable]
            needed = {f.name for f in builder.schema if not f.nullable}
            if lost and columns is held and not needed & set(lost):
                columns = readable
                continue
        if done < rows:
            left = rows - max(done, start)
            builder.refuse(first + rows - left, reasons.UNREADABLE_ROW_GROUP, rows=left)
            yield builder.chunk(size * left // rows)
        return


def _readable(file: pq.ParquetFile, group: int, name: str, rows: int, step: int) -> bool:
    try:
        batches = file.iter_batches(step, [group], [name], use_threads=False)
        return sum(batch.num_rows for batch in batches) == rows
    except FAULTS:
        return False


def _conform(batch: pa.RecordBatch, builder: ChunkBuilder, first: int) -> pa.RecordBatch:
    """`batch` as the builder's schema; rows without what is required go to the builder."""
    names = batch.schema.names
    arrays: list[pa.Array] = []
    bad: pa.Array | None = None
    reasons_of: list[tuple[str, pa.Array]] = []
    repairs: list[tuple[str, pa.Array]] = []
    for field in builder.schema:
        if field.name not in names:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            missing, senseless = pc.is_null(arrays[-1]), None
        else:
            given = batch.column(names.index(field.name))
            made = conform(given, field.type)
            arrays.append(made)
            missing = given.is_null()
            senseless = pc.and_not(made.is_null(), missing) if made.null_count else None
        if field.nullable:
            if senseless is not None and pc.any(senseless).as_py():
                repairs.append((field.name, senseless))
            continue
        if pa.types.is_string(field.type) and field.name not in MAY_BE_EMPTY:
            missing = pc.or_(missing, pc.fill_null(pc.equal(arrays[-1], ""), False))
        for kind, mask in (("missing", missing), ("bad_value", senseless)):
            if mask is not None and pc.any(mask).as_py():
                reasons_of.append((f"{kind}:{field.name}", mask))
                bad = mask if bad is None else pc.or_(bad, mask)
    if bad is not None:
        _refuse(builder, bad, reasons_of, first)
        arrays = [array.filter(pc.invert(bad)) for array in arrays]
    for name, mask in repairs:
        builder.mend(name, pc.sum(mask if bad is None else pc.and_not(mask, bad)).as_py())
    return pa.RecordBatch.from_arrays(arrays, schema=builder.schema)


def _refuse(
    builder: ChunkBuilder, bad: pa.Array, reasons_of: list[tuple[str, pa.Array]], first: int
) -> None:
    """One entry for each run of neighbouring rows that share their reason."""
    run: tuple[int, str, int] | None = None
    columns = [(reason, mask.to_numpy(zero_copy_only=False)) for reason, mask in reasons_of]
    for row in bad.to_numpy(zero_copy_only=False).nonzero()[0].tolist():
        reason = next(name for name, mask in columns if mask[row])
        if run and run[1] == reason and run[0] + run[2] == row:
            run = (run[0], reason, run[2] + 1)
            continue
        if run:
            builder.refuse(first + run[0], run[1], rows=run[2])
        run = (row, reason, 1)
    if run:
        builder.refuse(first + run[0], run[1], rows=run[2])
