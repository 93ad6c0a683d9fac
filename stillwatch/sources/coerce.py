"""JSON values -> values that a contract column can hold, or the reason why not.

Lenient where nothing is lost: integers for text and for floats, whole floats and digit strings for
integers, 0 and 1 for booleans, times in several spellings. A column that can't be understood costs
its value where it is optional and its row where it is required.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

from stillwatch.sources.reasons import Refused

MAY_BE_EMPTY = frozenset({"prompt"})
"""Required columns whose empty string is a value; elsewhere it means that the value is missing."""

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"}
    | {"ocp-apim-subscription-key", "x-goog-api-key", "x-amz-security-token"}
)
"""Never stored: credentials, which no evidence needs."""

FIRST_US = 0
LAST_US = 4_102_444_800_000_000
"""Times are kept from 1970 to 2100; what lies outside is a broken clock or a broken unit."""


class _MissingError(Exception):
    pass


class _BadTypeError(Exception):
    pass


class _BadValueError(Exception):
    pass


UNFIT = (_MissingError, _BadTypeError, _BadValueError)
"""What a value that a column can't hold raises."""


def reason_of(fault: Exception, column: str) -> str:
    """Why a row can't be kept, from one of `UNFIT`."""
    if isinstance(fault, _MissingError):
        return f"missing:{column}"
    return f"{'bad_type' if isinstance(fault, _BadTypeError) else 'bad_value'}:{column}"


def time_us(value: Any) -> int:
    """Microseconds since the epoch from RFC 3339 text, a datetime, or a number.

    Text without an offset is UTC. A number is seconds below 1e11, milliseconds below 1e14,
    microseconds below 1e17 and nanoseconds above, which keeps 1973 to 2100 apart in every unit.

    >>> time_us("2026-11-01T12:00:00+02:00") == time_us(1793527200) == time_us(1793527200000)
    True
    """
    if isinstance(value, str):
        try:
            value = msgspec.convert(value.strip(), datetime)
        except msgspec.ValidationError:
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                try:
                    value = float(value)
                except ValueError:
                    raise _BadValueError from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        gap = value - datetime(1970, 1, 1, tzinfo=UTC)
        us = (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadTypeError
    else:
        us = _number_us(value)
    if not FIRST_US <= us < LAST_US:
        raise _BadValueError
    return us


def _number_us(value: float) -> int:
    if not math.isfinite(value):
        raise _BadValueError
    size = abs(value)
    if size < 1e11:
        return round(value * 1_000_000)
    if size < 1e14:
        return round(value * 1_000)
    if size < 1e17:
        return round(value)
    return round(value / 1_000)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _BadTypeError


def _integer(bits: int) -> Callable[[Any], int]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: Any) -> int:
        if isinstance(value, str):
            try:
                value = float(value) if len(value) < 32 else math.nan
            except ValueError:
                raise _BadValueError from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _BadTypeError
        if not low <= value <= high:
            raise _BadValueError
        return round(value)

    return convert


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadTypeError
    if not -3e38 <= value <= 3e38:
        raise _BadValueError
    return float(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise _BadTypeError


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _BadTypeError
    return [_text(item) for item in value if item is not None]


def _headers(value: Any) -> list[tuple[str, str | None]]:
    if type(value) is not dict:
        raise _BadTypeError
    pairs = []
    for name, held in value.items():
        lower = str(name).lower()
        if lower in SECRET_HEADERS:
            continue
        many = ", ".join(map(str, held)) if isinstance(held, list) else held
        pairs.append((lower, None if many is None else str(many)))
    return pairs


def _converter(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_integer(kind):
        return _integer(kind.bit_width)
    tests: list[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]]] = [
        (pa.types.is_timestamp, time_us),
        (pa.types.is_string, _text),
        (pa.types.is_floating, _real),
        (pa.types.is_boolean, _truth),
        (pa.types.is_map, _headers),
        (pa.types.is_list, _texts),
    ]
    return next(convert for test, convert in tests if test(kind))


class Step:
    """How one column takes its values."""

    def __init__(self, field: pa.Field) -> None:
        self.name, self.required = field.name, not field.nullable
        self._convert = _converter(field.type)
        self._not_empty = self.required and field.name not in MAY_BE_EMPTY

    def made(self, value: Any) -> Any:
        """`value` as the column holds it; raises one of `UNFIT`."""
        if value is None:
            if self.required:
                raise _MissingError
            return None
        value = self._convert(value)
        if self._not_empty and value == "":
            raise _MissingError
        return value


class Plan:
    """How JSON objects become rows of `schema`: one step a column, in its order."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.steps = [Step(field) for field in schema]

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        """One value a column; an optional one that can't be understood is null.

        Raises `Refused` naming the first required column that is missing or makes no sense.
        """
        out: list[Any] = []
        for step in self.steps:
            made = None
            try:
                made = step.made(row.get(step.name))
            except UNFIT as fault:
                if step.required:
                    raise Refused(reason_of(fault, step.name)) from None
            out.append(made)
        return out
