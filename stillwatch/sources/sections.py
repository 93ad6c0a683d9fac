"""Large files in sections, which several readers read at once.

A section is whole lines, so only files of lines have any: unpacked ones, of formats whose records
are joined to no others. Where one ends is settled by what stands before, so that a log that has
grown has the sections that it had, but for the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stillwatch.sources.formats import AUTO, Format, format_named
from stillwatch.sources.recognise import Recognised, recognise
from stillwatch.sources.streams import compression
from stillwatch.tables import Section

SECTION_BYTES = 64 << 20
"""Of a section, at least. A lake knows what it has by sections: with another size it would read the
large files that it has once more."""

_STEP_BYTES = 1 << 16


def sections_of(path: Path, *, format: str | Format = AUTO) -> list[Section]:
    """All of `path` in sections, for `read_exchanges` with the same `format`; raises `OSError`."""
    if path.stat().st_size <= SECTION_BYTES:
        return [Section(path)]
    found = recognise(path)
    asked = found.format if format == AUTO and found else format
    if found is None or not is_of_lines(path, found, asked):
        return [Section(path)]
    return [section._replace(format=found.format) for section in _cut(path)]


def is_of_lines(path: Path, found: Recognised, format: str | Format) -> bool:
    """Whether `path` can be read in that format from any of its lines on."""
    asked = format if isinstance(format, Format) else format_named(format)
    by_line = found.layout in ("lines", "line_arrays") and not asked.joins
    return by_line and compression(path) is None


def _cut(path: Path) -> Iterator[Section]:
    begin = 0
    with path.open("rb", buffering=0) as raw:
        while (end := _line_from(raw, begin + SECTION_BYTES)) is not None:
            yield Section(path, begin, end)
            begin = end
    yield Section(path, begin)


def _line_from(raw: BinaryIO, place: int) -> int | None:
    """Where the first line begins that does so at `place` or after it; `None` where none does."""
    at = raw.seek(place - 1)
    while step := raw.read(_STEP_BYTES):
        if found := step.find(b"\n") + 1:
            return at + found if found < len(step) or raw.read(1) else None
        at += len(step)
    return None
