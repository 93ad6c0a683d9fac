"""A document without its looks: sections of blocks, which each writer sets in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table. Columns whose place is in `right` hold figures."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Bars:
    """Values over time: the label of each, and the value."""

    caption: str
    bars: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Quote:
    """A text of a log, redacted, and where it is from."""

    caption: str
    text: str


Block = Words | Points | Grid | Bars | Quote


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]
    appendix: bool = False


@dataclass(frozen=True)
class Document:
    """The whole of it. `day` (year, month, day) is the last that it tells of."""

    kind: Literal["report", "appeal"]
    title: str
    subtitle: str
    day: tuple[int, int, int] | None
    sections: tuple[Section, ...]
    notice: str = ""
    foot: str = field(default="")
