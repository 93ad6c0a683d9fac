"""Files as streams of bytes: plain, gzip or zstd, told apart by their first bytes."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

from stillwatch.sources import reasons
from stillwatch.tables import PIECE_BYTES

STEP_BYTES = 1 << 16
"""Of what is unpacked at a time: so much is lost, at most, where a stream breaks off."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPED = b"\x2a\x4d\x18"
"""After 0x50 to 0x5f: a frame to be skipped, with which parallel compressors begin."""


_FAULTS = (EOFError, OSError, zlib.error, zstandard.ZstdError)
"""By which a stream ends before its end."""


class Piece(NamedTuple):
    """Some decompressed bytes, and how many bytes of the file they took; or why no more come."""

    data: bytes
    size: int
    fault: str | None = None
    again: int = 0
    """How many of the last bytes come again with the next piece, and aren't of `size`."""


def compression(path: Path) -> str | None:
    """`gzip`, `zstd` or `None`, by the file's first bytes; raises `OSError`."""
    with path.open("rb") as raw:
        start = raw.read(4)
    if start.startswith(_GZIP):
        return "gzip"
    if start == _ZSTD or (start[1:] == _ZSTD_SKIPPED and start[0] >> 4 == 5):
        return "zstd"
    return None


def pieces(
    path: Path,
    piece_bytes: int = PIECE_BYTES,
    *,
    lines: bool = False,
    begin: int = 0,
    end: int | None = None,
) -> Iterator[Piece]:
    """The decompressed content of `path`, at most `piece_bytes` at a time.

    `begin` and `end` bound the bytes that are read; only what isn't packed can be bounded.

    With `lines`, what follows the last line break of a piece comes again, where nothing has to be
    unpacked for that: to read it twice takes less than to join what goes before it to the rest.

    Never raises for what is in the file: a stream that breaks off or can't be decompressed ends
    with a piece that holds no data and the reason.
    """
    seen = begin
    try:
        packed = compression(path)
        if packed and (begin or end is not None):
            raise ValueError(f"{path} is packed: it has no part that can be read alone")
        with path.open("rb") as raw, _unpacked(raw, packed) as stream:
            raw.seek(begin)
            while True:
                most = piece_bytes if end is None else min(piece_bytes, end - seen)
                data, fault = _gathered(stream, most) if packed else (raw.read(most), None)
                if data:
                    again = _after_break(data) if lines and not packed else 0
                    now = raw.seek(-again, os.SEEK_CUR) if again else raw.tell()
                    yield Piece(data, now - seen, None, again)
                    seen = now
                if fault is not None:
                    yield Piece(b"", 0, fault)
                if fault is not None or not data:
                    return
                del data
    except _FAULTS as fault:
        yield Piece(b"", 0, _reason_of(fault))


def _reason_of(fault: Exception) -> str:
    if isinstance(fault, EOFError):
        return reasons.TRUNCATED
    if isinstance(fault, OSError) and not isinstance(fault, gzip.BadGzipFile):
        return reasons.UNREADABLE_FILE
    return reasons.BAD_COMPRESSION


def _after_break(data: bytes) -> int:
    """How many bytes follow the last line break, 0 where there is none."""
    return len(data) - end if (end := data.rfind(b"\n") + 1) else 0


def _gathered(stream: BinaryIO, most: int) -> tuple[bytes, str | None]:
    """What can be unpacked of a stream, and the reason why no more comes, if there is one.

    Not the fault itself, which holds all that was at hand where it was raised.
    """
    steps, size = [], 0
    try:
        while size < most and (step := stream.read(min(STEP_BYTES, most - size))):
            steps.append(step)
            size += len(step)
    except _FAULTS as fault:
        return b"".join(steps), _reason_of(fault)
    return b"".join(steps), None


def _unpacked(raw: BinaryIO, packed: str | None) -> BinaryIO:
    if packed == "gzip":
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if packed == "zstd":
        return zstandard.ZstdDecompressor().stream_reader(  # type: ignore[return-value]
            raw, read_across_frames=True, closefd=False
        )
    return raw


def peek(path: Path, n: int = 65_536) -> bytes:
    """The first `n` decompressed bytes, fewer where the file is shorter or broken."""
    for piece in pieces(path, n):
        return piece.data
    return b""
