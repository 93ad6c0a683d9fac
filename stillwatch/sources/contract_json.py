"""The contract as JSON: one object a line (plain, gzip or zstd), or arrays of objects.

A block of lines is decoded in one call into typed structs and turned into columns; a block that
holds anything unusual is taken row by row, which costs ten times as much and names every reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.coerce import MAY_BE_EMPTY, time_us
from stillwatch.sources.columns import conform_headers
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import Records, read_line_arrays, read_lines, read_objects
from stillwatch.tables import Chunk

LAYOUTS = {"lines": read_lines, "line_arrays": read_line_arrays, "objects": read_objects}


def read_contract_json(
    path: Path, schema: pa.Schema, start: int = 0, layout: str = "lines"
) -> Iterator[Chunk]:
    """Chunks of `schema` from the JSON in `path`, after the first `start` rows.

    `start` must be a sum of earlier chunks' `read`; `layout` is a key of `LAYOUTS`.
    """
    builder = ChunkBuilder(str(path), schema)
    for records in LAYOUTS[layout](path):
        if start > 0 and records.rows:
            start -= records.rows
            continue
        kept = _decode_block(records.block, len(records.raw), schema) if records.block else None
        if kept is None:
            _decode_rows(records, builder)
        for fault in records.faults:
            builder.refuse(fault.line, fault.reason, fault.start)
        yield builder.chunk(records.size, kept)


def _decode_rows(records: Records, builder: ChunkBuilder) -> None:
    for line, raw in zip(records.lines, records.raw, strict=True):
        try:
            row, mended = decode_object(raw)
        except Refused as fault:
            builder.refuse(line, fault.reason, raw)
            continue
        if mended:
            builder.mend("utf8")
        builder.add(line, row, raw)


@cache
def _struct(schema: pa.Schema) -> tuple[msgspec.json.Decoder, Any]:
    fields: list[Any] = []
    for field in schema:
        kind = _annotation(field)
        fields.append((field.name, kind) if not field.nullable else (field.name, kind, None))
    fields.sort(key=len)
    struct = msgspec.defstruct("Row", fields, gc=False)
    return msgspec.json.Decoder(struct), attrgetter(*schema.names)


def _annotation(field: pa.Field) -> Any:
    kind = field.type
    inner: Any
    if pa.types.is_timestamp(kind):
        inner = datetime | int | float
    elif pa.types.is_string(kind):
        inner = str
        if not field.nullable and field.name not in MAY_BE_EMPTY:
            inner = Annotated[str, msgspec.Meta(min_length=1)]
    elif pa.types.is_integer(kind):
        top = 1 << (kind.bit_width - 1)
        inner = Annotated[int, msgspec.Meta(ge=-top, le=top - 1)]
    elif pa.types.is_floating(kind):
        inner = Annotated[float, msgspec.Meta(ge=-3e38, le=3e38)]
    elif pa.types.is_boolean(kind):
        inner = bool
    elif pa.types.is_map(kind):
        inner = dict[str, str | None]
    else:
        inner = list[str]
    return inner | None if field.nullable else inner


def _decode_block(block: bytes, count: int, schema: pa.Schema) -> pa.RecordBatch | None:
    """All `count` lines of `block` at once, or `None` where any of them needs care."""
    decoder, columns_of = _struct(schema)
    try:
        rows = decoder.decode_lines(block)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if len(rows) != count:
        return None
    arrays = []
    try:
        for field, values in zip(schema, zip(*map(columns_of, rows), strict=True), strict=True):
            arrays.append(_array(field, values))
    except (pa.ArrowException, Refused, OverflowError):
        return None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(field: pa.Field, values: tuple[Any, ...]) -> pa.Array:
    if pa.types.is_timestamp(field.type):
        return _times(field, values)
    if pa.types.is_map(field.type):
        pairs = [None if held is None else list(held.items()) for held in values]
        return conform_headers(pa.array(pairs, field.type))
    return pa.array(values, field.type)


def _times(field: pa.Field, values: tuple[Any, ...]) -> pa.Array:
    try:
        micros = [None if value is None else time_us(value) for value in values]
    except Exception as fault:
        raise Refused("bad_value") from fault
    return pa.array(micros, pa.int64()).cast(field.type)
