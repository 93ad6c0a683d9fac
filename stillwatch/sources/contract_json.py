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
import numpy as np
import pyarrow as pa

from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.coerce import MAY_BE_EMPTY, time_us
from stillwatch.sources.columns import conform, conform_headers
from stillwatch.sources.read import decoded
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import (
    MAX_RECORD_BYTES,
    Block,
    Records,
    read_blocks,
    read_line_arrays,
    read_lines,
    read_objects,
    read_wrapped,
    split_block,
)
from stillwatch.tables import Chunk

LAYOUTS = {
    "lines": read_lines,
    "line_arrays": read_line_arrays,
    "objects": read_objects,
    "wrapped": read_wrapped,
}


def read_contract_json(
    path: Path, schema: pa.Schema, start: int = 0, layout: str = "lines"
) -> Iterator[Chunk]:
    """Chunks of `schema` from the JSON in `path`, after the first `start` rows.

    `start` must be a sum of earlier chunks' `read`; `layout` is a key of `LAYOUTS`.
    """
    builder = ChunkBuilder(str(path), schema)
    given = read_blocks(path) if layout == "lines" else LAYOUTS[layout](path)
    for part in given:
        if isinstance(part, Block) and not start and (kept := _decode_block(part, schema)):
            yield builder.chunk(part.size, kept)
            continue
        records = split_block(part) if isinstance(part, Block) else part
        if records.rows and start >= records.rows:
            start -= records.rows
            continue
        for chunk in _row_by_row(records, builder):
            if start > 0 and chunk.read:
                start -= chunk.read
            else:
                yield chunk


def _row_by_row(records: Records, builder: ChunkBuilder) -> Iterator[Chunk]:
    for record in decoded(records, builder):
        builder.add(record.line, record.payload, record.raw, record.mended)
        if builder.full:
            yield builder.chunk(0)
    yield builder.chunk(records.size)


@cache
def _struct(schema: pa.Schema) -> tuple[msgspec.json.Decoder, list[Any]]:
    fields: list[Any] = []
    for field in schema:
        kind = _annotation(field)
        fields.append((field.name, kind) if not field.nullable else (field.name, kind, None))
    fields.sort(key=len)
    struct = msgspec.defstruct("Row", fields, gc=False)
    return msgspec.json.Decoder(struct), [attrgetter(name) for name in schema.names]


def row_decoder(schema: pa.Schema) -> msgspec.json.Decoder:
    """The strict decoder of one row of `schema`, which the fast path uses."""
    return _struct(schema)[0]


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


def _decode_block(block: Block, schema: pa.Schema) -> pa.RecordBatch | None:
    """All lines of `block` at once, or `None` where any of them needs care."""
    if block.faults or not block.data or len(block.data) > MAX_RECORD_BYTES:
        return None
    decoder, values_of = _struct(schema)
    try:
        rows = decoder.decode_lines(block.data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if len(rows) != block.lines:
        return None
    arrays = []
    try:
        for field, values in zip(schema, values_of, strict=True):
            arrays.append(_array(field, list(map(values, rows))))
    except (pa.ArrowException, Refused, OverflowError):
        return None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(field: pa.Field, values: list[Any]) -> pa.Array:
    if pa.types.is_timestamp(field.type):
        return _times(field, values)
    if pa.types.is_map(field.type):
        return conform_headers(_maps(field.type, values))
    return pa.array(values, field.type)


def _maps(kind: pa.MapType, values: list[dict[str, str | None] | None]) -> pa.Array:
    keys = [name for held in values if held for name in held]
    items = [value for held in values if held for value in held.values()]
    sizes = np.fromiter((len(held) if held else 0 for held in values), np.int32, len(values))
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    absent = np.fromiter((held is None for held in values), bool, len(values))
    return pa.MapArray.from_arrays(
        pa.array(offsets),
        pa.array(keys, kind.key_type),
        pa.array(items, kind.item_type),
        mask=pa.array(absent),
    )


def _times(field: pa.Field, values: list[Any]) -> pa.Array:
    if set(map(type, values)) <= {datetime, type(None)}:
        given = pa.array(values, field.type)
        times = conform(given, field.type)
        if times.null_count > given.null_count:
            raise Refused("bad_value")
        return times
    try:
        micros = [None if value is None else time_us(value) for value in values]
    except Exception as fault:
        raise Refused("bad_value") from fault
    return pa.array(micros, pa.int64()).cast(field.type)
