"""What a mapping can do to a value on its way into a column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from stillwatch.sources.bodies import prompt_text
from stillwatch.sources.coerce import FIRST_US, LAST_US, time_us
from stillwatch.sources.messages import (
    opened_response,
    response_text,
    stop_reason,
    system_text,
    text_of,
    thinking_asked,
    tool_names,
    tools_digest,
)
from stillwatch.sources.paths import opened
from stillwatch.sources.recorded import recorded_request, recorded_response


def _messages(value: Any) -> Any:
    held = recorded_request(value).get("messages")
    return held if isinstance(held, str | list) else None


def _last_user(value: Any) -> Any:
    return prompt_text(_messages(value))


def _system(value: Any) -> Any:
    return system_text(_messages(value), None)


def _turns(value: Any) -> Any:
    held = _messages(value)
    return len(held) if isinstance(held, list) else None


def _response(value: Any) -> Any:
    return response_text(recorded_response(value))


def _stop_reason(value: Any) -> Any:
    return stop_reason(recorded_response(value))


def _text(value: Any) -> Any:
    return text_of(value) or None


def _thinking(value: Any) -> Any:
    return thinking_asked(opened_response(value))


def _tool_names(value: Any) -> Any:
    return tool_names(_list(value))


def _tools_digest(value: Any) -> Any:
    return tools_digest(_list(value))


def _list(value: Any) -> Any:
    return opened(value) if isinstance(value, str) else value


TAKES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "last_user": ("the text of the last user message in a list of messages", _last_user),
    "system": ("the system messages in a list of messages", _system),
    "turns": ("how many messages there are", _turns),
    "response": ("the text of a response's body", _response),
    "stop_reason": ("why a response's body ended", _stop_reason),
    "text": ("the text of content blocks", _text),
    "thinking": ("whether a request's body asks for reasoning", _thinking),
    "tool_names": ("the names of a request's tools", _tool_names),
    "tools_digest": ("the digest of a request's tools", _tools_digest),
}
"""By name: what it takes out of a value, and how."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UNITS = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
"""Microseconds by the unit of a number that is a time or a duration."""


def in_microseconds(value: Any, unit: str) -> Any:
    """A number of `unit`, or its text, as microseconds; anything else as it is."""
    try:
        return round(float(value) * UNITS[unit])
    except (TypeError, ValueError, OverflowError):
        return value


def parsed_time(value: Any, pattern: str) -> Any:
    """Text in the format `pattern` (as `strptime` takes it), UTC where it names no zone."""
    if not isinstance(value, str):
        return value
    try:
        when = datetime.strptime(value.strip(), pattern)
    except ValueError:
        return value
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def as_time(value: Any, unit: str | None, pattern: str | None) -> Any:
    """A time as `coerce` takes it."""
    if pattern is not None:
        return parsed_time(value, pattern)
    if unit is not None:
        micros = in_microseconds(value, unit)
        # As a time: below 1e14 a bare number would be taken for milliseconds.
        return _EPOCH + timedelta(microseconds=micros) if _in_range(micros) else micros
    return value


def _in_range(micros: Any) -> bool:
    return isinstance(micros, int) and FIRST_US <= micros < LAST_US


def as_milliseconds(value: Any, unit: str | None) -> Any:
    """A duration in milliseconds."""
    if unit is None:
        return value
    micros = in_microseconds(value, unit)
    return round(micros / 1000) if isinstance(micros, int) else micros


def gap_ms(first: Any, last: Any, unit: str | None, pattern: str | None) -> int | None:
    """Milliseconds between two times, `None` where either is none or they are the wrong way."""
    try:
        gap = time_us(as_time(last, unit, pattern)) - time_us(as_time(first, unit, pattern))
    except Exception:
        return None
    return gap // 1000 if gap >= 0 else None
