"""Reading a policy file: all that is wrong with it at once, each with its place and a hint."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from stillwatch.display import plain
from stillwatch.errors import PolicyInvalid
from stillwatch.policy.file import Policy
from stillwatch.tables import CAPABILITIES

LARGEST = 16 * 2**20
"""Most bytes of a file: an allow-list of a million accounts fits."""
MOST_FAULTS = 50
"""Most faults that are told of one file."""

Place = tuple[str | int, ...]
Fault = tuple[Place, str]


def default_policy() -> Policy:
    """The policy that comes with Stillwatch: it does nothing but say what it would do."""
    return policy_of(default_text(), "the default policy")


def default_text() -> str:
    """The file of `default_policy`, with its comments."""
    return resources.files("stillwatch.policy").joinpath("default.toml").read_text("utf-8")


def read_policy(path: str | Path) -> Policy:
    """The policy in a file; raises `PolicyInvalid` with everything that is wrong with it."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise _invalid(path, [f"is larger than {LARGEST // 2**20} MB"])
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _invalid(path, ["there is no such file"]) from None
    except IsADirectoryError:
        raise _invalid(path, ["is a folder, not a file"]) from None
    except UnicodeDecodeError as fault:
        raise _invalid(path, [f"byte {fault.start + 1} is not UTF-8"]) from None
    return policy_of(text, path)


def policy_of(text: str, where: object) -> Policy:
    """The policy that a TOML text says; raises as `read_policy` does, naming `where`."""
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise _invalid(where, [f"is not TOML: {plain(fault)}"]) from None
    faults = list(_unknown(said, Policy, ()))
    policy = None
    try:
        # as JSON, so that lists may be tuples and nothing else is taken for what it isn't
        policy = _ADAPTER.validate_json(json.dumps(said, default=str), strict=True)
    except ValidationError as invalid:
        faults += [(error["loc"], _told(error)) for error in invalid.errors(include_url=False)]
    faults += _at_odds(said)
    if faults or policy is None:
        raise _invalid(where, _listed(faults, _lines(text)))
    return policy


_ADAPTER = TypeAdapter(Policy)


def _invalid(where: object, faults: list[str]) -> PolicyInvalid:
    many = f"has {len(faults)} faults: " if len(faults) > 1 else ""
    todo = "See `stillwatch policy show --default` for a good one"
    return PolicyInvalid(where, many + "; ".join(faults), todo, faults)


def _unknown(said: object, kind: Any, place: Place) -> Iterator[Fault]:
    """Keys that nothing knows, each with the nearest one that is known."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is tuple and isinstance(said, list):
        for at, each in enumerate(said):
            yield from _unknown(each, get_args(kind)[0], (*place, at))
    if not is_dataclass(kind) or not isinstance(said, dict):
        return
    known = get_type_hints(kind, include_extras=True)
    for key, value in said.items():
        if key in known:
            yield from _unknown(value, known[key], (*place, key))
        else:
            near = difflib.get_close_matches(key[:100], known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield (*place, key), f"is no key that is known here ({hint})"


def _told(error: Any) -> str:
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


def _at_odds(said: dict[str, Any]) -> Iterator[Fault]:
    """What each value by itself may be, and together they may not."""
    names: set[str] = set()
    rules: Any = said.get("rules")
    for at, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            continue
        name, when = rule.get("name"), rule.get("when")
        delay: Any = rule.get("delay_hours")
        if isinstance(name, str):
            if name in names:
                yield ("rules", at, "name"), f"{plain(name, 60)!r} is an earlier rule's too"
            names.add(name)
        if (
            isinstance(delay, list)
            and len(delay) == 2
            and all(isinstance(hours, int | float) for hours in delay)
            and delay[0] > delay[1]
        ):
            yield ("rules", at, "delay_hours"), "must be [least, most]"
        wanted: Any = when.get("capabilities") if isinstance(when, dict) else None
        for word in wanted if isinstance(wanted, list) else ():
            if isinstance(word, str) and word not in CAPABILITIES:
                near = difflib.get_close_matches(word[:100], CAPABILITIES, 1)
                hint = (
                    f"did you mean {near[0]}?" if near else f"known are {', '.join(CAPABILITIES)}"
                )
                place = ("rules", at, "when", "capabilities")
                yield place, f"has no {plain(word, 60)!r} to choose ({hint})"


def _listed(faults: list[Fault], lines: dict[Place, int]) -> list[str]:
    """Faults in the order of the file, each a phrase with its place."""
    placed = [(_line_of(place, lines), place, words) for place, words in faults]
    placed.sort(key=lambda fault: (fault[0] or 0, [str(part) for part in fault[1]]))
    told = [
        (f"line {line}, " if line else "") + f"{_named(place)} {words}"
        for line, place, words in placed[:MOST_FAULTS]
    ]
    more = len(placed) - len(told)
    return told + ([f"and {more:,} more"] if more else [])


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


def _lines(text: str) -> dict[Place, int]:
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
