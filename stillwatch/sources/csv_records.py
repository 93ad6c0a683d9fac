"""CSV as exports write it -> objects by column name, some megabytes at a time.

Fields may hold line breaks; an empty one is a missing one. The header is the first line; commas,
semicolons and tabs are told apart by it. A field longer than a record may be is told as too long,
and what follows is read from the next line on: so a quote that is never closed costs no more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stillwatch.sources import reasons
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.records import MAX_RECORD_BYTES, Block, read_blocks

_SEPARATORS = (",", ";", "\t")

Rows = tuple[list[int], list[dict[str, Any]], int]
"""The line that each record begins at, the records, and the bytes of the file that they took."""


def read_csv(path: Path, builder: ChunkBuilder) -> Iterator[Rows]:
    """The records of `path`; what is wrong with lines goes to the builder."""
    csv.field_size_limit(MAX_RECORD_BYTES)  # one for the whole process: all set the same
    source = _Lines(path, builder)
    rows: Iterator[list[str]] | None = None
    header: list[str] = []
    lines: list[int] = []
    records: list[dict[str, Any]] = []
    while True:
        if rows is None:
            first = next(source, None)
            if first is None:
                break
            header = header_of(first)
            rows = csv.reader(source, delimiter=separator_of(first))
        began = source.line
        try:
            values = next(rows)
        except StopIteration:
            break
        except csv.Error as fault:
            too_long = "larger than field limit" in str(fault)
            builder.refuse(began, reasons.TOO_LONG if too_long else reasons.WRONG_WIDTH)
            continue
        if not values:
            continue
        if len(values) != len(header):
            builder.refuse(began, reasons.WRONG_WIDTH, ",".join(values)[:400].encode())
        else:
            lines.append(began)
            records.append(
                {name: value for name, value in zip(header, values, strict=True) if value}
            )
        if source.size:
            yield lines, records, source.taken()
            lines, records = [], []
    yield lines, records, source.taken()


def header_of(line: str) -> list[str]:
    """The column names of a CSV's first line.

    >>> header_of("id;user;prompt")
    ['id', 'user', 'prompt']
    """
    try:
        names = next(csv.reader([line.lstrip("\ufeff")], delimiter=separator_of(line)), [])
    except csv.Error:
        return []
    return [name.strip() for name in names]


def separator_of(line: str) -> str:
    """What separates the fields of a CSV with this header."""
    return max(_SEPARATORS, key=line.count)


class _Lines:
    """The lines of a file, for a reader of CSV to take one at a time."""

    def __init__(self, path: Path, builder: ChunkBuilder) -> None:
        self._blocks = read_blocks(path)
        self._builder = builder
        self._held: Iterator[str] = iter(())
        self.line, self.size = 1, 0
        """Where the next line is, and bytes of the file since `taken` was asked."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while (line := next(self._held, None)) is None:
            self._hold(next(self._blocks))
        self.line += 1
        return line

    def _hold(self, block: Block) -> None:
        for fault in block.faults:
            self._builder.refuse(fault.line, fault.reason, fault.start)
        self.size += block.size
        self.line = block.line
        text = str(block.data, "utf-8", "replace")
        self._held = (f"{line}\n" for line in text.removesuffix("\n").split("\n") if text)

    def taken(self) -> int:
        """Bytes of the file since this was asked last."""
        size, self.size = self.size, 0
        return size
