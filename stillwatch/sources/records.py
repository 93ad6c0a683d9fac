"""Streams of bytes -> JSON records: whole lines, or the objects of arrays however laid out.

Memory stays bounded whatever the file holds: a record longer than `MAX_RECORD_BYTES` is reported as
too long while its bytes are let go.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from stillwatch.sources import reasons
from stillwatch.sources.braces import Splitter
from stillwatch.sources.streams import pieces

MAX_RECORD_BYTES = 16 << 20

_BLANK = b" \t\r\n"


class Fault(NamedTuple):
    """A record that could not be had whole."""

    line: int
    reason: str
    start: bytes


class Records(NamedTuple):
    """Some records of a file in order: `lines[i]` is where `raw[i]` starts, counted from 1."""

    lines: list[int]
    raw: list[bytes]
    faults: list[Fault]
    size: int
    block: bytes | None = None
    """The records as they stood in the file, where they are its lines and none is faulty."""

    @property
    def rows(self) -> int:
        """Rows that these records stand for."""
        return len(self.raw) + len(self.faults)


def read_lines(path: Path, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[Records]:
    """The non-blank lines of `path`, some megabytes at a time."""
    held: list[bytes] = []
    held_bytes, line, size = 0, 1, 0
    too_long: bytes | None = None
    for piece in pieces(path):
        size += piece.size
        if piece.fault:
            start = too_long if too_long is not None else b"".join(held)
            yield Records([], [], [Fault(line, piece.fault, start)], size)
            return
        cut = piece.data.rfind(b"\n") + 1
        faults = []
        if not cut:
            if too_long is None:
                held.append(piece.data)
                held_bytes += len(piece.data)
                if held_bytes > max_bytes:
                    too_long, held, held_bytes = b"".join(held)[: reasons.EXCERPT_CHARS], [], 0
            continue
        block = piece.data[:cut]
        if too_long is not None:
            faults.append(Fault(line, reasons.TOO_LONG, too_long))
            too_long = None
            line += 1
            block = block[block.index(b"\n") + 1 :]
        elif held:
            held.append(block)
            block = b"".join(held)
        held = [piece.data[cut:]] if cut < len(piece.data) else []
        held_bytes = len(piece.data) - cut
        yield _lines(block, line, faults, size, max_bytes)
        line += block.count(b"\n")
        size = 0
    if too_long is not None:
        yield Records([], [], [Fault(line, reasons.TOO_LONG, too_long)], size)
    elif held or size:
        yield _lines(b"".join(held), line, [], size, max_bytes)


def _lines(block: bytes, line: int, faults: list[Fault], size: int, max_bytes: int) -> Records:
    raw = block.split(b"\n")
    if not raw[-1]:
        raw.pop()
    clean = not faults and all(raw) and max(map(len, raw), default=0) <= max_bytes
    lines = list(range(line, line + len(raw)))
    if clean:
        return Records(lines, raw, faults, size, block)
    kept_lines, kept = [], []
    for at, text in zip(lines, raw, strict=True):
        if len(text) > max_bytes:
            faults.append(Fault(at, reasons.TOO_LONG, text[: reasons.EXCERPT_CHARS]))
        elif text.strip(_BLANK):
            kept_lines.append(at)
            kept.append(text)
    return Records(kept_lines, kept, faults, size)


def read_line_arrays(path: Path, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[Records]:
    """Lines that each hold one object or one array of objects, arrays taken apart."""
    decoder = msgspec.json.Decoder(list[msgspec.Raw])
    for records in read_lines(path, max_bytes):
        lines, raw = [], []
        for line, text in zip(records.lines, records.raw, strict=True):
            parts = [text]
            if text.lstrip(_BLANK).startswith(b"["):
                try:
                    parts = [bytes(part) for part in decoder.decode(text)]
                except (msgspec.MsgspecError, ValueError, RecursionError):
                    parts = [text]
            lines += [line] * len(parts)
            raw += parts
        yield Records(lines, raw, records.faults, records.size)


def read_objects(path: Path, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[Records]:
    """The objects of a document laid out over several lines: arrays, or one object after another.

    An object that never ends is reported once, as truncated or too long; reading goes on at the
    next line that looks like the start of its sibling.
    """
    splitter = Splitter(max_bytes)
    for piece in pieces(path):
        if piece.fault:
            lines, raw, faults = splitter.finish(piece.fault)
        else:
            lines, raw, faults = splitter.feed(piece.data)
        yield Records(lines, raw, [Fault(*fault) for fault in faults], piece.size)
        if piece.fault:
            return
    lines, raw, faults = splitter.finish(None)
    yield Records(lines, raw, [Fault(*fault) for fault in faults], 0)
