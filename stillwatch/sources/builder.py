"""Rows of one file, gathered into a chunk: kept, or quarantined with line, reason and excerpt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from stillwatch.sources.batch import Batch, Values, columns_to_batch, rows_to_batch
from stillwatch.sources.coerce import Plan
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, excerpt
from stillwatch.tables import QUARANTINE, Chunk

TOLD_ONE_BY_ONE = 1000
"""Of one reason in one chunk: further ones are told as a single entry, for a file may hold a
million bad lines a megabyte."""


MAX_ROWS = 32_768

_NOTHING_REFUSED = pa.RecordBatch.from_arrays(
    [pa.nulls(0, field.type) for field in QUARANTINE], schema=QUARANTINE
)


class ChunkBuilder:
    """Gathers kept and quarantined rows of `file`; `chunk` empties it into a `Chunk`.

    Lines are told to it from where reading began; it asks how many stand `before` that only when it
    has to tell one.
    """

    def __init__(self, file: str, schema: pa.Schema, before: Callable[[], int] = int) -> None:
        self.file, self.schema = file, schema
        self._before = before
        self._plan = Plan(schema)
        self._nothing = rows_to_batch([], self._plan).kept
        self._clear()

    def _clear(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._from: list[tuple[int, bytes | None, bool]] = []
        self._kept: list[pa.RecordBatch] = []
        self._refused: list[tuple[int, str, int, str | None]] = []
        self._told: dict[str, int] = {}
        self._more: dict[str, tuple[int, int]] = {}
        self.repaired: dict[str, int] = {}

    @property
    def full(self) -> bool:
        """Whether it holds as many rows as one chunk should: four megabytes may be a million."""
        return len(self._rows) >= MAX_ROWS

    def add(self, line: int, row: dict[str, Any], raw: bytes | None, mended: bool = False) -> None:
        """Keep `row`, or quarantine it with the reason why it can't be kept.

        `mended` says that its text was no Unicode; it counts among the repairs if it is kept.
        """
        self._rows.append(row)
        self._from.append((line, raw, mended))

    def add_columns(
        self,
        columns: Mapping[str, Values],
        rows: int,
        origin: Callable[[int], tuple[int, bytes | None]],
    ) -> None:
        """Keep so many `rows`, or quarantine those that can't be kept.

        `origin` tells line and text of the record that a row is of.
        """
        self._close()
        if not rows:
            return
        made = columns_to_batch(columns, rows, self._plan)
        for place, reason in made.refused.items():
            line, raw = origin(place)
            self.refuse(line, reason, raw)
        self._keep(made)

    def refuse(self, line: int, reason: str, raw: bytes | None = None, rows: int = 1) -> None:
        """Quarantine what stands at `line`."""
        told = self._told[reason] = self._told.get(reason, 0) + 1
        if told > TOLD_ONE_BY_ONE or reason == NOT_AN_EXCHANGE:
            first, more = self._more.get(reason, (line, 0))
            self._more[reason] = (first, more + rows)
        else:
            self._refused.append((line, reason, rows, excerpt(raw)))

    def mend(self, what: str, n: int = 1) -> None:
        """Count `n` repairs of `what`."""
        if n:
            self.repaired[what] = self.repaired.get(what, 0) + n

    def chunk(self, size: int, kept: pa.RecordBatch | None = None) -> Chunk:
        """What was gathered; `kept` instead of the kept rows, where they are a batch already."""
        if kept is None:
            self._close()
            kept = self._kept[0] if len(self._kept) == 1 else self._joined()
        done = Chunk(kept, self._quarantined(), self.repaired, size)
        self._clear()
        return done

    def _joined(self) -> pa.RecordBatch:
        if not self._kept:
            return self._nothing
        return pa.Table.from_batches(self._kept, self.schema).combine_chunks().to_batches()[0]

    def _close(self) -> None:
        """Make the rows that were added one by one a batch."""
        if not self._rows:
            return
        made = rows_to_batch(self._rows, self._plan)
        for place, (line, raw, mended) in enumerate(self._from):
            if place in made.refused:
                self.refuse(line, made.refused[place], raw)
            elif mended:
                self.mend("utf8")
        self._keep(made)
        self._rows, self._from = [], []

    def _keep(self, made: Batch) -> None:
        for name, n in made.repaired.items():
            self.mend(name, n)
        if made.kept.num_rows:
            self._kept.append(made.kept)

    def _quarantined(self) -> pa.RecordBatch:
        if not self._refused and not self._more:
            return _NOTHING_REFUSED
        for reason, (line, rows) in self._more.items():
            self._refused.append((line, reason, rows, None))
        self._refused.sort(key=lambda entry: entry[0])
        lines, reasons, rows, excerpts = (
            zip(*self._refused, strict=True) if self._refused else ((), (), (), ())
        )
        before = self._before()
        columns = [
            [self.file] * len(lines),
            [before + line for line in lines],
            reasons,
            rows,
            excerpts,
        ]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, QUARANTINE, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=QUARANTINE)
