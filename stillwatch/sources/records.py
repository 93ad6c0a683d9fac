"""Streams of bytes -> JSON records: whole lines, or the objects of arrays however laid out.

Memory stays bounded whatever the file holds: a record longer than `MAX_RECORD_BYTES` is reported as
too long while its bytes are let go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numba import njit

from stillwatch.sources import reasons
from stillwatch.sources.braces import Splitter
from stillwatch.sources.streams import peek, pieces

MAX_RECORD_BYTES = 16 << 20

_NOTHING = memoryview(b"")
_BREAK = ord("\n")
_COUNTED_AT_ONCE = 128
_BLANK = b" \t\r\n"
_BETWEEN = b" \t\r\n,[]"
_PARTS = msgspec.json.Decoder(list[msgspec.Raw])
_MARK_OF_ORDER = b"\xef\xbb\xbf"
_WRAPPER = re.compile(rb"\s*\{\s*\"[Rr]ecords\"\s*:\s*(?=\[)")
_OWN_LINES = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[[ \t]*\r?\n)?([ \t]*)\{[ \t]*\r?\n")


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
    cut: bool = False
    """The last of them is the file's last line and has no line break: it may be cut short."""

    @property
    def rows(self) -> int:
        """Rows that these records stand for."""
        return len(self.raw) + len(self.faults)


class Block(NamedTuple):
    """Whole lines as they stand in the file, the first of them `line`, after some faulty ones."""

    data: memoryview
    line: int
    lines: int
    """How many lines `data` holds, blank ones too."""
    faults: list[Fault]
    size: int


def read_blocks(
    path: Path, max_bytes: int = MAX_RECORD_BYTES, *, begin: int = 0, end: int | None = None
) -> Iterator[Block]:
    """The lines of `path`, or those between two places in it, some megabytes at a time."""
    held: list[bytes] = []
    held_bytes, line, size = 0, 1, 0
    too_long: bytes | None = None
    rest = b""
    for piece in pieces(path, lines=True, begin=begin, end=end):
        size += piece.size
        if piece.fault:
            start = too_long if too_long is not None else b"".join(held) or rest
            yield Block(_NOTHING, line, 0, [Fault(line, piece.fault, start)], size)
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
        first = 0
        if too_long is not None:
            faults.append(Fault(line, reasons.TOO_LONG, too_long))
            too_long = None
            line += 1
            first = piece.data.index(b"\n") + 1
        block = memoryview(piece.data)[first:cut]
        if held:
            block = memoryview(b"".join([*held, block]))
        rest = piece.data[cut:]
        held, held_bytes = ([], 0) if piece.again or not rest else ([rest], len(rest))
        breaks = count_breaks(block)
        yield Block(block, line, breaks, faults, size)
        line += breaks
        size = 0
        del piece, block
    if too_long is not None:
        yield Block(_NOTHING, line, 0, [Fault(line, reasons.TOO_LONG, too_long)], size)
    elif held or size:
        yield Block(memoryview(b"".join(held)), line, 1, [], size)


def count_breaks(data: bytes | memoryview) -> int:
    """How many lines end in `data`."""
    return int(_breaks(np.frombuffer(data, np.uint8)))


@njit(cache=True, nogil=True, boundscheck=False)
def _breaks(data):  # pragma: no cover - compiled
    """How many lines end in `data` (uint8).

    Counted in parts for which a byte is enough: so many letters are compared by one instruction.
    """
    found = 0
    whole = data.size // _COUNTED_AT_ONCE * _COUNTED_AT_ONCE
    for start in range(0, whole, _COUNTED_AT_ONCE):
        here = np.uint8(0)
        for i in range(start, start + _COUNTED_AT_ONCE):
            here = np.uint8(here + np.uint8(data[i] == _BREAK))
        found += here
    for i in range(whole, data.size):
        found += data[i] == _BREAK
    return found


def split_block(block: Block, max_bytes: int = MAX_RECORD_BYTES) -> Records:
    """The non-blank lines of `block`, one by one."""
    lines, raw, faults = [], [], list(block.faults)
    data = bytes(block.data)
    for line, text in enumerate(data.split(b"\n"), block.line):
        if len(text) > max_bytes:
            faults.append(Fault(line, reasons.TOO_LONG, text[: reasons.EXCERPT_CHARS]))
        elif text.strip(_BLANK):
            lines.append(line)
            raw.append(text)
    cut = bool(data) and not data.endswith(b"\n")
    return Records(lines, raw, faults, block.size, cut)


def opened_lines(records: Records) -> Records:
    """Lines that each hold one object or one array of objects, arrays taken apart."""
    lines, raw = [], []
    for line, text in zip(records.lines, records.raw, strict=True):
        parts = [text]
        if text.lstrip(_BLANK).startswith(b"["):
            try:
                parts = [bytes(part) for part in _PARTS.decode(text)]
            except (msgspec.MsgspecError, ValueError, RecursionError):
                parts = [text]
        lines += [line] * len(parts)
        raw += parts
    return records._replace(lines=lines, raw=raw)


def read_objects(path: Path, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[Records]:
    """The objects of a document laid out over several lines: arrays, or one object after another.

    Where each object starts on a line of its own, as pretty printers lay them out, one damaged
    object costs no other: no string holds a line break, and what is nested is indented deeper.
    """
    laid_out = _OWN_LINES.match(peek(path))
    if laid_out:
        yield from _read_indented(path, b"\n" + laid_out[1] + b"{", max_bytes)
    else:
        yield from read_wrapped(path, max_bytes)


def is_wrapped(start: bytes) -> bool:
    """Whether a document is one object around an array of records, as clouds write their logs."""
    return _WRAPPER.match(start) is not None


def read_wrapped(path: Path, max_bytes: int = MAX_RECORD_BYTES) -> Iterator[Records]:
    """The objects of the array that the whole document is wrapped around, or of any other one."""
    splitter = Splitter(max_bytes)
    ended, begun = None, False
    for piece in pieces(path):
        ended = piece.fault
        if ended is None:
            data = piece.data if begun else _WRAPPER.sub(b"", piece.data, count=1)
            begun = True
            lines, raw, faults = splitter.feed(data)
            yield Records(lines, raw, [Fault(*fault) for fault in faults], piece.size)
    yield Records([], [], [Fault(*fault) for fault in splitter.finish(ended)], 0)


def _read_indented(path: Path, mark: bytes, max_bytes: int) -> Iterator[Records]:
    """Objects that each start with `mark`, a line break and the object's indentation and brace."""
    walk = _Indented(max_bytes)
    held, ended = b"\n", None
    for piece in pieces(path):
        ended = piece.fault
        if ended is None:
            *whole, held = (held + piece.data).split(mark)
            for text in whole:
                walk.close(text)
            if len(held) > max_bytes:
                held = walk.drop(held, len(mark))
            yield walk.records(piece.size)
    walk.close(held, ended, last=True)
    yield walk.records(0)


class _Indented:
    """Gathers what stands between marks."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line, self._opened = 0, False
        self._dropped: bytes | None = None
        self._clear()

    def _clear(self) -> None:
        self._lines: list[int] = []
        self._raw: list[bytes] = []
        self._faults: list[Fault] = []

    def records(self, size: int) -> Records:
        """What was closed since the last call."""
        done = Records(self._lines, self._raw, self._faults, size)
        self._clear()
        return done

    def drop(self, text: bytes, keep: int) -> bytes:
        """Let go of a part that is too long already, but for an end that may start a mark."""
        self._dropped = self._dropped or text[: reasons.EXCERPT_CHARS]
        self._line += text.count(b"\n", 0, -keep)
        return text[-keep:]

    def close(self, text: bytes, ended: str | None = None, *, last: bool = False) -> None:
        """One part is over: `text` follows the mark that opened it."""
        line, start = self._line, (b"{" + text)[: reasons.EXCERPT_CHARS]
        body = b"{" + text.rstrip(_BETWEEN)
        if self._dropped is not None:
            self._faults.append(Fault(line, reasons.TOO_LONG, self._dropped))
        elif not self._opened:
            if ended or text.strip(_BETWEEN + _MARK_OF_ORDER):
                self._faults.append(Fault(max(line, 1), ended or reasons.NOT_JSON, text[:200]))
        elif ended:
            self._faults.append(Fault(line, ended, start))
        elif len(body) > self._max_bytes:
            self._faults.append(Fault(line, reasons.TOO_LONG, start))
        elif last and not body.endswith(b"}"):
            self._faults.append(Fault(line, reasons.TRUNCATED, start))
        else:
            self._lines.append(line)
            self._raw.append(body)
        self._line += text.count(b"\n") + 1
        self._opened, self._dropped = True, None
