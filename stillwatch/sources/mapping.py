"""What a mapping file says, at work: each column's way out of a record of whatever logger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.formats import Format, Row
from stillwatch.sources.paths import Path, find
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, Refused
from stillwatch.sources.takes import TAKES, as_milliseconds, as_time, gap_ms

Get = Callable[[Row], Any]


@dataclass(frozen=True)
class Mapping:
    """A mapping that holds together: how each column is had from a record."""

    file: str
    records: Path | None
    request: Path | None
    response: Path | None
    columns: dict[str, Get]
    digest: str
    """Of the file's text."""

    def rows(self, payload: Row) -> list[Row | Refused]:
        """The rows that a document holds."""
        if self.records is None:
            return [self.row(payload)]
        held = find(payload, self.records)
        held = held if isinstance(held, list) else [held]
        rows = [self.row(item) for item in held if isinstance(item, dict)]
        return rows or [Refused(NOT_AN_EXCHANGE)]

    def row(self, payload: Row) -> Row | Refused:
        """One record's values by column, not yet checked against the columns' types."""
        try:
            row = {} if self.request is None else request_columns(find(payload, self.request))
        except Refused as fault:
            return fault
        if self.response is not None:
            row |= response_columns(find(payload, self.response))
        for column, get in self.columns.items():
            if (value := get(payload)) is not None or column not in row:
                row[column] = value
        return row

    @property
    def filled(self) -> frozenset[str]:
        """The columns that it can fill."""
        bodies = frozenset[str]() if self.request is None else REQUEST_COLUMNS
        bodies |= frozenset() if self.response is None else RESPONSE_COLUMNS
        return bodies | self.columns.keys()

    def format(self) -> Format:
        """The mapping as a format, to read with."""
        return Format(
            "map", f"mapped by {self.file}", frozenset(), self.filled, lambda _: _Reader(self)
        )


class _Reader:
    shape = None

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def add(self, payload: Row) -> list[Row | Refused]:
        return self._mapping.rows(payload)

    def finish(self) -> list[Row | Refused]:
        return []


class Found:
    """The first of some paths at which there is something, and what is done to it."""

    def __init__(self, paths: tuple[Path, ...], entry: Row, is_time: bool, lasts: bool) -> None:
        self._paths = paths
        self._take = TAKES[entry["take"]][1] if "take" in entry else None
        self._split, self._at = entry.get("split"), entry.get("at", 0)
        self._unit, self._format = entry.get("unit"), entry.get("format")
        self._is_time, self._lasts = is_time, lasts

    def __call__(self, payload: Row) -> Any:
        """The value that a record gives, `None` where there is none."""
        for path in self._paths:
            value = find(payload, path)
            if value is None or value == "":
                continue
            if self._take is not None:
                value = self._take(value)
            if self._split is not None and isinstance(value, str):
                parts = value.split(self._split)
                at = self._at
                value = parts[at].strip() if -len(parts) <= at < len(parts) else None
            if self._is_time:
                value = as_time(value, self._unit, self._format)
            elif self._lasts:
                value = as_milliseconds(value, self._unit)
            if value is not None:
                return value
        return None


def constant(value: Any, payload: Row) -> Any:
    """`value`, whatever the record."""
    return value


def digest_at(paths: tuple[Path, ...], payload: Row) -> str | None:
    """128-bit BLAKE2b, in hex, of what stands at `paths`; `None` where nothing does."""
    held = [find(payload, path) for path in paths]
    if all(value is None for value in held):
        return None
    text = msgspec.json.encode(held, order="deterministic")
    return blake2b(text, digest_size=16).hexdigest()


def between(
    first: Path, last: Path, unit: str | None, pattern: str | None, payload: Row
) -> int | None:
    """Milliseconds from what stands at `first` to what stands at `last`."""
    return gap_ms(find(payload, first), find(payload, last), unit, pattern)
