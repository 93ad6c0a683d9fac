"""Records of any format, however laid out -> chunks of exchanges. One loop for all of them.

What is here costs a record: `Refused` is told with its reason, too deep is told as such, and what
our own code stumbles over is told as `failed`, for a client that found such a spot in its own
prompts could else stop all reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import pyarrow as pa

from stillwatch.sources import reasons
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.csv_records import read_csv
from stillwatch.sources.formats import Around, Format, Reader
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.line_numbers import lines_before
from stillwatch.sources.parquet_records import read_parquet
from stillwatch.sources.reasons import Mended, Refused
from stillwatch.sources.records import read_blocks, read_objects, read_wrapped
from stillwatch.sources.shapes import Columns, Run, Shape, Source, runs
from stillwatch.tables import EXCHANGES, Chunk, Section

_LAYOUTS = {"objects": read_objects, "wrapped": read_wrapped}


class Record(NamedTuple):
    """One record of a file: where it begins, its text where it has one, and its object."""

    line: int
    raw: bytes | None
    payload: dict[str, Any]
    mended: bool = False


def read_format(
    section: Section,
    format: Format,
    start: int = 0,
    *,
    layout: str,
    around: Around | None = None,
    schema: pa.Schema = EXCHANGES,
) -> Iterator[Chunk]:
    """Chunks of `schema` from `section`, after its first `start` rows.

    `start` must be a sum of earlier chunks' `read`; `layout` as `recognise` tells it. What comes
    before `start` is taken apart again, for later records may be joined to it.
    """
    builder = ChunkBuilder(str(section.path), schema, cache(partial(lines_before, section)))
    reader = format.reader(around or Around(section.path))
    for chunk in _chunks(section, reader, layout, builder):
        if start > 0 and chunk.read:
            start -= chunk.read
        else:
            yield chunk


def _chunks(
    section: Section, reader: Reader, layout: str, builder: ChunkBuilder
) -> Iterator[Chunk]:
    line = 1
    for records, size in parts(section, layout, builder, reader.shape):
        for record in records:
            line = record.line
            if isinstance(record, Run):
                _add_run(reader, record, builder)
            else:
                _add(reader, record, builder)
            if builder.full:
                yield builder.chunk(0)
            del record  # its memory, which is in the processor's cache, is used for the next
        yield builder.chunk(size)
    end = Record(line, None, {})
    for made in reader.finish():
        if isinstance(made, Columns):
            builder.add_columns(made.values, made.rows, lambda _: (line, None))
            yield builder.chunk(0)
        else:
            _take(made, end, builder)
            if builder.full:
                yield builder.chunk(0)
    chunk = builder.chunk(0)
    if chunk.read:
        yield chunk


def parts(
    section: Section, layout: str, builder: ChunkBuilder, shape: Shape | None = None
) -> Iterator[tuple[Iterator[Record | Run], int]]:
    """Some records at a time, with the bytes that they took; faults go to the builder.

    Lines are counted from where the section begins. Where there is a `shape`, those of it come in
    runs.
    """
    path = section.path
    if layout == "parquet":
        for rows, first, size in read_parquet(path, builder):
            yield (Record(line, None, row) for line, row in enumerate(rows, first)), size
    elif layout == "csv":
        for lines, rows, size in read_csv(path, builder):
            yield (Record(line, None, row) for line, row in zip(lines, rows, strict=True)), size
    else:
        lines = partial(read_blocks, begin=section.begin, end=section.end)
        for given in _LAYOUTS.get(layout, lines)(path):
            yield _decoded(Source(given), shape, builder), given.size
            del given


def _decoded(source: Source, shape: Shape | None, builder: ChunkBuilder) -> Iterator[Record | Run]:
    """Runs of usual records, and each other record; what can't be decoded goes to the builder."""
    if shape is None:
        yield from decoded(source, range(len(source.records.raw)), builder)
    else:
        for found in runs(source, shape):
            if isinstance(found, Run):
                yield found
            else:
                yield from decoded(source, (found,), builder)
    for fault in source.faults:
        builder.refuse(fault.line, fault.reason, fault.start)


def decoded(source: Source, places: Iterable[int], builder: ChunkBuilder) -> Iterator[Record]:
    """Records with their objects."""
    records = source.records
    for place in places:
        line, raw = records.lines[place], records.raw[place]
        try:
            payload, mended = decode_object(raw)
        except Refused as fault:
            cut = records.cut and place + 1 == len(records.raw) and fault.reason == reasons.NOT_JSON
            builder.refuse(line, reasons.TRUNCATED if cut else fault.reason, raw)
        else:
            yield Record(line, raw, payload, mended)


def _add_run(reader: Reader, run: Run, builder: ChunkBuilder) -> None:
    """All of a run at once; what our own code stumbles over costs one record here, too."""
    try:
        made = run.columns()
    except Exception:
        for record in decoded(run.source, run.records, builder):
            _add(reader, record, builder)
        return
    builder.add_columns(made.values, made.rows, partial(run.origin, made.places))
    for place, row in made.others:
        told = isinstance(row, Refused) and row.reason == reasons.NOT_AN_EXCHANGE
        line, raw = (run.line_of(place), None) if told else run.origin(None, place)
        _take(row, Record(line, raw, {}), builder)


def _add(reader: Reader, record: Record, builder: ChunkBuilder) -> None:
    try:
        for row in reader.add(record.payload):
            _take(row, record, builder)
    except Refused as fault:
        builder.refuse(record.line, fault.reason, record.raw, fault.rows)
    except RecursionError:
        builder.refuse(record.line, reasons.TOO_DEEP, record.raw)
    except Exception:
        builder.refuse(record.line, reasons.FAILED, record.raw)


def _take(row: dict[str, Any] | Refused | Mended, record: Record, builder: ChunkBuilder) -> None:
    if isinstance(row, Refused):
        builder.refuse(record.line, row.reason, record.raw, row.rows)
    elif isinstance(row, Mended):
        builder.mend(row.what)
    else:
        builder.add(record.line, row, record.raw, record.mended)
