"""Columns of times, as JSON has them -> microseconds since the epoch, all at once.

What it understands means what it means to `coerce.time_us`; where it doesn't understand a value, it
says so, and the values are looked at one by one.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.coerce import FIRST_US, LAST_US, time_us
from stillwatch.tables import TIME

_NONE = type(None)
_UNITS = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0))
"""Below which size a number is of a unit, and microseconds in it; nanoseconds above."""
_EXACT = 1 << 53
_NO_ZONE = pa.timestamp("us")
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d|T.*[+-]\d\d)$")


def times_us(values: Sequence[Any] | pa.Array) -> pa.Array | None:
    """`values` as `int64`, null where they are; `None` where any of them needs a look."""
    if isinstance(values, pa.Array) and not pa.types.is_string(values.type):
        values = values.to_pylist()
    kinds = {str} if isinstance(values, pa.Array) else set(map(type, values)) - {_NONE}
    try:
        if kinds <= {str}:
            micros = _texts(values)
        elif kinds == {datetime}:
            micros = pa.array(values, TIME).cast(pa.int64())
        elif kinds <= {int, float}:
            micros = _numbers(values)
        else:
            return None
    except (pa.ArrowException, OverflowError, UnicodeError):
        return None
    if micros is None or len(micros) == micros.null_count:
        return micros
    return micros if _in_range(micros) else None


def _in_range(micros: pa.Array) -> bool:
    if micros.null_count:
        micros = micros.drop_null()
    moments = micros.to_numpy()
    return bool(moments.min() >= FIRST_US and moments.max() < LAST_US)


def _texts(values: Sequence[str | None] | pa.Array) -> pa.Array:
    """All of them say their zone, or none does, which is UTC."""
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    first = next((text for text in values if text is not None), None)
    own, other = (TIME, _NO_ZONE) if _ZONE.search(str(first)) else (_NO_ZONE, TIME)
    try:
        return texts.cast(own).view(pa.int64())
    except pa.ArrowInvalid:
        return texts.cast(other).view(pa.int64())


def _numbers(values: Sequence[float | None]) -> pa.Array | None:
    if abs(next(filter(None, values), 0)) >= _UNITS[-1][0]:
        return _nanoseconds(values)
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    if np.isnan(numbers).sum() != values.count(None):
        return None
    sizes = np.abs(numbers)
    if np.nanmax(sizes, initial=0.0) >= _EXACT:
        return _nanoseconds(values)
    micros = numbers
    for below, unit in reversed(_UNITS):
        micros = np.where(sizes < below, numbers * unit, micros)
    return pa.array(np.rint(micros), pa.float64(), from_pandas=True).cast(pa.int64())


def _nanoseconds(values: Sequence[float | None]) -> pa.Array | None:
    """Whole nanoseconds: too many for a float to tell them apart."""
    kinds = set(map(type, values))
    if kinds - {_NONE, int}:
        return None
    least = int(_UNITS[-1][0])
    absent = np.array([value is None for value in values]) if _NONE in kinds else None
    given = values if absent is None else [least if value is None else value for value in values]
    nanos = np.array(given, np.int64)
    if nanos.min() < least:
        return None
    micros = nanos // 1000
    rounded = np.rint(micros + (nanos - micros * 1000) / 1000).astype(np.int64)
    return pa.array(rounded, mask=absent)


def moments(values: Sequence[Any]) -> Sequence[Any] | pa.Array:
    """`values` as microseconds where all of them are times, else as they are."""
    micros = times_us(values)
    return values if micros is None or micros.null_count else micros


def gaps_ms(starts: Sequence[Any] | pa.Array, ends: Sequence[Any]) -> list[int | None] | pa.Array:
    """Whole milliseconds from start to end; null where either is no time, or they are the wrong
    way round."""
    begun = starts if isinstance(starts, pa.Array) else times_us(starts)
    ended = times_us(ends)
    if begun is None or ended is None:
        if isinstance(starts, pa.Array):
            starts = starts.cast(TIME).to_pylist()
        return [_gap_ms(start, end) for start, end in zip(starts, ends, strict=True)]
    if not begun.null_count and not ended.null_count:
        lasted = ended.to_numpy() - begun.to_numpy()
        if (lasted >= 0).all():
            return pa.array(lasted // 1000)
    gaps = pc.subtract(ended, begun)
    whole = pc.divide(gaps, 1000)
    return pc.if_else(pc.less(gaps, 0), pa.scalar(None, pa.int64()), whole)


def _gap_ms(start: Any, end: Any) -> int | None:
    try:
        gap = time_us(end) - time_us(start)
    except Exception:
        return None
    return gap // 1000 if gap >= 0 else None
