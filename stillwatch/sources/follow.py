"""A folder of logs that grows -> pieces to be read, each once: what was added, in whole lines.

A file is known by its inode and by the bytes around what was read of it, so that a rotated or
renamed one goes on where it stood, and one that was truncated or written anew starts again. What
can't be read from its middle (compressed, Parquet, CSV, documents, formats whose records are
joined) is read whole, once it has stopped to grow.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec
import xxhash

from stillwatch.sources.formats import AUTO, Format
from stillwatch.sources.recognise import find_exchanges, recognise
from stillwatch.sources.sections import is_of_lines
from stillwatch.sources.streams import compression, pieces

PIECE_BYTES = 32 << 20
"""The most that is read of a file at once; a line that is longer is told as too long."""
ROUND_BYTES = 128 << 20
HEAD_BYTES, TAIL_BYTES = 4096, 256
MAX_GONE = 1000
"""Files that are no longer there, remembered in case they come back compressed."""


class Followed(msgspec.Struct):
    """A file and how far it was read: `offset` bytes, `lines` lines."""

    path: str
    device: int
    inode: int
    format: str = AUTO
    whole: bool = False
    offset: int = 0
    lines: int = 0
    head: str = ""
    tail: str = ""
    within: bool = False
    """Inside a line that is too long: up to its end nothing is read."""
    size: int = -1
    changed: int = -1
    """Size and time of change (ns) at the last look."""


class Piece(msgspec.Struct):
    """What is to be read next: bytes `start` to `end` of a file, as `copy`; or a whole file."""

    path: str
    device: int
    inode: int
    start: int
    end: int
    line: int
    lines: int
    format: str
    head: str
    tail: str
    """Marks of what is read of the file once this is."""
    copy: str | None = None
    within: bool = False


class State(msgspec.Struct):
    """All that a watch knows: files, and what was planned and isn't known to be done."""

    files: list[Followed] = []
    planned: list[Piece] = []


class Follower:
    """Looks at a folder (or one file) in rounds; copies of pieces go to the folder `spool`."""

    def __init__(
        self, log: Path, spool: Path, state: State, *, settled_ns: int, format: str | Format = AUTO
    ) -> None:
        self.log, self.spool, self.state = log, spool, state
        self._settled_ns, self._format = settled_ns, format
        self._known = {(file.device, file.inode): file for file in state.files}

    def look(self, now_ns: int) -> list[Piece]:
        """Pieces that may be read now, some `ROUND_BYTES` at most; none are marked read."""
        found: list[Piece] = []
        room = ROUND_BYTES
        for path in self._paths():
            if room <= 0:
                break
            try:
                piece = self._piece(path, now_ns, len(found))
            except OSError:
                continue  # it was removed or renamed meanwhile: the next round knows
            if piece is not None:
                found.append(piece)
                room -= piece.end - piece.start if piece.copy else 0
        return found

    def _paths(self) -> list[Path]:
        if self.log.is_file():
            return [self.log]
        return find_exchanges(self.log)

    def _piece(self, path: Path, now_ns: int, number: int) -> Piece | None:
        about = path.stat()
        file = self._known.get((about.st_dev, about.st_ino))
        if file is None:
            file = Followed(str(path), about.st_dev, about.st_ino)
            self._known[about.st_dev, about.st_ino] = file
            self.state.files.append(file)
        file.path = str(path)
        same = (file.size, file.changed) == (about.st_size, about.st_mtime_ns)
        settled = same or now_ns - about.st_mtime_ns >= self._settled_ns
        file.size, file.changed = about.st_size, about.st_mtime_ns
        if about.st_size == 0:
            return None
        with path.open("rb") as raw:
            if file.offset and not _goes_on(file, raw, about.st_size):
                file.offset = file.lines = 0
                file.within = False
            if file.offset >= about.st_size:
                return None
            if file.offset == 0:
                self._tell(file, path)
            if file.whole:
                return self._whole(file, path, about.st_size) if settled else None
            return self._added(file, raw, about.st_size, settled, number)

    def _tell(self, file: Followed, path: Path) -> None:
        """What a file is, when its first bytes are there."""
        found = recognise(path)
        asked = self._format
        told = AUTO if found is None or not found.told else found.format
        file.format = told
        file.whole = found is None or not is_of_lines(
            path, found, found.format if asked == AUTO else asked
        )

    def _whole(self, file: Followed, path: Path, size: int) -> Piece | None:
        with path.open("rb") as raw:
            marks = _marks(raw, size)
        if self._was_read(path):
            file.offset = size
            file.head, file.tail = marks
            return None
        return Piece(str(path), file.device, file.inode, 0, size, 1, 0, AUTO, *marks)

    def _was_read(self, path: Path) -> bool:
        """Whether a compressed file is one that was followed to its end before it was packed."""
        if compression(path) is None:
            return False
        total, head = 0, b""
        for piece in pieces(path):
            if not total:
                head = piece.data[:HEAD_BYTES]
                if not any(file.head == _mark(head[: file.offset]) for file in self.state.files):
                    return False
            total += len(piece.data)
        return any(
            file.offset == total and file.head == _mark(head[: file.offset])
            for file in self.state.files
            if not file.whole
        )

    def _added(
        self, file: Followed, raw: BinaryIO, size: int, settled: bool, number: int
    ) -> Piece | None:
        while file.within:
            raw.seek(file.offset)
            data = raw.read(PIECE_BYTES)
            end = data.find(b"\n") + 1
            file.offset += end or len(data)
            file.within = not end
            file.lines += bool(end)
            if file.offset >= size:
                file.head, file.tail = _marks(raw, file.offset)
                return None
        start = file.offset
        raw.seek(start)
        data = raw.read(PIECE_BYTES)
        cut = data.rfind(b"\n") + 1
        too_long = not cut and len(data) == PIECE_BYTES
        if too_long or (settled and start + len(data) >= size and _is_json(data[cut:])):
            cut = len(data)
        if not cut:
            return None
        copy = self.spool / f"{number:04d}.jsonl"
        copy.write_bytes(data[:cut])
        lines = data.count(b"\n", 0, cut)
        return Piece(
            file.path,
            file.device,
            file.inode,
            start,
            start + cut,
            file.lines + 1,
            lines,
            file.format,
            *_marks(raw, start + cut),
            copy=str(copy),
            within=too_long,
        )

    def done(self, piece: Piece) -> None:
        """`piece` is in: its file was read up to the piece's end."""
        file = self._known.get((piece.device, piece.inode))
        if file is None:
            return
        file.offset, file.within = piece.end, piece.within
        file.lines += piece.lines
        file.head, file.tail = piece.head, piece.tail

    def forget(self) -> None:
        """Let go of files that are long gone."""
        gone = [file for file in self.state.files if not Path(file.path).exists()]
        for file in gone[: max(0, len(gone) - MAX_GONE)]:
            self.state.files.remove(file)
            self._known.pop((file.device, file.inode), None)


def _goes_on(file: Followed, raw: BinaryIO, size: int) -> bool:
    """Whether a file still begins with what was read of it."""
    return size >= file.offset and (file.head, file.tail) == _marks(raw, file.offset)


def _marks(raw: BinaryIO, offset: int) -> tuple[str, str]:
    raw.seek(0)
    head = raw.read(min(HEAD_BYTES, offset))
    raw.seek(max(0, offset - TAIL_BYTES))
    return _mark(head), _mark(raw.read(min(TAIL_BYTES, offset)))


def _mark(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)


def _is_json(line: bytes) -> bool:
    """Whether a last line without its end is whole."""
    try:
        return isinstance(msgspec.json.decode(line), dict | list)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def state_from(data: bytes) -> State:
    """A state as it was kept; raises `ValueError`."""
    return msgspec.json.decode(data, type=State)
