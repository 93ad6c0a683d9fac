"""Which file holds what: found by looking inside, with the name only as a last resort.

A folder may mix formats freely. `LOG/labels` is never looked into. A format is told by the names of
a record's own keys or of a table's columns; JSON that no format claims is taken for the contract's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch.errors import FormatUnknown, InputNotFound
from stillwatch.sources import reasons
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.contract_parquet import read_contract_parquet
from stillwatch.sources.csv_records import header_of
from stillwatch.sources.dialect import format_of, format_with
from stillwatch.sources.formats import (
    AUTO,
    CONTRACT,
    Around,
    Format,
    contract_rows,
    format_named,
)
from stillwatch.sources.parquet_records import parquet_columns
from stillwatch.sources.read import read_format
from stillwatch.sources.records import is_wrapped
from stillwatch.sources.spilled import is_spilled
from stillwatch.sources.streams import peek
from stillwatch.tables import ACCOUNTS, EXCHANGES, Chunk, Section

MORE_BYTES = 4 << 20
"""Looked into where the first 64 KiB don't tell, as after a megabyte of prompt."""

ACCOUNT_ROWS = replace(CONTRACT, reader=contract_rows(ACCOUNTS))
_DATA_SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json", ".log", ".csv", ".tsv")
_PACKED_SUFFIXES = (".gz", ".zst")
_ROTATED = re.compile(r"[.-]\d{1,8}$")
_READABLE = "Parquet, JSON nor CSV"
_BESIDE_A_LOG = frozenset({"labels"})
_BEFORE = b"\xef\xbb\xbf \t\r\n"


@dataclass(frozen=True)
class Log:
    """The files of a log, each list sorted by path."""

    exchanges: list[Path]
    accounts: list[Path]


@dataclass(frozen=True)
class Recognised:
    """What a file holds, by a format's name, and how it is laid out.

    `layout` is `lines`, `line_arrays`, `objects`, `wrapped`, `csv` or `parquet`; `told` is false
    where no format claimed it, and the contract stands in.
    """

    format: str
    layout: str
    told: bool = True


def find_log(paths: Iterable[str | Path]) -> Log:
    """The files under `paths`: log folders, any folders, or single files.

    In a folder, `exchanges/` holds exchanges where there is one, else every data file does but
    `accounts.*`. Raises `InputNotFound` naming a path that isn't there or holds no data file, and
    `FormatUnknown` naming a single file that is neither Parquet nor JSON.
    """
    exchanges: set[Path] = set()
    accounts: set[Path] = set()
    for path in map(Path, paths):
        if path.is_file():
            if path.stat().st_size and recognise(path) is None:
                raise FormatUnknown(
                    path, f"is neither {_READABLE}", "Name a log, or a folder that holds one"
                )
            (accounts if _stem(path) == "accounts" else exchanges).add(path)
        elif path.is_dir():
            exchanges |= set(find_exchanges(path))
            accounts |= set(find_accounts(path))
            if not exchanges | accounts:
                raise InputNotFound(
                    path,
                    "holds no .parquet, .jsonl, .json, .log or .csv file",
                    "Name a log folder (LOG/exchanges/*) or the files themselves",
                )
        else:
            raise InputNotFound(path, "doesn't exist", "Check the path of the log")
    return Log(sorted(exchanges), sorted(accounts))


def find_exchanges(folder: Path) -> list[Path]:
    """The files of exchanges under `folder`, sorted."""
    found = sorted(_data_files(folder))
    inside = [f for f in found if f.relative_to(folder).parts[0] == "exchanges"]
    return inside or [f for f in found if f.parent != folder or _stem(f) != "accounts"]


def find_accounts(folder: Path) -> list[Path]:
    """The files of accounts in `folder`, sorted."""
    return sorted(f for f in _data_files(folder) if f.parent == folder and _stem(f) == "accounts")


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _data_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "_")) for part in parts)
        if hidden or parts[0] in _BESIDE_A_LOG or not path.is_file():
            continue
        data = is_data_name(path.name) or _begins_with_records(path)
        if data and path.name != "world.json" and not is_spilled(path):
            yield path


def _begins_with_records(path: Path) -> bool:
    """Whether a file whose name says nothing, as exporters call theirs (`000000.gz`), has JSON."""
    name = path.name.lower()
    for packed in _PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return "." not in name and peek(path, 512).lstrip(_BEFORE)[:1] in (b"{", b"[")


def is_data_name(name: str) -> bool:
    """Whether a file of this name is one of a log's, packed or rotated as it may be.

    >>> [is_data_name(name) for name in ("a.jsonl.gz", "a.log.1", "notes.md")]
    [True, True, False]
    """
    name = name.lower()
    for packed in _PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return _ROTATED.sub("", name).endswith(_DATA_SUFFIXES) or name.endswith(_DATA_SUFFIXES)


def recognise(path: Path) -> Recognised | None:
    """What `path` holds, by its content, then by its name; `None` where neither tells."""
    try:
        with path.open("rb") as raw:
            head = raw.read(4)
    except OSError:
        return None
    name = path.name.lower()
    if head == b"PAR1" or name.endswith(".parquet"):
        told = _of_table(parquet_columns(path) or ())
        return Recognised((told or CONTRACT).name, "parquet", told is not None)
    text = peek(path).lstrip(_BEFORE)
    if text[:1] not in (b"{", b"["):
        if told := _of_table(header_of(_first_line(text))):
            return Recognised(told.name, "csv")
        if ".csv" in name or ".tsv" in name:
            return Recognised(CONTRACT.name, "csv", told=False)
        if not any(suffix in name for suffix in _DATA_SUFFIXES):
            return None
    told = format_of(text) or format_of(peek(path, MORE_BYTES))
    return Recognised((told or CONTRACT).name, _layout(text), told is not None)


def _of_table(columns: Iterable[str]) -> Format | None:
    return format_with([name.encode() for name in columns])


def _first_line(text: bytes) -> str:
    return text.partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")


def _layout(text: bytes) -> str:
    """How the records are laid out, from the start of the file."""
    if is_wrapped(text):
        return "wrapped"
    line, broken, rest = text.partition(b"\n")
    if not broken and text[:1] == b"[":
        return "objects"
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        return "line_arrays"
    if isinstance(value, dict):
        return "line_arrays" if rest.lstrip()[:1] == b"[" else "lines"
    if line[:1] == b"[":
        return "objects"
    return "objects" if line.strip() == b"{" else "lines"


def read_exchanges(
    path: Path,
    start: int = 0,
    *,
    format: str | Format = AUTO,
    account: str | None = None,
    begin: int = 0,
    end: int | None = None,
) -> Iterator[Chunk]:
    """Chunks of `EXCHANGES` from one file, after its first `start` rows.

    `start` must be a sum of earlier chunks' `read` (0: from the beginning). `format` insists on one
    of `FORMATS`, or hands in one that isn't among them, as a mapping makes; `account` says where
    the account is named, for formats that leave it open. `begin` and `end` bound one of the file's
    sections (`sections_of`), which is read as if it were the file. Raises `FormatUnknown` where
    there is no such format; whatever the file holds, it is kept or quarantined.
    """
    asked = None
    if format != AUTO:
        asked = format if isinstance(format, Format) else format_named(format)
    found = recognise(path)
    if found is None:
        yield from _unrecognised(path, EXCHANGES, start)
        return
    taken = asked or format_named(found.format)
    if taken is CONTRACT and found.layout == "parquet":
        yield from read_contract_parquet(path, EXCHANGES, start)
    else:
        around, section = Around(path, account), Section(path, begin, end)
        yield from read_format(section, taken, start, layout=found.layout, around=around)


def read_accounts(path: Path, start: int = 0) -> Iterator[Chunk]:
    """Chunks of `ACCOUNTS` from one file (Parquet, or JSON as exchanges may be)."""
    found = recognise(path)
    if found is None:
        yield from _unrecognised(path, ACCOUNTS, start)
    elif found.layout == "parquet":
        yield from read_contract_parquet(path, ACCOUNTS, start)
    else:
        layout = "lines" if found.layout == "csv" else found.layout
        whole = Section(path)
        yield from read_format(whole, ACCOUNT_ROWS, start, layout=layout, schema=ACCOUNTS)


def _unrecognised(path: Path, schema: pa.Schema, start: int) -> Iterator[Chunk]:
    size = path.stat().st_size
    if size and not start:
        builder = ChunkBuilder(str(path), schema)
        builder.refuse(1, reasons.UNRECOGNISED, peek(path, reasons.EXCERPT_CHARS))
        yield builder.chunk(size)
