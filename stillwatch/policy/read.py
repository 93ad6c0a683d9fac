"""Reading a policy file: all that is wrong with it at once, each with its place and a hint."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stillwatch.display import plain
from stillwatch.errors import PolicyInvalid
from stillwatch.policy.file import Policy
from stillwatch.tables import CAPABILITIES
from stillwatch.toml_faults import Fault, lines_of, listed, told, unknown_keys

LARGEST = 16 * 2**20
"""Most bytes of a file: an allow-list of a million accounts fits."""


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
    faults = list(unknown_keys(said, Policy))
    policy = None
    try:
        # as JSON, so that lists may be tuples and nothing else is taken for what it isn't
        policy = _ADAPTER.validate_json(json.dumps(said, default=str), strict=True)
    except ValidationError as invalid:
        faults += [(error["loc"], told(error)) for error in invalid.errors(include_url=False)]
    faults += _at_odds(said)
    if faults or policy is None:
        raise _invalid(where, listed(faults, lines_of(text)))
    return policy


_ADAPTER = TypeAdapter(Policy)


def _invalid(where: object, faults: list[str]) -> PolicyInvalid:
    many = f"has {len(faults)} faults: " if len(faults) > 1 else ""
    todo = "See `stillwatch policy show --default` for a good one"
    return PolicyInvalid(where, many + "; ".join(faults), todo, faults)


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
