"""Whose record it is: told by the names of an object's own keys, which only the logger chooses.

Keys further inside prove nothing: headers, tools and messages are the client's, who could make a
log look like another logger's and have all of it quarantined.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from stillwatch.sources.formats import CONTRACT, REGISTRY, Format

OBJECTS_TRIED = 20
WRAPPER_KEYS = 3
"""An object with more keys is a record: what is inside it is the client's, and proves nothing."""

# Possessive: else a string of megabytes costs a hundred times its size in places to go back to.
_TOKEN = re.compile(rb'"((?:[^"\\]++|\\.)*+)"|[{}\[\]]', re.DOTALL)
_LINE = re.compile(rb"\n[ \t]*\{")
_FIRST = re.compile(rb"\s*\{")
_ALL_KEYS = frozenset[bytes]().union(*(format.keys for format in REGISTRY))


def format_of(start: bytes) -> Format | None:
    """The format of a JSON document, from its first bytes, which may break off anywhere.

    An object of few keys may wrap the records. `None` where no object's own keys tell, nor any keys
    that are in it at all.

    >>> format_of(b'[{"litellm_call_id": "x", "startTime": 1.5').name
    'litellm'
    >>> format_of(b'{"headers": {"litellm_call_id": "", "startTime": ""}, "exchange_id": "e"}').name
    'contract'
    >>> format_of(b'{"version": 1, "items": [{"exchange_id": "e"}]}').name
    'contract'
    """
    at: int | None = start.find(b"{")
    for _ in range(OBJECTS_TRIED):
        if at is None or at < 0:
            break
        keys, inside = own_keys(start, at)
        if told := format_with(keys):
            return told
        if len(keys) <= WRAPPER_KEYS and inside is not None:
            told = format_with(own_keys(start, inside)[0])
            if told is not None:
                return told
        following = _LINE.search(start, at + 1)
        at = following.end() - 1 if following else None
    found = {key for key in _ALL_KEYS if b'"' + key + b'"' in start}
    return format_with(found - CONTRACT.keys)


def format_with(keys: Collection[bytes]) -> Format | None:
    """The format that has the most of its keys among `keys`, and enough of them; `None` if none.

    >>> format_with([b"exchange_id", b"ts"]).name
    'contract'
    """
    told, most = None, 0
    for format in REGISTRY:
        found = len(format.keys.intersection(keys))
        if found >= format.needed and found > most:
            told, most = format, found
    return told


def own_keys(start: bytes, at: int) -> tuple[set[bytes], int | None]:
    """The keys of the object that begins at `at`, as far as `start` reaches, and where the first
    object of the first array among its values begins."""
    depth, keys, inside = 0, set(), None
    for token in _TOKEN.finditer(start, at):
        if token[0] in b"{[":
            depth += 1
            if depth == 2 and token[0] == b"[" and inside is None:
                first = _FIRST.match(start, token.end())
                inside = first.end() - 1 if first else None
        elif token[0] in b"}]":
            depth -= 1
            if depth == 0:
                break
        elif depth == 1 and start[token.end() : token.end() + 4].lstrip()[:1] == b":":
            keys.add(token[1])
    return keys, inside
