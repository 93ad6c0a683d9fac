"""Rows of one file, gathered one by one into a chunk: the slow, careful path of every format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from stillwatch.sources.coerce import RowPlan
from stillwatch.sources.reasons import Refused, excerpt
from stillwatch.tables import QUARANTINE, Chunk


class ChunkBuilder:
    """Gathers kept and quarantined rows of `file`; `chunk` empties it into a `Chunk`."""

    def __init__(self, file: str, schema: pa.Schema) -> None:
        self.file, self.schema = file, schema
        self._plan = RowPlan(schema)
        self._clear()

    def _clear(self) -> None:
        self._rows: list[list[Any]] = []
        self._refused: list[tuple[int, str, int, str | None]] = []
        self.repaired: dict[str, int] = {}

    def add(self, line: int, row: Mapping[str, Any], raw: bytes, mended: bool = False) -> None:
        """Keep `row`, or quarantine it with the reason why it can't be kept.

        `mended` says that its text was no Unicode; it counts among the repairs if it is kept.
        """
        try:
            self._rows.append(self._plan.values(row, self.repaired))
        except Refused as fault:
            self.refuse(line, fault.reason, raw)
        else:
            if mended:
                self.mend("utf8")

    def refuse(self, line: int, reason: str, raw: bytes | None = None, rows: int = 1) -> None:
        """Quarantine what stands at `line`."""
        self._refused.append((line, reason, rows, excerpt(raw)))

    def mend(self, what: str, n: int = 1) -> None:
        """Count `n` repairs of `what`."""
        if n:
            self.repaired[what] = self.repaired.get(what, 0) + n

    def chunk(self, size: int, kept: pa.RecordBatch | None = None) -> Chunk:
        """What was gathered; `kept` instead of the kept rows, where columns were built whole."""
        batch = rows_to_batch(self._rows, self.schema) if kept is None else kept
        done = Chunk(batch, self._quarantined(), self.repaired, size)
        self._clear()
        return done

    def _quarantined(self) -> pa.RecordBatch:
        lines, reasons, rows, excerpts = (
            zip(*self._refused, strict=True) if self._refused else ((), (), (), ())
        )
        names = [self.file] * len(lines)
        columns = [names, lines, reasons, rows, excerpts]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, QUARANTINE, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=QUARANTINE)


def rows_to_batch(rows: list[list[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of checked values as one batch of `schema`."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
