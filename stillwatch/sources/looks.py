"""What values look like, whatever they are called: shares of a sample that could be a time, an
address, an id, and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from stillwatch.sources.coerce import UNFIT, time_us

PLAUSIBLE_US = (1_420_070_400_000_000, 2_051_222_400_000_000)
"""Times of logs of language models: 2015 to 2035."""

UNNAMED = 0.5
"""The points of what values alone tell."""

TIME_FORMATS = (
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S %Z",
    "%d-%b-%Y %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%b %d %Y %H:%M:%S",
)
"""Tried where text is no RFC 3339."""

_MODEL = re.compile(
    r"gpt|claude|gemini|llama|mi[sx]tral|qwen|deepseek|command|nova|titan|phi", re.I
)
_AGENT = re.compile(r"^[\w.+-]+/v?\d|Mozilla|python|node|curl|okhttp|axios|java", re.I)
_NAME = re.compile(r"^[\w.:/@+-]{1,120}$")


def share(values: Sequence[Any], test: Callable[[Any], bool]) -> float:
    """The share of `values` that pass `test`."""
    return sum(map(test, values)) / len(values) if values else 0.0


def is_time(value: Any) -> bool:
    """A time that `coerce` understands, between 2015 and 2035."""
    if isinstance(value, str) and re.fullmatch(r"\d{14}", value.strip()):
        return False
    try:
        return PLAUSIBLE_US[0] <= time_us(value) < PLAUSIBLE_US[1]
    except UNFIT:
        return False


def time_format(values: Sequence[Any]) -> str | None:
    """The format of `TIME_FORMATS` that all of `values` are in."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts or len(texts) < len(values):
        return None
    return next((f for f in TIME_FORMATS if all(_parses(text, f) for text in texts)), None)


def _parses(text: str, pattern: str) -> bool:
    try:
        when = datetime.strptime(text.strip(), pattern)
    except ValueError:
        return False
    return 2015 <= when.year < 2035


def is_address(value: Any) -> bool:
    """One address, or several as proxies list them."""
    if not isinstance(value, str):
        return False
    try:
        return all(ip_address(part.strip()) for part in value.split(","))
    except ValueError:
        return False


def is_name(value: Any) -> bool:
    """An identifier: short text without spaces, or a whole number."""
    if isinstance(value, str):
        return bool(_NAME.match(value))
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    """Words, as somebody or a model writes them."""
    return isinstance(value, str) and (" " in value.strip() or not value.isascii())


def is_model(value: Any) -> bool:
    """A model's name, of the families that are known."""
    return isinstance(value, str) and bool(_MODEL.search(value)) and " " not in value


def is_agent(value: Any) -> bool:
    """A client's name and version."""
    return isinstance(value, str) and bool(_AGENT.search(value)) and not is_address(value)


def is_count(value: Any) -> bool:
    """A whole number from 0 up, as number or text."""
    if isinstance(value, str):
        return value.isdecimal() and len(value) < 10
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def is_status(value: Any) -> bool:
    """An HTTP status."""
    return is_count(value) and 100 <= int(value) <= 599


def is_number(value: Any) -> bool:
    """A number from 0 up, as number or text."""
    if isinstance(value, str):
        return bool(re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value))
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def is_country(value: Any) -> bool:
    """Two capital letters."""
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Z]{2}", value))


def is_truth(value: Any) -> bool:
    """Yes or no."""
    return isinstance(value, bool)


def is_fingerprint(value: Any) -> bool:
    """A JA4 fingerprint."""
    return isinstance(value, str) and bool(re.match(r"^[tqd]\d\d[di]\d{4}\w\w_", value))


def is_names(value: Any) -> bool:
    """A list of names."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def variety(values: Sequence[Any]) -> float:
    """How many of `values` differ, as a share of them."""
    return len({repr(value) for value in values}) / len(values) if values else 0.0
