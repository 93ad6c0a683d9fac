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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.sources.lenient import decode_object
from stillwatch.sources.reasons import Refused
from stillwatch.sources.records import read_wrapped
from stillwatch.sources.streams import peek

PEEK_BYTES = 16_384
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
    """How the folder's name begins, in lower case, under which the cloud lays out its logs. Files
    are looked for under it and those beside it that begin so; of a log elsewhere in its folder."""


class Beside:
    """What the files of one kind beside a log say, by the exchange's id.

    They are looked for under `top` and its like, or in `folder` alone where there is no `top`.
    """

    def __init__(self, folder: Path, top: Path | None, kind: Companions) -> None:
        self._folder, self._top, self._kind = folder, top, kind
        self._empty = True
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
        return self.said_of_each([exchange_id])[0]

    def said_of_each(self, exchange_ids: Sequence[str | None]) -> list[dict[str, Any] | None]:
        """What is said of each exchange, or `None`."""
        with self._lock:
            self._refresh()
            if self._empty:
                return [None] * len(exchange_ids)
            return [None if key is None else self._found(key) for key in exchange_ids]

    def _found(self, exchange_id: str) -> dict[str, Any] | None:
        found = self._db.execute("select what from said where id = ?", (exchange_id,))
        row = found.fetchone()
        return None if row is None else msgspec.json.decode(row[0])

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._looked is not None and now - self._looked < REFRESH_S:
            return
        for path in sorted(self._files()):
            state = path.stat()
            mark = (path, state.st_size, state.st_mtime_ns)
            if mark not in self._read:
                self._read.add(mark)
                if self._kind.told(peek(path, PEEK_BYTES)):
                    self._index(path)
        self._looked = time.monotonic()

    def _files(self) -> Iterator[Path]:
        found: Iterable[Path] = self._folder.glob("*")
        if self._top is not None:
            beside = [folder for folder in self._top.parent.iterdir() if folder.is_dir()]
            like = [folder for folder in beside if folder.name.lower().startswith(self._kind.top)]
            found = (path for folder in like for path in folder.rglob("*"))
        return (path for path in found if _SUFFIX.search(path.name) and path.is_file())

    def _index(self, path: Path) -> None:
        for record in _objects(path):
            try:
                said = [(key, msgspec.json.encode(what)) for key, what in self._kind.read(record)]
            except (RecursionError, TypeError, ValueError):
                continue
            self._db.executemany("insert or replace into said values (?, ?)", said)
            self._empty = self._empty and not said


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
    top = top_folder(path, kind.top)
    with _known_lock:
        found = _known.pop((top or path.parent, kind.name), None)
        found = found or Beside(path.parent, top, kind)
        _known[top or path.parent, kind.name] = found
        while len(_known) > MAX_FOLDERS:
            _known.pop(next(iter(_known)))
    return found


def top_folder(path: Path, top: str) -> Path | None:
    """The highest folder above `path` whose name starts with `top`, `None` where there is none.

    >>> top_folder(Path("/logs/AWSLogs/1/BedrockModelInvocationLogs/eu/a.json.gz"), "awslogs")
    PosixPath('/logs/AWSLogs')
    """
    found = [folder for folder in path.parents if folder.name.lower().startswith(top)]
    return found[-1] if found else None
