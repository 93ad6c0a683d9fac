"""The embedded engine: rows on threads, named SQL steps over Arrow in one in-memory DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from stillwatch.engine.threads import map_ordered

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from stillwatch.engine.protocol import Read, Work

MEMORY = "1GB"
"""What a step may take besides its input and its result."""


class Duck:
    """Runs stages in this process. Tables are registered by name and read in place, not copied.

    What doesn't fit into `MEMORY` is written to the folder `spill`, where one is named.
    """

    def __init__(self, threads: int, spill: Path | None = None) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {"threads": threads}
        if spill is not None:
            config |= {"memory_limit": MEMORY, "temp_directory": str(spill)}
        self._threads = threads
        self._connection = duckdb.connect(config=config)

    def map(
        self,
        reads: Sequence[Read],
        work: Work,
        schema: pa.Schema,
        wait: Callable[[], None] = lambda: None,
    ) -> Iterator[pa.RecordBatch]:
        """`work` of each read's rows, in the order of `reads`, on the engine's threads."""

        def job(read: Read) -> pa.RecordBatch:
            return work(read())

        return map_ordered((partial(job, read) for read in reads), self._threads)

    def run(self, tables: dict[str, pa.Table], sql: str) -> pa.Table:
        """The result of one step over named tables. Steps order their rows: threads don't show."""
        try:
            for name, table in tables.items():
                self._connection.register(name, table)
            return self._connection.sql(sql).to_arrow_table()
        finally:
            for name in tables:
                self._connection.unregister(name)

    def record(self) -> dict[str, Any]:
        """The engine's name."""
        return {"engine": "duckdb"}

    def close(self) -> None:
        """Let go of everything that was registered."""
        self._connection.close()
