"""What changes type on its way to Spark and back: Spark has no unsigned numbers.

Rows are only carried: 64-bit keys cross as the signed number of the same bits, lists of fixed size
as the bytes that they are. What SQL compares and orders crosses as the number that it is: 64-bit
keys as decimals of 20 digits, so that `order by` means the same there as in DuckDB.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import numpy as np
import pyarrow as pa

KEY = pa.decimal128(20, 0)
"""The type of an unsigned 64-bit number in Spark's SQL: 2 ** 64 has 20 digits."""

_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}

_DDL = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    KEY: "decimal(20, 0)",
}


def carried(schema: pa.Schema) -> pa.Schema:
    """The schema in which rows of `schema` are carried; every field may be null."""
    return pa.schema([pa.field(f.name, _carried(f.type)) for f in schema])


def ddl(schema: pa.Schema) -> str:
    """A schema of carried rows, or of a table for SQL, as Spark writes it."""
    return ", ".join(f"`{field.name}` {_DDL[field.type]}" for field in schema)


def carry(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch as it is carried. Columns that change type may hold no null.

    >>> carry(pa.record_batch({"key": pa.array([2**64 - 1], pa.uint64())}))["key"].to_pylist()
    [-1]
    """
    columns = [_carry(column) for column in batch.columns]
    return pa.record_batch(columns, schema=carried(batch.schema))


def restore(rows: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    """One batch of `schema` of its carried columns; others are left out."""
    columns = [_restore(rows[field.name].combine_chunks(), field.type) for field in schema]
    return pa.record_batch(columns, schema=schema)


def to_sql(table: pa.Table) -> pa.Table:
    """A table as Spark's SQL reads it."""
    kinds = [KEY if f.type == pa.uint64() else _carried(f.type) for f in table.schema]
    return table.cast(pa.schema(list(zip(table.schema.names, kinds, strict=True))))


def from_sql(table: pa.Table) -> pa.Table:
    """The result of a step with its keys as they were; other numbers stay as Spark has them."""
    kinds = [pa.uint64() if f.type == KEY else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.schema.names, kinds, strict=True))))


def _carried(kind: pa.DataType) -> pa.DataType:
    if kind == pa.uint64():
        return pa.int64()
    return pa.binary() if pa.types.is_fixed_size_list(kind) else _WIDER.get(kind, kind)


def _carry(column: pa.Array) -> pa.Array:
    if column.type == pa.uint64():
        return column.view(pa.int64())
    if pa.types.is_fixed_size_list(column.type):
        values = column.flatten().to_numpy()
        ends = np.arange(len(column) + 1, dtype=np.int32)
        ends *= column.type.list_size * values.itemsize
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(values)]
        return pa.Array.from_buffers(pa.binary(), len(column), buffers)
    return column.cast(_carried(column.type))


def _restore(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == pa.uint64():
        return column.cast(pa.int64()).view(kind)
    if pa.types.is_fixed_size_list(kind):
        column = column.cast(pa.large_binary())
        _, ends, data = column.buffers()
        first, last = np.frombuffer(ends, np.int64)[[column.offset, column.offset + len(column)]]
        size = len(column) * kind.list_size
        bits = data.slice(first, last - first) if size else pa.py_buffer(b"")
        values = pa.Array.from_buffers(kind.value_type, size, [None, bits])
        return pa.FixedSizeListArray.from_arrays(values, kind.list_size)
    return column.cast(kind)
