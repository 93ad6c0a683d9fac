"""Some records of a log -> what stands at each path of them, for a mapping to be drafted from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from stillwatch.sources.paths import EACH, Path, opened

MAX_RECORDS = 500
MAX_PATHS = 2000
MAX_DEPTH = 7
MAX_NAME = 100

_ROLES = ("role", "type", "author")
_SAYS = ("content", "parts", "text", "message")
_TOOL_SIGNS = {"function", "input_schema", "parameters", "inputSchema", "toolSpec"}


@dataclass
class Leaf:
    """What stands at one path: its values where there are any, in the order of the records."""

    path: Path
    values: list[Any] = field(default_factory=list)


@dataclass
class Sample:
    """A log's records by path: `leaves` with plain values, and the places of whole structures."""

    records: list[dict[str, Any]]
    inside: Path | None
    """Where the records are in their documents; `None` where a document is a record."""
    leaves: dict[Path, Leaf] = field(default_factory=dict)
    messages: dict[Path, Leaf] = field(default_factory=dict)
    tools: dict[Path, Leaf] = field(default_factory=dict)
    requests: dict[Path, Leaf] = field(default_factory=dict)
    responses: dict[Path, Leaf] = field(default_factory=dict)
    headers: dict[Path, Leaf] = field(default_factory=dict)


def take_sample(documents: Iterable[dict[str, Any]]) -> Sample:
    """The first records of `documents`."""
    records: list[dict[str, Any]] = []
    inside: Path | None = None
    for document in documents:
        if not records:
            inside = records_inside(document)
        if inside is None:
            records.append(document)
        else:
            held: Any = document
            for step in inside[:-1]:
                held = held.get(step) if isinstance(held, dict) else None
            records += [item for item in held or () if isinstance(item, dict)]
        if len(records) >= MAX_RECORDS:
            break
    sample = Sample(records[:MAX_RECORDS], inside)
    for record in sample.records:
        _walk(sample, record, ())
    return sample


def records_inside(document: dict[str, Any], path: Path = ()) -> Path | None:
    """The path to the records that `document` wraps, `None` where it is a record itself.

    >>> records_inside({"version": 2, "events": [{"id": 1, "t": 2, "u": 3}, {"id": 2}]})
    ('events', ('*',))
    """
    if len(path) > 3:
        return None
    scalars = sum(not isinstance(value, dict | list) for value in document.values())
    if scalars > 3:
        return None
    for name, value in document.items():
        here = (*path, name)
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            if not (_is_messages(value) or _is_tools(value) or len(value[0]) < 3):
                return (*here, (EACH,))
        elif isinstance(value, dict) and (found := records_inside(value, here)):
            return found
    return None


def _walk(sample: Sample, value: Any, path: Path) -> None:
    if len(sample.leaves) >= MAX_PATHS or len(path) > MAX_DEPTH:
        return
    if isinstance(value, str):
        value = opened(value)
    if isinstance(value, dict):
        _note_structure(sample, value, path)
        for name, held in value.items():
            if len(name) <= MAX_NAME and not ('"' in name and "'" in name):
                _walk(sample, held, (*path, name))
    elif isinstance(value, list):
        if _is_messages(value):
            _note(sample.messages, path, value)
        elif _is_tools(value):
            _note(sample.tools, path, value)
        elif value and isinstance(value[0], dict):
            _walk(sample, value[0], (*path, 0))
        elif value:
            _note(sample.leaves, path, value)
    elif value is not None and value != "":
        _note(sample.leaves, path, value)


def _note_structure(sample: Sample, value: dict[str, Any], path: Path) -> None:
    names = value.keys()
    if isinstance(value.get("messages"), list) and _is_messages(value["messages"]):
        _note(sample.requests, path, value)
    if path and (
        "choices" in names or {"content", "stop_reason"} <= names or "candidates" in names
    ):
        _note(sample.responses, path, value)
    lower = {name.lower() for name in names if isinstance(name, str)}
    if "user-agent" in lower and all(isinstance(v, str | list) for v in value.values()):
        _note(sample.headers, path, value)


def _note(held: dict[Path, Leaf], path: Path, value: Any) -> None:
    held.setdefault(path, Leaf(path)).values.append(value)


def _is_messages(value: list[Any]) -> bool:
    return bool(value) and all(
        isinstance(item, dict)
        and any(name in item for name in _ROLES)
        and any(name in item for name in _SAYS)
        for item in value
    )


def _is_tools(value: list[Any]) -> bool:
    return bool(value) and all(
        isinstance(item, dict) and _TOOL_SIGNS & item.keys() for item in value
    )
