"""Values by contract column -> one Arrow batch of a contract table, a column at a time.

They come as rows of whatever JSON gave, or as columns that a shape has made. A column whose values
all have its own type already is taken whole; the others value by value, as `coerce` says. What
comes out doesn't depend on which way a column went.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import accumulate, chain, repeat
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.coerce import MAY_BE_EMPTY, SECRET_HEADERS, UNFIT, Plan, Step, reason_of
from stillwatch.sources.columns import conform_headers
from stillwatch.sources.lenient import mended_text
from stillwatch.sources.times import times_us

Values = Sequence[Any] | pa.Array
"""One value a row, by which a column is filled."""

_NONE = type(None)
_OWN_TYPES: tuple[tuple[type, Callable[[pa.DataType], bool]], ...] = (
    (str, pa.types.is_string),
    (int, pa.types.is_integer),
    (float, pa.types.is_floating),
    (bool, pa.types.is_boolean),
)

_LOOKED_AT = 16
_LONG_CHARS = 2000
_MOST_BYTES = (1 << 31) - 1
"""In one column of strings."""


class Batch(NamedTuple):
    """`kept` rows; the others by their place among the given, with the reason; what was repaired
    in kept rows, counted by column."""

    kept: pa.RecordBatch
    refused: dict[int, str]
    repaired: dict[str, int]


def rows_to_batch(rows: Sequence[dict[str, Any]], plan: Plan) -> Batch:
    """`rows` as one batch; a row is refused for the first required column that it can't fill."""
    columns: dict[str, Values] = {}
    typed: set[str] = set()
    for field in plan.schema:
        columns[field.name] = values = list(map(dict.get, rows, repeat(field.name)))
        if _has_own_type(field, values):
            typed.add(field.name)
    return _made(columns, len(rows), plan, typed)


def columns_to_batch(columns: Mapping[str, Values], rows: int, plan: Plan) -> Batch:
    """`columns` of so many `rows` each, those that are absent null, as one batch.

    Their values are of the columns' own types, or null; headers are dictionaries, and times may be
    text, numbers or datetimes.
    """
    return _made(columns, rows, plan, columns.keys())


def _made(columns: Mapping[str, Values], rows: int, plan: Plan, typed: Collection[str]) -> Batch:
    refused: dict[int, str] = {}
    dropped: list[tuple[str, int]] = []
    arrays = []
    for field, step in zip(plan.schema, plan.steps, strict=True):
        values = columns.get(field.name)
        if field.nullable and (values is None or _says_nothing(values)):
            arrays.append(pa.nulls(rows, field.type))
            continue
        if values is None:
            values = [None] * rows
        array = _whole(field, values) if field.name in typed else None
        if array is None:
            array = _one_by_one(field, step, values, refused, dropped)
        arrays.append(array)
    if refused:
        kept = pa.array([place not in refused for place in range(rows)])
        arrays = [array.filter(kept) for array in arrays]
    repaired: dict[str, int] = {}
    for name, place in dropped:
        if place not in refused:
            repaired[name] = repaired.get(name, 0) + 1
    batch = pa.RecordBatch.from_arrays(arrays, schema=plan.schema)
    return Batch(batch, refused, repaired)


def _says_nothing(values: Values) -> bool:
    return not isinstance(values, pa.Array) and all_null(values)


def all_null(values: Sequence[Any]) -> bool:
    """Whether a column says nothing; seen at its first value where it does, as most do."""
    return (not values or values[0] is None) and values.count(None) == len(values)


def _has_own_type(field: pa.Field, values: list[Any]) -> bool:
    kinds = set(map(type, values)) - {_NONE}
    if pa.types.is_timestamp(field.type) or not kinds:
        return True
    return len(kinds) == 1 and any(kinds == {own} and is_(field.type) for own, is_ in _OWN_TYPES)


def _whole(field: pa.Field, values: Values) -> pa.Array | None:
    """`values` at once, or `None` where any of them needs a look."""
    try:
        array = _array(field.type, values)
    except (pa.ArrowException, OverflowError, TypeError, UnicodeError):
        return None
    if array is None or field.nullable:
        return array
    if array.null_count or (field.name not in MAY_BE_EMPTY and _has_empty(field.type, values)):
        return None
    return array


def _has_empty(kind: pa.DataType, values: Values) -> bool:
    if isinstance(values, pa.Array):
        return pa.types.is_string(kind) and pc.any(pc.equal(values.cast(kind), "")).as_py()
    return pa.types.is_string(kind) and "" in values


def _array(kind: pa.DataType, values: Values) -> pa.Array | None:
    if isinstance(values, pa.Array):
        if pa.types.is_timestamp(kind) and pa.types.is_int64(values.type):
            return values.view(kind)
        return values if values.type == kind else values.cast(kind)
    if pa.types.is_timestamp(kind):
        micros = times_us(values)
        return None if micros is None else micros.view(kind)
    if pa.types.is_map(kind):
        return _maps(kind, values)
    texts = _long_texts(values) if pa.types.is_string(kind) else None
    array = pa.array(values, kind) if texts is None else texts
    if pa.types.is_floating(kind) and pc.all(pc.is_finite(array)).as_py() is False:
        return None
    return array


def _long_texts(values: Sequence[Any]) -> pa.Array | None:
    """Texts as a column, where they are long and none is null.

    `pa.array` doubles its memory as it meets more of them, and copies them each time: that takes
    longer than all else where they have thousands of letters.
    """
    some = values[:_LOOKED_AT]
    if not all(some) or sum(map(len, some)) < _LONG_CHARS * len(some) or None in values:
        return None
    encoded = list(map(str.encode, values))
    ends = list(accumulate(map(len, encoded), initial=0))
    if ends[-1] > _MOST_BYTES:
        return None
    offsets = pa.array(ends, pa.int32()).buffers()[1]
    return pa.StringArray.from_buffers(len(values), offsets, pa.py_buffer(b"".join(encoded)))


def _maps(kind: pa.MapType, values: Sequence[dict[str, str | None] | None]) -> pa.Array:
    held = list(filter(None, values))
    names = list(chain.from_iterable(held))
    sizes: Iterable[int] = map(len, held)
    absent: list[bool] = []
    if len(held) < len(values):
        sizes = [len(value) if value else 0 for value in values]
        absent = [value is None for value in values]
    made = pa.MapArray.from_arrays(
        pa.array(list(accumulate(sizes, initial=0)), pa.int32()),
        pa.array(names, kind.key_type),
        pa.array(list(chain.from_iterable(map(dict.values, held))), kind.item_type),
        mask=pa.array(absent) if any(absent) else None,
    )
    return made if all(map(_is_conform, set(names))) else conform_headers(made)


def _is_conform(name: str) -> bool:
    return name.isascii() and name == name.lower() and name not in SECRET_HEADERS


def _one_by_one(
    field: pa.Field,
    step: Step,
    values: Values,
    refused: dict[int, str],
    dropped: list[tuple[str, int]],
) -> pa.Array:
    if isinstance(values, pa.Array):
        values = values.to_pylist()
    out: list[Any] = []
    for place, value in enumerate(values):
        made = None
        try:
            made = step.made(value)
        except UNFIT as fault:
            if step.required:
                refused.setdefault(place, reason_of(fault, field.name))
            else:
                dropped.append((field.name, place))
        out.append(made)
    try:
        return pa.array(out, field.type)
    except UnicodeError:
        return pa.array(list(map(_mended, out)), field.type)


def _mended(value: Any) -> Any:
    """`value` without what is no Unicode."""
    if isinstance(value, str):
        return mended_text(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_mended, value))
    return value
