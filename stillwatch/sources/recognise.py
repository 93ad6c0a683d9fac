"""Which file holds what: found by looking inside, with the name only as a last resort.

A folder may mix formats freely. `LOG/labels` is never looked into.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa

from stillwatch.errors import FormatUnknown, InputNotFound
from stillwatch.sources import reasons
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.contract_json import read_contract_json
from stillwatch.sources.contract_parquet import read_contract_parquet
from stillwatch.sources.dialect import format_of
from stillwatch.sources.litellm import read_litellm
from stillwatch.sources.streams import peek
from stillwatch.tables import ACCOUNTS, EXCHANGES, Chunk

FORMATS = ("auto", "contract", "litellm")

_DATA_SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json")
_PACKED_SUFFIXES = (".gz", ".zst")
_BESIDE_A_LOG = frozenset({"labels"})


@dataclass(frozen=True)
class Log:
    """The files of a log, each list sorted by path."""

    exchanges: list[Path]
    accounts: list[Path]


@dataclass(frozen=True)
class Recognised:
    """What a file holds: `format` of `FORMATS` and how it is laid out."""

    format: str
    layout: str


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
                    path, "is neither Parquet nor JSON", "Name a log, or a folder that holds one"
                )
            (accounts if _stem(path) == "accounts" else exchanges).add(path)
        elif path.is_dir():
            found = sorted(_data_files(path))
            inside = [f for f in found if f.relative_to(path).parts[0] == "exchanges"]
            accounts |= {f for f in found if f.parent == path and _stem(f) == "accounts"}
            exchanges |= set(inside) or {f for f in found if f not in accounts}
            if not found:
                raise InputNotFound(
                    path,
                    "holds no .parquet, .jsonl or .json file",
                    "Name a log folder (LOG/exchanges/*) or the files themselves",
                )
        else:
            raise InputNotFound(path, "doesn't exist", "Check the path of the log")
    return Log(sorted(exchanges), sorted(accounts))


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _data_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "_")) for part in parts)
        if hidden or parts[0] in _BESIDE_A_LOG or not path.is_file():
            continue
        name = path.name.lower()
        for packed in _PACKED_SUFFIXES:
            name = name.removesuffix(packed)
        if name.endswith(_DATA_SUFFIXES) and name != "world.json":
            yield path


def recognise(path: Path) -> Recognised | None:
    """What `path` holds, by its content, then by its name; `None` where neither tells."""
    try:
        with path.open("rb") as raw:
            head = raw.read(4)
    except OSError:
        return None
    name = path.name.lower()
    if head == b"PAR1" or name.endswith(".parquet"):
        return Recognised("contract", "parquet")
    text = peek(path).lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] not in (b"{", b"[") and not any(suffix in name for suffix in _DATA_SUFFIXES):
        return None
    return Recognised(format_of(text), _layout(text))


def _layout(text: bytes) -> str:
    """How the records are laid out, from the start of the file."""
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


def read_exchanges(path: Path, start: int = 0, *, format: str = "auto") -> Iterator[Chunk]:
    """Chunks of `EXCHANGES` from one file, after its first `start` rows.

    `start` must be a sum of earlier chunks' `read` (0: from the beginning). Raises `FormatUnknown`
    where `format` isn't one of `FORMATS`, or is `litellm` for a Parquet file; whatever else the
    file holds, it is kept or quarantined.
    """
    if format not in FORMATS:
        raise FormatUnknown(format, "is no format", f"Choose one of {', '.join(FORMATS)}")
    found = recognise(path)
    if found is None:
        yield from _unrecognised(path, EXCHANGES, start)
    elif found.layout == "parquet":
        if format == "litellm":
            raise FormatUnknown(path, "is Parquet, and LiteLLM logs JSON", "Use --format auto")
        yield from read_contract_parquet(path, EXCHANGES, start)
    elif "litellm" in (format, found.format) and format != "contract":
        layout = "line_arrays" if found.layout == "lines" else found.layout
        yield from read_litellm(path, start, layout)
    else:
        yield from read_contract_json(path, EXCHANGES, start, found.layout)


def read_accounts(path: Path, start: int = 0) -> Iterator[Chunk]:
    """Chunks of `ACCOUNTS` from one file (Parquet, or JSON as exchanges may be)."""
    found = recognise(path)
    if found is None:
        yield from _unrecognised(path, ACCOUNTS, start)
    elif found.layout == "parquet":
        yield from read_contract_parquet(path, ACCOUNTS, start)
    else:
        yield from read_contract_json(path, ACCOUNTS, start, found.layout)


def _unrecognised(path: Path, schema: pa.Schema, start: int) -> Iterator[Chunk]:
    size = path.stat().st_size
    if size and not start:
        builder = ChunkBuilder(str(path), schema)
        builder.refuse(1, reasons.UNRECOGNISED, peek(path, reasons.EXCERPT_CHARS))
        yield builder.chunk(size)
