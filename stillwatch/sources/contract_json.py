"""The contract as JSON: one object a line (plain, gzip or zstd), or arrays of objects."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pyarrow as pa

from stillwatch.sources.shapes import ByField, Columns, Shape


@cache
def contract_shape(schema: pa.Schema) -> Shape:
    """Rows of `schema` whose values have the columns' own types."""
    fields = [(field.name, _annotation(field.type) | None, None) for field in schema]
    return Shape(msgspec.defstruct("Row", fields, gc=False), _columns)


def _annotation(kind: pa.DataType) -> Any:
    if pa.types.is_timestamp(kind):
        return str | int | float
    if pa.types.is_string(kind):
        return str
    if pa.types.is_integer(kind):
        return int
    if pa.types.is_floating(kind):
        return float
    if pa.types.is_boolean(kind):
        return bool
    return dict[str, str | None] if pa.types.is_map(kind) else list[str]


def _columns(rows: list[Any]) -> Columns:
    return Columns(ByField(rows), len(rows))
