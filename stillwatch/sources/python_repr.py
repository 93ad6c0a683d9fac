"""Python's printed dictionaries back into values, without evaluating anything.

LiteLLM logs some responses (seen with `/v1/messages` in 1.106) as `str(dict)`. Strings are
rewritten as JSON strings one by one; the rest may only be JSON's punctuation, numbers and three
names.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import msgspec

MAX_CHARS = 4 << 20

_STRING = re.compile(r"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\"", re.S)
# possessive: else a string of megabytes costs a hundred times its size in places to go back to
_NAMES = {"None": "null", "True": "true", "False": "false"}
_WORD = re.compile(r"\b(None|True|False)\b")
_ENCODER = msgspec.json.Encoder()


def parse_repr(text: str) -> Any:
    """The value that `text` prints, of dictionaries, lists, strings, numbers and the like.

    >>> parse_repr("{'a': [1, None, 'it\\\\'s']}")
    {'a': [1, None, "it's"]}

    Raises `ValueError` where it prints anything else.
    """
    if len(text) > MAX_CHARS:
        raise ValueError("too long to be taken apart")
    parts, at = [], 0
    for found in _STRING.finditer(text):
        parts.append(_WORD.sub(lambda m: _NAMES[m[1]], text[at : found.start()]))
        try:
            # not by `literal_eval`, whose inner functions stay until cycles are searched for
            node = ast.parse(found.group(), mode="eval").body
            assert isinstance(node, ast.Constant)
            parts.append(_ENCODER.encode(node.value).decode())
        except (SyntaxError, UnicodeError, MemoryError) as fault:
            raise ValueError("not a Python string") from fault
        at = found.end()
    parts.append(_WORD.sub(lambda m: _NAMES[m[1]], text[at:]))
    try:
        return msgspec.json.decode("".join(parts))
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise ValueError("not a printed dictionary") from fault
