"""Paths into a record, as mapping files name them: `user.id`, `choices[0].text`, `events[*].name`.

A name with dots or brackets of its own stands in quotes: `attributes['user.id']`. Text on the way
that is JSON itself is opened, for many loggers keep bodies so.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

EACH = "*"

Step = str | int | tuple[str]
"""A name, a place in a list (negative: from its end), or `(EACH,)`: all of a list."""
Path = tuple[Step, ...]

_STEP = re.compile(
    r"""\[\s*(?:(?P<each>\*)|(?P<place>-?\d{1,6})|"(?P<double>[^"]*)"|'(?P<single>[^']*)')\s*\]"""
    r"""|(?:^|\.)(?:"(?P<quoted>[^"]*)"|(?P<name>[^.\[\]"']+))"""
)


def parse_path(text: str) -> Path:
    """The steps of a path.

    >>> parse_path('a.b[0]["c.d"][*]')
    ('a', 'b', 0, 'c.d', ('*',))

    Raises `ValueError` that says where it goes wrong.
    """
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise ValueError(f"{text!r} is no path from character {at + 1} on: {text[at:][:20]!r}")
        if found["each"]:
            steps.append((EACH,))
        elif found["place"]:
            steps.append(int(found["place"]))
        else:
            names = (found[kind] for kind in ("double", "single", "quoted", "name"))
            steps.append(next(name for name in names if name is not None))
        at = found.end()
    if not steps:
        raise ValueError("an empty path leads nowhere")
    return tuple(steps)


def path_text(path: Path) -> str:
    """The path as a mapping file names it.

    >>> path_text(("a", 0, "b.c"))
    "a[0]['b.c']"
    """
    out = ""
    for step in path:
        if isinstance(step, tuple):
            out += "[*]"
        elif isinstance(step, int):
            out += f"[{step}]"
        elif re.fullmatch(r"[^.\[\]\"']+", step):
            out += f".{step}" if out else step
        else:
            mark = '"' if "'" in step else "'"
            out += f"[{mark}{step}{mark}]"
    return out


def find(value: Any, path: Path) -> Any:
    """What stands at `path`, `None` where nothing does; a list where a step takes `EACH`.

    >>> find({"a": '{"b": [1, 2]}'}, ("a", "b", (EACH,)))
    [1, 2]
    """
    for place, step in enumerate(path):
        if type(value) is str:
            value = opened(value)
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and type(step) is int and -len(value) <= step < len(value):
            value = value[step]
        elif type(value) is list and type(step) is tuple:
            rest = path[place + 1 :]
            held = (find(item, rest) for item in value)
            return [item for item in held if item is not None]
        else:
            return None
    return value


def opened(text: str) -> Any:
    """The object or list that `text` is as JSON, else `text`."""
    if text[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return text
