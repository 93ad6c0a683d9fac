"""The files of one task -> segments: whoever reads them asks the ledger's owner through a desk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import xxhash

from stillwatch.errors import InputNotFound
from stillwatch.lake.ledger import Part
from stillwatch.lake.manifest import Absorbed
from stillwatch.lake.segment import SegmentWriter
from stillwatch.tables import PIECE_BYTES, Chunk, Section

Read = Callable[..., Iterator[Chunk]]
"""`read(path, n)`: chunks of one file after its first n rows, where n is a sum of earlier chunks'
`read`. Of a section it is asked for by `begin=` and `end=`, too."""

QUARANTINE_ENTRIES = 1 << 18
"""Of quarantine, held until they are committed: a file may hold nothing else."""

DIGESTED_BYTES = 1 << 18
"""Of a file that are digested at a time: what stays next to the processor."""

HEAD_BYTES = 1 << 16
"""Of a file, in which one differs from another: records may begin with the same long prompt."""


class Desk(Protocol):
    """What is asked of the ledger's owner."""

    def claim(self, digest: str, path: Path) -> int | None:
        """As `Ledger.claim`, for what stands in the file at `path`."""
        ...

    def told(self, path: Path) -> str:
        """As `Ledger.told`."""
        ...

    def open_segment(self) -> SegmentWriter:
        """As `Ledger.open_segment`."""
        ...

    def commit(self, part: Part, writer: SegmentWriter) -> None:
        """As `Ledger.commit`."""
        ...

    def advance(self, size: int) -> bool:
        """Hear that so many bytes were read; whether to go on."""
        ...


def absorb(
    desk: Desk, order: tuple[int, int], sections: Sequence[Section], read: Read, manner: str
) -> None:
    """Read `sections` into segments of the place `order`, and commit each as it fills."""
    part = Part((*order, 0))
    writer = desk.open_segment()
    try:
        for section in sections:
            path, size = section.path, section_bytes(section)
            digest = digest_section(section) + (f":{manner}" if manner else "")
            rows = desk.claim(digest, path)
            if rows is None:
                desk.advance(size)
                continue
            bounds = {} if section.whole else {"begin": section.begin, "end": section.end}
            check_there(section)
            for chunk in read(path, rows, **bounds):
                writer.add(chunk.kept)
                part.take(chunk)
                rows += chunk.read
                part.absorbed[digest] = Absorbed(desk.told(path), size, rows, False, PIECE_BYTES)
                if not desk.advance(chunk.size):
                    writer.abandon()
                    return
                if writer.full or part.entries >= QUARANTINE_ENTRIES:
                    desk.commit(part, writer)
                    part = Part((*order, part.order[2] + 1))
                    writer = desk.open_segment()
            check_there(section)
            part.absorbed[digest] = Absorbed(desk.told(path), size, rows, True, PIECE_BYTES)
            part.tally.files += not section.begin
        if part.absorbed:
            desk.commit(part, writer)
    except BaseException:
        writer.abandon()
        raise


def section_bytes(section: Section) -> int:
    """How many bytes of its file it is; raises `InputNotFound`."""
    if section.end is not None:
        return section.end - section.begin
    return max(0, _about(section.path).st_size - section.begin)


def check_there(section: Section) -> None:
    """Raise `InputNotFound` where a section's file isn't the one any more that was cut: what is
    left of that one isn't there, and what is there was cut at no end of its lines."""
    if section.head is None:
        return
    least = section.begin if section.end is None else section.end
    if _about(section.path).st_size < least or head_of(section.path) != section.head:
        raise InputNotFound(
            section.path,
            "was replaced or cut short while it was read",
            "Ingest again, with the file that it was moved to: what is committed stays",
        )


def head_of(path: Path) -> str:
    """By what a file is known while it is read: a log is appended to, its beginning stays. Raises
    `InputNotFound`."""
    try:
        with path.open("rb", buffering=0) as raw:
            return xxhash.xxh3_128_hexdigest(raw.read(HEAD_BYTES))
    except OSError as fault:
        raise unreadable(path, fault) from fault


def _about(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as fault:
        raise unreadable(path, fault) from fault


def digest_section(section: Section) -> str:
    """128-bit XXH3, in hex, of what it holds, where it begins and its file's format; raises
    `InputNotFound`."""
    state = xxhash.xxh3_128(section.format.encode(), seed=section.begin)
    held, left = memoryview(bytearray(DIGESTED_BYTES)), section_bytes(section)
    try:
        with section.path.open("rb", buffering=0) as raw:
            raw.seek(section.begin)
            while size := raw.readinto(held if section.end is None else held[:left]):
                state.update(held[:size])
                left -= size
    except OSError as fault:
        raise unreadable(section.path, fault) from fault
    return state.hexdigest()


def unreadable(path: Path, fault: OSError) -> InputNotFound:
    """What to raise where a source can't be read."""
    return InputNotFound(path, f"can't be read ({fault})", "Check the path and its rights")
