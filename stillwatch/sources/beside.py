"""What records of other files say of an exchange: an index on disk, by the exchange's id.

Clouds log a request and who made it in different files (CloudTrail beside Bedrock's logs, the
gateway's log beside Azure's log of messages). The files that go with a log are found by looking
into those beside it, each is read once, and what they say is kept in a temporary SQLite file, so
that memory stays small whatever they hold.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.sources.lenient import decode_object
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import read_wrapped
from stillwatch.sources.streams import peek

PEEK_BYTES = 65_536
REFRESH_S = 30.0
"""How old a look around may be: files come while a folder is followed."""
MAX_FOLDERS = 4
"""Of how many folders the index is kept."""

_SUFFIX = re.compile(r"\.(json|jsonl|ndjson|log|txt)(\.gz|\.zst)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Companions:
    """One kind of file that goes with a log, and what of its records is kept."""

    name: str
    told: Callable[[bytes], bool]
    """Whether a file that starts with these bytes is one."""
    read: Callable[[dict[str, Any]], Iterator[tuple[str, dict[str, Any]]]]
    """A record's (exchange's id, what it says of it), any number of them."""
    top: str
    """The part of a path under which the cloud lays out all its logs, in lower case; files
    are looked for from there on, or in the log's own folder."""


class Beside:
    """What the files of one kind under one folder say, by the exchange's id."""

    def __init__(self, folder: Path, kind: Companions) -> None:
        self._folder, self._kind = folder, kind
        self._held = tempfile.TemporaryDirectory(prefix="stillwatch-beside-")
        self._lock = threading.Lock()
        self._db = sqlite3.connect(f"{self._held.name}/index.db", check_same_thread=False)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.execute("create table said (id text primary key, what blob) without rowid")
        self._read: set[tuple[Path, int, int]] = set()
        self._looked: float | None = None

    def said_of(self, exchange_id: str) -> dict[str, Any] | None:
        """What is said of an exchange, or `None`."""
        with self._lock:
            self._refresh()
            found = self._db.execute("select what from said where id = ?", (exchange_id,))
            row = found.fetchone()
        return None if row is None else msgspec.json.decode(row[0])

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._looked is not None and now - self._looked < REFRESH_S:
            return
        for path in sorted(self._folder.rglob("*")):
            if not _SUFFIX.search(path.name) or not path.is_file():
                continue
            state = path.stat()
            mark = (path, state.st_size, state.st_mtime_ns)
            if mark not in self._read:
                self._read.add(mark)
                if self._kind.told(peek(path, PEEK_BYTES)):
                    self._index(path)
        self._looked = time.monotonic()

    def _index(self, path: Path) -> None:
        for record in _objects(path):
            try:
                said = [(key, msgspec.json.encode(what)) for key, what in self._kind.read(record)]
            except (RecursionError, TypeError, ValueError):
                continue
            self._db.executemany("insert or replace into said values (?, ?)", said)


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """The file's objects; what can't be decoded is told where the file itself is read."""
    for records in read_wrapped(path):
        for raw in records.raw:
            try:
                yield decode_object(raw)[0]
            except Refused:
                continue


_known: dict[tuple[Path, str], Beside] = {}
_known_lock = threading.Lock()


def beside(path: Path, kind: Companions) -> Beside:
    """The index of what goes with the log `path`; the last few folders' are kept."""
    folder = top_folder(path, kind.top)
    with _known_lock:
        found = _known.pop((folder, kind.name), None) or Beside(folder, kind)
        _known[folder, kind.name] = found
        while len(_known) > MAX_FOLDERS:
            _known.pop(next(iter(_known)))
    return found


def top_folder(path: Path, top: str) -> Path:
    """The folder above the path's part that starts with `top`, or the file's own.

    >>> top_folder(Path("/logs/AWSLogs/1/BedrockModelInvocationLogs/eu/a.json.gz"), "awslogs")
    PosixPath('/logs')
    """
    for folder in path.parents:
        if folder.name.lower().startswith(top):
            return folder.parent
    return path.parent
