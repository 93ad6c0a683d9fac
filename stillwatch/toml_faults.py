"""What is wrong with a TOML file, in words: each fault with its line and a hint, all at once.

A file is described by frozen dataclasses whose bounds stand in their types; pydantic checks them,
and says it in a programmer's words.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from stillwatch.display import plain

MOST_FAULTS = 50
"""Most faults that are told of one file."""

Place = tuple[str | int, ...]
Fault = tuple[Place, str]


def unknown_keys(said: object, kind: Any, place: Place = ()) -> Iterator[Fault]:
    """Keys that nothing knows, each with the nearest one that is known."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is tuple and isinstance(said, list):
        for at, each in enumerate(said):
            yield from unknown_keys(each, get_args(kind)[0], (*place, at))
    if not is_dataclass(kind) or not isinstance(said, dict):
        return
    known = get_type_hints(kind, include_extras=True)
    for key, value in said.items():
        if key in known:
            yield from unknown_keys(value, known[key], (*place, key))
        else:
            near = difflib.get_close_matches(key[:100], known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield (*place, key), f"is no key that is known here ({hint})"


def told(error: Any) -> str:
    """What pydantic found, in our words."""
    bounds = error.get("ctx", {})
    words: dict[str, str] = {
        "missing": "is missing",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "bool_type": "must be true or false",
        "string_type": "must be text in quotes",
        "string_too_short": "is empty",
        "string_too_long": f"has more than {bounds.get('max_length')} characters",
        "too_long": f"has more than {bounds.get('max_length')} entries",
        "tuple_type": "must be a list in square brackets",
        "dataclass_type": "must be a table",
        "greater_than": f"must be more than {bounds.get('gt', 0):g}",
        "greater_than_equal": f"must be at least {bounds.get('ge', 0):g}",
        "less_than_equal": f"must be at most {bounds.get('le', 0):g}",
        "enum": f"must be {bounds.get('expected')}",
    }
    said = error["input"]
    wrong = f", not {json.dumps(said)[:60]}" if isinstance(said, str | int | float) else ""
    return words.get(error["type"], str(error["msg"])) + wrong


def listed(faults: list[Fault], lines: dict[Place, int]) -> list[str]:
    """Faults in the order of the file, each a phrase with its place."""
    placed = [(_line_of(place, lines), place, words) for place, words in faults]
    placed.sort(key=lambda fault: (fault[0] or 0, [str(part) for part in fault[1]]))
    phrases = [
        (f"line {line}, " if line else "") + f"{_named(place)} {words}"
        for line, place, words in placed[:MOST_FAULTS]
    ]
    more = len(placed) - len(phrases)
    return phrases + ([f"and {more:,} more"] if more else [])


def _named(place: Place) -> str:
    """A place as people count: `rules[1]` is the first rule."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{plain(part, 80)}" for part in place)
    return "".join(parts).lstrip(".")


def _line_of(place: Place, lines: dict[Place, int]) -> int | None:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place)


_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-]{1,200})\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([\w.\-]{1,200})\s*=")


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, of each table and key that is written in the plain way."""
    found: dict[Place, int] = {}
    here: Place = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line[:500]):
            head, *rest = header[2].split(".")
            if header[1] == "[[":
                counts[head] = counts.get(head, -1) + 1
            here = (head, counts[head], *rest) if head in counts else (head, *rest)
            found.setdefault(here, number)
        elif key := _KEY.match(line[:500]):
            found.setdefault((*here, *key[1].split(".")), number)
    return found
