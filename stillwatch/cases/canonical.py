"""One way to write a value as bytes, so that a hash or a comparison of bytes means something."""

from __future__ import annotations

import hashlib
import json
from typing import Any

GENESIS = "0" * 64
"""What the first entry of a ledger names as the hash before it."""


def canonical(value: Any) -> str:
    r"""`value` as JSON in the one form that counts: keys sorted, no white space, pure ASCII.

    Raises `TypeError` for a float (its digits are a matter of the writer) and whatever JSON lacks.

    >>> canonical({"b": [1, None], "a": "é"})
    '{"a":"\\u00e9","b":[1,null]}'
    """
    _no_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def hash_entry(fields: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of an entry's fields (`prev` among them) without its own `hash`."""
    return digest({name: value for name, value in fields.items() if name != "hash"})


def digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of `value` in canonical form."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def _no_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float, which has no canonical form; write a string")
    if isinstance(value, dict):
        for item in value.values():
            _no_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _no_floats(item)
