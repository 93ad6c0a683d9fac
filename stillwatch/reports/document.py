"""A document as parts, so that Markdown, HTML and PDF say the same.

Strings are plain text without markup, and may hold anything: each writer passes every one of them
through `display.plain` and its own way to escape.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

LIMIT = 1200
"""Characters of a string that are shown; longer ones are cut and marked so, alike by all."""


@dataclass(frozen=True)
class Paragraph:
    """Running text; a `notice` is one that must not be missed."""

    text: str
    notice: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list, in order but without numbers."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; columns of `numbers` are set to the right, those of `code` as code."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    code: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bars:
    """A chart of one bar a day, for its `values` from `first` on; `says` tells it in words."""

    caption: str
    first: dt.date
    values: tuple[int, ...]
    says: str

    @property
    def last(self) -> dt.date:
        """The day of the last bar."""
        return self.first + dt.timedelta(days=max(0, len(self.values) - 1))

    @property
    def shares(self) -> tuple[float, ...]:
        """Each value as a part of the largest."""
        most = max(self.values, default=0) or 1
        return tuple(value / most for value in self.values)


@dataclass(frozen=True)
class Specimens:
    """Pieces of text from a log, each a label and lines, to be read side by side."""

    caption: str
    texts: tuple[tuple[str, tuple[str, ...]], ...]


Block = Paragraph | Heading | Bullets | Table | Bars | Specimens


@dataclass(frozen=True)
class Section:
    """A part of a document with a title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole document. `date` is that of what it tells, never of when it was written."""

    title: str
    subtitle: str
    date: dt.date | None
    sections: tuple[Section, ...]

    def strings(self) -> Iterator[str]:
        """Every string that a reader can see, in order."""
        yield from (self.title, self.subtitle)
        for section in self.sections:
            yield section.title
            for block in section.blocks:
                yield from _strings(block)


def _strings(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text) | Heading(text):
            yield text
        case Bullets(items):
            yield from items
        case Table(caption, head, rows):
            yield from (caption, *head)
            for row in rows:
                yield from row
        case Bars(caption, says=says):
            yield from (caption, says)
        case Specimens(caption, texts):
            yield caption
            for label, lines in texts:
                yield from (label, *lines)
