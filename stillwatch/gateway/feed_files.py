"""The files of a log that grows by a feed: whole once they can be seen, and nothing in them lost.

Rows are appended to a file whose name starts with a dot, which readers pass over, and are with the
operating system before they are answered for, so that a killed process loses nothing; they are on
the disk within a second. A file is sealed, synchronised and renamed into view, when it is large or
old enough or its day is over. What a killed worker left is sealed by the next one.
"""

from __future__ import annotations

import base64
import fcntl
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stillwatch.sources.feed import FeedLines

OPEN = ".feed-"
PART = ".part"
MOST_BYTES = 64 << 20
LEFT = "quarantine"
UNKNOWN = "torn"


class FeedFiles:
    """One worker's files of the log in `folder`; all its methods are for one thread.

    `seal_after_s` is how long rows wait at most before a reader sees them.
    """

    def __init__(self, folder: Path, worker: int, seal_after_s: float) -> None:
        self._folder, self._worker, self._seal_after_s = folder, worker, seal_after_s
        self._exchanges = folder / "exchanges"
        self._left = folder / LEFT
        self._exchanges.mkdir(parents=True, exist_ok=True)
        self._left.mkdir(exist_ok=True)
        self._at: Path | None = None
        self._fd = -1
        self._size = 0
        self._opened = 0.0
        self._day = ""
        self._unsynced = False
        self.recover()

    def append(self, taken: FeedLines) -> None:
        """Write rows and what was refused; raises `OSError`, and then nothing of it is there."""
        if taken.refused:
            self._set_aside(taken.refused)
        if not taken.lines:
            return
        if self._day != _today():
            self.seal()
        if self._fd < 0:
            self._open()
        try:
            _write(self._fd, taken.lines)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(taken.lines)
        self._unsynced = True
        if self._size >= MOST_BYTES:
            self.seal()

    def tick(self) -> None:
        """Bring what was written onto the disk, and seal what is old; for every second or so."""
        if self._fd < 0:
            return
        if self._unsynced:
            os.fdatasync(self._fd)
            self._unsynced = False
        if time.monotonic() - self._opened >= self._seal_after_s or self._day != _today():
            self.seal()

    def seal(self) -> None:
        """Rename what is open into view."""
        if self._fd < 0 or self._at is None:
            return
        _into_view(self._fd, self._at, self._size)
        self._fd, self._at, self._size = -1, None, 0

    def recover(self) -> None:
        """Seal what killed workers left; a last row that is torn is set aside."""
        for path in sorted(self._exchanges.glob(f"{OPEN}*{PART}")):
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(fd)  # another worker's, at work
                continue
            if not path.exists():
                os.close(fd)  # sealed by another one meanwhile
                continue
            whole, torn = _parts(path)
            if torn:
                self._set_aside([(UNKNOWN, torn)])
                os.ftruncate(fd, whole)
            _into_view(fd, path, whole)

    def _open(self) -> None:
        self._day = _today()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        path = self._exchanges / f"{OPEN}{stamp}-w{self._worker}.jsonl{PART}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._at, self._size, self._opened = path, 0, time.monotonic()

    def _set_aside(self, refused: list[tuple[str, bytes]]) -> None:
        lines = b"".join(_aside(reason, raw) for reason, raw in refused)
        path = self._left / f"{_today()}-w{self._worker}.rejected"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write(fd, lines)
        finally:
            os.close(fd)


def _parts(path: Path) -> tuple[int, bytes]:
    """Bytes of whole lines in `path`, and what comes after the last line break."""
    held = path.read_bytes()
    whole = held.rfind(b"\n") + 1
    return whole, held[whole:]


def _into_view(fd: int, path: Path, size: int) -> None:
    os.fsync(fd)
    if size:
        os.rename(path, path.with_name(path.name.removeprefix(".").removesuffix(PART)))
    else:
        path.unlink()
    os.close(fd)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _aside(reason: str, raw: bytes) -> bytes:
    kept = {"at": datetime.now(UTC), "reason": reason}
    try:
        kept["raw"] = raw.decode()
    except UnicodeDecodeError:
        kept["base64"] = base64.b64encode(raw).decode()
    return msgspec.json.encode(kept) + b"\n"


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _today() -> str:
    return datetime.now(UTC).strftime("%Y%m%d")
