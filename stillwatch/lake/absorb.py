"""The files of one task -> segments: whoever reads them asks the ledger's owner through a desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import xxhash

from stillwatch.errors import InputNotFound
from stillwatch.lake.ledger import Part
from stillwatch.lake.manifest import Absorbed
from stillwatch.lake.segment import SegmentWriter
from stillwatch.tables import PIECE_BYTES, Chunk

Read = Callable[[Path, int], Iterator[Chunk]]
"""Chunks of one file after its first n rows, where n is a sum of earlier chunks' `read`."""

QUARANTINE_ENTRIES = 1 << 18
"""Of quarantine, held until they are committed: a file may hold nothing else."""

DIGESTED_BYTES = 1 << 18
"""Of a file that are digested at a time: what stays next to the processor."""

RIGHTS = "Check the path and its rights"


class Desk(Protocol):
    """What is asked of the ledger's owner."""

    def claim(self, digest: str) -> int | None:
        """As `Ledger.claim`."""
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

    def skip(self) -> None:
        """Hear that a file was in already."""
        ...

    def advance(self, size: int) -> bool:
        """Hear that so many bytes were read; whether to go on."""
        ...


def absorb(
    desk: Desk, order: tuple[int, int], paths: Sequence[Path], read: Read, manner: str
) -> None:
    """Read `paths` into segments of the place `order`, and commit each as it fills."""
    part = Part((*order, 0))
    writer = desk.open_segment()
    try:
        for path in paths:
            size = path.stat().st_size
            digest = digest_file(path) + (f":{manner}" if manner else "")
            rows = desk.claim(digest)
            if rows is None:
                desk.skip()
                desk.advance(size)
                continue
            for chunk in read(path, rows):
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
            part.absorbed[digest] = Absorbed(desk.told(path), size, rows, True, PIECE_BYTES)
            part.tally.files += 1
        if part.absorbed:
            desk.commit(part, writer)
    except BaseException:
        writer.abandon()
        raise


def digest_file(path: Path) -> str:
    """128-bit XXH3, in hex, of what the file holds; raises `InputNotFound`."""
    state, held = xxhash.xxh3_128(), memoryview(bytearray(DIGESTED_BYTES))
    try:
        with path.open("rb", buffering=0) as raw:
            while size := raw.readinto(held):
                state.update(held[:size])
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault})", RIGHTS) from fault
    return state.hexdigest()
