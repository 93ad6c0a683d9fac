"""Decode one JSON record that a strict decoder may refuse, and say what was mended or why not.

What a hostile client can put into its own prompt (lone surrogates, bytes that aren't UTF-8, control
characters) must not cost the row, or it would be a way to stay unseen.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from stillwatch.sources import reasons
from stillwatch.sources.reasons import Refused

_DECODER = msgspec.json.Decoder()


def decode_object(raw: bytes) -> tuple[dict[str, Any], bool]:
    """The object in `raw`, and whether its text had to be mended.

    >>> decode_object(b'{"a": "\\\\ud800x"}')
    ({'a': '�x'}, True)

    Raises `Refused` (`not_json`, `not_an_object`, `too_deep`).
    """
    mended = False
    try:
        value = _DECODER.decode(raw)
    except RecursionError:
        raise Refused(reasons.TOO_DEEP) from None
    except (msgspec.MsgspecError, ValueError):
        value, mended = _mend(raw), True
    if not isinstance(value, dict):
        raise Refused(reasons.NOT_AN_OBJECT)
    return value, mended


def _mend(raw: bytes) -> Any:
    text = raw.decode("utf-8", "replace").lstrip("\ufeff")
    try:
        value = json.loads(text, strict=False, parse_constant=lambda _: None)
        return _DECODER.decode(mended_text(json.dumps(value, ensure_ascii=False)))
    except RecursionError:
        raise Refused(reasons.TOO_DEEP) from None
    except (msgspec.MsgspecError, ValueError):
        raise Refused(reasons.NOT_JSON) from None


def mended_text(text: str) -> str:
    """`text` with U+FFFD for surrogates that have no partner."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
