"""Whose JSON it is: told by the names of an object's own keys, which only the logger chooses.

Keys further inside prove nothing: headers, tools and messages are the client's, who could make a
log look like another logger's and have all of it quarantined.
"""

from __future__ import annotations

import re

LITELLM_KEYS = frozenset(
    {b"litellm_call_id", b"model_group", b"call_type", b"startTime", b"model_parameters"}
)
"""Keys that a LiteLLM payload has and a contract row hasn't; two of them tell."""

CONTRACT_KEYS = frozenset({b"exchange_id", b"account_id", b"created_at"})
"""Keys that a contract row has and a payload hasn't; one of them tells."""

OBJECTS_TRIED = 20

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"|[{}\[\]]')
_LINE = re.compile(rb"\n[ \t]*\{")


def format_of(start: bytes) -> str:
    """`litellm` or `contract`, from the first bytes of a document, which may break off anywhere.

    >>> format_of(b'[{"litellm_call_id": "x", "startTime": 1.5')
    'litellm'
    >>> format_of(b'{"headers": {"litellm_call_id": "", "startTime": ""}, "exchange_id": "e"}')
    'contract'
    """
    at: int | None = start.find(b"{")
    for _ in range(OBJECTS_TRIED):
        if at is None or at < 0:
            break
        if told := _told_by(start, at):
            return told
        following = _LINE.search(start, at + 1)
        at = following.end() - 1 if following else None
    found = sum(b'"' + key + b'"' in start for key in LITELLM_KEYS)
    return "litellm" if found >= 2 else "contract"


def _told_by(start: bytes, at: int) -> str | None:
    """What the keys of the object at `at` say."""
    depth, marks = 0, set()
    for token in _TOKEN.finditer(start, at):
        if token[0] in b"{[":
            depth += 1
        elif token[0] in b"}]":
            depth -= 1
            if depth == 0:
                return None
        elif depth == 1 and start[token.end() : token.end() + 4].lstrip()[:1] == b":":
            if token[1] in CONTRACT_KEYS:
                return "contract"
            marks |= {token[1]} & LITELLM_KEYS
            if len(marks) >= 2:
                return "litellm"
    return None
