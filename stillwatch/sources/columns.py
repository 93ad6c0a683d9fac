"""Arrow columns of whatever type -> contract columns, whole arrays at a time.

Every conversion hands back the new array; what it couldn't understand has become null there, so
that the caller counts repairs as nulls gained.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.coerce import FIRST_US, LAST_US, SECRET_HEADERS, time_us

_SECRETS = pa.array(sorted(SECRET_HEADERS))
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


def conform(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """`values` as the contract's type `kind`; null where a value makes no sense in it."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), kind)
    tests: list[tuple[Callable[[pa.DataType], bool], Callable[..., pa.Array]]] = [
        (pa.types.is_timestamp, _times),
        (pa.types.is_string, _text),
        (pa.types.is_integer, _integers),
        (pa.types.is_floating, _reals),
        (pa.types.is_boolean, _truths),
        (pa.types.is_map, _maps),
        (pa.types.is_list, _lists),
    ]
    return next(made for test, made in tests if test(kind))(values, kind)


def _text(values: pa.Array, _: pa.DataType) -> pa.Array:
    """Text of any width, bytes or integers as strings; broken UTF-8 gets U+FFFD."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_binary(kind):
        try:
            if not _is_binary(kind):
                values.validate(full=True)
            return values.cast(pa.string())
        except pa.ArrowInvalid:
            raw = values.cast(pa.large_binary(), safe=False).to_pylist()
            mended = [None if v is None else v.decode("utf-8", "replace") for v in raw]
            return pa.array(mended, pa.string())
    if pa.types.is_integer(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    return pa.nulls(len(values), pa.string())


def _is_binary(kind: pa.DataType) -> bool:
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _one_by_one(values: pa.Array, kind: pa.DataType, convert: Callable[[Any], Any]) -> pa.Array:
    """The slow way, for types that nothing else covers; a failed conversion is null."""
    out: list[Any] = []
    for value in values:
        try:
            plain = value.as_py()
            out.append(None if plain is None else convert(plain))
        except Exception:
            out.append(None)
    return pa.array(out, kind)


def _keep_if(values: pa.Array, good: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(good, False), values, pa.scalar(None, values.type))


def _times(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(values.type):
        try:
            micros = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
            micros = micros.cast(pa.int64())
            if values.type.unit in ("s", "ms"):
                values.cast(pa.timestamp("us", tz=values.type.tz), safe=True)
        except pa.ArrowInvalid:
            return _one_by_one(values, pa.int64(), time_us).cast(kind)
    elif pa.types.is_date(values.type):
        micros = values.cast(pa.timestamp("us")).cast(pa.int64())
    elif any(test(values.type) for test in _NUMBERS) or _is_text(values.type):
        micros = _one_by_one(values, pa.int64(), time_us)
    else:
        return pa.nulls(len(values), kind)
    good = pc.and_(pc.greater_equal(micros, FIRST_US), pc.less(micros, LAST_US))
    return _keep_if(micros, good).cast(kind)


def _integers(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if values.type == kind:
        return values
    if pa.types.is_boolean(values.type) or not (
        any(test(values.type) for test in _NUMBERS) or _is_text(values.type)
    ):
        return pa.nulls(len(values), kind)
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        top = 1 << (kind.bit_width - 1)

        def convert(value: Any) -> int | None:
            number = round(float(value)) if isinstance(value, str) else round(value)
            return number if -top <= number < top else None

        return _one_by_one(values, kind, convert)


def _reals(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(values.type) or not (
        any(test(values.type) for test in _NUMBERS) or _is_text(values.type)
    ):
        return pa.nulls(len(values), kind)
    try:
        reals = values.cast(kind, safe=False)
    except pa.ArrowInvalid:
        reals = _one_by_one(values, kind, float)
    return _keep_if(reals, pc.is_finite(reals))


def _truths(values: pa.Array, _: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    if pa.types.is_integer(values.type):
        good = pc.is_in(values, pa.array([0, 1], values.type))
        return _keep_if(pc.equal(values, pa.scalar(1, values.type)), good)
    return pa.nulls(len(values), pa.bool_())


def _lists(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(values.type) and _is_text(values.type.value_type):
        try:
            values.validate(full=True)
            cast = values.cast(kind)
            if cast.flatten().null_count == 0:
                return cast
        except pa.ArrowInvalid:
            pass

    def convert(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise TypeError
        return [str(item) for item in value if item is not None]

    return _one_by_one(values, kind, convert)


def _maps(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_map(values.type):
        try:
            values.validate(full=True)
            return conform_headers(values.cast(kind))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass

    def convert(value: Any) -> list[tuple[str, str | None]]:
        pairs = value.items() if isinstance(value, dict) else value
        out = []
        for pair in pairs:
            name, held = pair.values() if isinstance(pair, dict) else pair
            if held is not None or not isinstance(value, dict):
                out.append((str(name), None if held is None else str(held)))
        return out

    return conform_headers(_one_by_one(values, kind, convert))


def conform_headers(values: pa.Array) -> pa.Array:
    """A map column with lower-case names and without credentials."""
    if values.offset:
        values = pa.concat_arrays([values])
    keys = values.keys
    lower = pc.utf8_lower(keys)
    if not pc.any(pc.is_in(lower, _SECRETS)).as_py():
        if pc.all(pc.equal(lower, keys)).as_py() is not False:
            return values
        offsets = pa.array(np.asarray(values.offsets))
        return pa.MapArray.from_arrays(offsets, lower, values.items, mask=values.is_null())

    def convert(pairs: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
        return [(n.lower(), held) for n, held in pairs if n.lower() not in SECRET_HEADERS]

    return _one_by_one(values, values.type, convert)
