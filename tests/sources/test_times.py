"""Times all at once mean what they mean one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.coerce import UNFIT, time_us
from stillwatch.sources.times import gaps_ms, times_us

SECONDS = st.floats(0, 4.2e9)
NANOS = st.integers(10**17, 42 * 10**17)
TEXTS = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)).map(
    lambda when: when.replace(tzinfo=timezone(timedelta(hours=2))).isoformat()
)


def one_by_one(value: Any) -> int | None:
    """What `coerce` makes of it."""
    try:
        return None if value is None else time_us(value)
    except UNFIT:
        return None


@given(
    st.one_of(
        *(st.lists(st.none() | kind, max_size=5) for kind in (SECONDS, NANOS, TEXTS)),
        st.lists(st.none() | st.integers() | st.floats(), max_size=5),
        st.lists(st.text(max_size=30) | st.just("2026-11-01 10:00:00"), max_size=3),
    )
)
def test_a_column_of_times(values: list[Any]) -> None:
    """A column is taken at once only where each value means the same by itself."""
    made = times_us(values)
    if made is not None:
        assert made.to_pylist() == [one_by_one(value) for value in values]


@pytest.mark.parametrize("value", [1793527200, 1793527200.25, "2026-11-01T10:00:00Z"])
def test_usual_times_are_taken_at_once(value: Any) -> None:
    """Seconds and RFC 3339, which most logs have."""
    assert times_us([value, None, value]) is not None


def test_gaps() -> None:
    """Whole milliseconds; none where an end is missing, senseless or before its start."""
    start = datetime(2026, 11, 1, 10, tzinfo=UTC)
    ends = [start + timedelta(milliseconds=1.6), None, start - timedelta(1), start]
    assert list(map(_plain, gaps_ms([start] * 4, ends))) == [1, None, None, 0]
    assert list(map(_plain, gaps_ms([start] * 2, ["soon", start]))) == [None, 0]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else value.as_py()
