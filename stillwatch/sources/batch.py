"""Rows of whatever JSON gave -> one Arrow batch of a contract table, a column at a time.

A column whose values all have its own type already is taken whole; the others value by value, as
`coerce` says. What comes out doesn't depend on which way a column went.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.coerce import MAY_BE_EMPTY, UNFIT, Plan, Step, reason_of
from stillwatch.sources.lenient import mended_text

_NONE = type(None)
_OWN_TYPES: tuple[tuple[type, Callable[[pa.DataType], bool]], ...] = (
    (str, pa.types.is_string),
    (int, pa.types.is_integer),
    (float, pa.types.is_floating),
    (bool, pa.types.is_boolean),
)


class Batch(NamedTuple):
    """`kept` rows; the others by their place among the given, with the reason; what was repaired
    in kept rows, counted by column."""

    kept: pa.RecordBatch
    refused: dict[int, str]
    repaired: dict[str, int]


def rows_to_batch(rows: Sequence[dict[str, Any]], plan: Plan) -> Batch:
    """`rows` as one batch; a row is refused for the first required column that it can't fill."""
    refused: dict[int, str] = {}
    dropped: list[tuple[str, int]] = []
    arrays = []
    for field, step in zip(plan.schema, plan.steps, strict=True):
        values = list(map(dict.get, rows, repeat(field.name)))
        array = _whole(field, values)
        if array is None:
            array = _one_by_one(field, step, values, refused, dropped)
        arrays.append(array)
    if refused:
        kept = pa.array([place not in refused for place in range(len(rows))])
        arrays = [array.filter(kept) for array in arrays]
    repaired: dict[str, int] = {}
    for name, place in dropped:
        if place not in refused:
            repaired[name] = repaired.get(name, 0) + 1
    batch = pa.RecordBatch.from_arrays(arrays, schema=plan.schema)
    return Batch(batch, refused, repaired)


def _whole(field: pa.Field, values: list[Any]) -> pa.Array | None:
    """`values` at once, or `None` where any of them needs a look."""
    kinds = set(map(type, values))
    if kinds == {_NONE} and field.nullable:
        return pa.nulls(len(values), field.type)
    if not field.nullable and (_NONE in kinds or (field.name not in MAY_BE_EMPTY and "" in values)):
        return None
    kinds.discard(_NONE)
    if len(kinds) != 1 or not any(kinds == {own} and is_(field.type) for own, is_ in _OWN_TYPES):
        return None
    try:
        array = pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, UnicodeError):
        return None
    if kinds == {float} and pc.all(pc.is_finite(array)).as_py() is False:
        return None
    return array


def _one_by_one(
    field: pa.Field,
    step: Step,
    values: list[Any],
    refused: dict[int, str],
    dropped: list[tuple[str, int]],
) -> pa.Array:
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
