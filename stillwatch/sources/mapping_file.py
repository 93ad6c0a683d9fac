"""A mapping file: which path of a record, of whatever logger, fills which column of the contract.

    records = "events[*]"                # where a document holds several records
    request = "req.body"                 # a body of a model API fills all its columns by itself
    response = "res.body"

    [columns]
    exchange_id = "id"
    account_id = ["user.id", "api_key"]              # the first that is there
    ts = {path = "when", unit = "ms"}                # s, ms, us or ns; or format = "%d/%b/%Y"
    prompt = {path = "chat", take = "last_user"}     # see `takes.TAKES`
    ip = {path = "forwarded", split = ",", at = -1}
    surface = {value = "api"}                        # a constant
    latency_ms = {from = "began", to = "ended"}      # between two times

`exchange_id = {digest = ["ts", "user", "prompt"]}` makes an id of what is there, where there is
none. All that is wrong with a file is told at once.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import partial
from hashlib import blake2b
from pathlib import Path as File
from typing import Any

import pyarrow as pa

from stillwatch.errors import MappingInvalid
from stillwatch.sources.formats import Row
from stillwatch.sources.mapping import Found, Get, Mapping, between, constant, digest_at
from stillwatch.sources.paths import Path, parse_path
from stillwatch.sources.takes import TAKES, UNITS
from stillwatch.tables import EXCHANGES

MAX_BYTES = 1 << 20
DURATIONS = frozenset({"latency_ms"})

_TOP = ("records", "request", "response", "columns")
_OPTIONS = ("path", "value", "unit", "format", "take", "split", "at", "digest", "from", "to")
_REQUIRED = tuple(field.name for field in EXCHANGES if not field.nullable)


def load_mapping(path: str | File) -> Mapping:
    """The mapping in the file `path`; raises `MappingInvalid`."""
    try:
        data = File(path).read_bytes()
        if len(data) > MAX_BYTES:
            raise ValueError("it is too long")
        text = data.decode()
    except (OSError, ValueError) as fault:
        raise MappingInvalid(path, f"can't be read ({fault})", "Check the path") from fault
    return parse_mapping(text, str(path))


def parse_mapping(text: str, file: str = "mapping.toml") -> Mapping:
    """The mapping that `text` says; raises `MappingInvalid` with all its faults."""
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise MappingInvalid(file, f"is no TOML ({fault})", "Correct that line") from fault
    faults: list[str] = []
    for name in given:
        if name not in _TOP:
            faults.append(f"{name}: not known at the top{_meant(name, _TOP)}")
    tops = {name: _path(given[name], name, faults) for name in _TOP[:3] if name in given}
    told = given.get("columns", {})
    if not isinstance(told, dict):
        faults.append("columns: must be a table")
        told = {}
    told_by = blake2b(text.encode(), digest_size=8).hexdigest()
    columns = {}
    for column, entry in told.items():
        if column not in EXCHANGES.names:
            faults.append(f"columns.{column}: no such column{_meant(column, EXCHANGES.names)}")
        elif (get := _getter(column, entry, faults)) is not None:
            columns[column] = get
    mapping = Mapping(
        file, tops.get("records"), tops.get("request"), tops.get("response"), columns, told_by
    )
    for column in _REQUIRED:
        if column not in mapping.filled and column not in told:
            faults.append(f"columns.{column}: is required, and nothing fills it")
    if faults:
        raise MappingInvalid(file, "; ".join(faults), "Correct the mapping", faults)
    return mapping


def _meant(name: str, known: tuple[str, ...] | list[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"; did you mean {close[0]}?" if close else f" (known: {', '.join(known)})"


def _path(value: Any, where: str, faults: list[str]) -> Path:
    if not isinstance(value, str):
        faults.append(f"{where}: must be a path, in quotes")
        return ()
    try:
        return parse_path(value)
    except ValueError as fault:
        faults.append(f"{where}: {fault}")
        return ()


def _paths(value: Any, where: str, faults: list[str]) -> tuple[Path, ...]:
    if isinstance(value, list) and not value:
        faults.append(f"{where}: names no path")
    values = value if isinstance(value, list) else [value]
    return tuple(_path(item, where, faults) for item in values)


def _getter(column: str, entry: Any, faults: list[str]) -> Get | None:
    """How `column` is had, from its entry; `None` where that says nothing that can be done."""
    where = f"columns.{column}"
    if not isinstance(entry, dict):
        entry = {"path": entry}
    before = len(faults)
    ways = [way for way in ("path", "value", "digest", "from") if way in entry]
    if len(ways) != 1 or ("to" in entry) != ("from" in entry):
        faults.append(f"{where}: needs one of path, value, digest, or from with to")
        return None
    is_time = pa.types.is_timestamp(EXCHANGES.field(column).type)
    lasts = column in DURATIONS
    _check_options(where, entry, faults, is_time=is_time, lasts=lasts)
    held = {way: _paths(entry[way], where, faults) for way in ("path", "digest") if way in entry}
    ends = [_path(entry[way], where, faults) for way in ("from", "to") if way in entry]
    if len(faults) > before:
        return None
    if "value" in entry:
        return partial(constant, entry["value"])
    if "digest" in entry:
        return partial(digest_at, held["digest"])
    if ends:
        return partial(between, ends[0], ends[1], entry.get("unit"), entry.get("format"))
    return Found(held["path"], entry, is_time, lasts)


def _check_options(
    where: str, entry: Row, faults: list[str], *, is_time: bool, lasts: bool
) -> None:
    for name in entry:
        if name not in _OPTIONS:
            faults.append(f"{where}.{name}: not known{_meant(name, _OPTIONS)}")
    unit, pattern = entry.get("unit"), entry.get("format")
    if unit is not None and (unit not in UNITS or not (is_time or lasts)):
        faults.append(f"{where}.unit: s, ms, us or ns, of a time or a duration")
    if pattern is not None and not (isinstance(pattern, str) and (is_time or "from" in entry)):
        faults.append(f"{where}.format: a pattern of strptime, of a time")
    if "take" in entry and entry["take"] not in list(TAKES):
        faults.append(f"{where}.take: no such{_meant(str(entry['take']), list(TAKES))}")
    if "from" in entry and not lasts:
        faults.append(f"{where}: from and to give a duration")
    splits = isinstance(entry.get("split", ","), str) and type(entry.get("at", 0)) is int
    if ("split" in entry) != ("at" in entry) or not splits or entry.get("split") == "":
        faults.append(f"{where}: split (text) and at (a place) go together: split = ',', at = -1")
