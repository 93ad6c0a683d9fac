"""The embedded engine: named SQL steps over Arrow tables in one in-memory DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

MEMORY = "1GB"
"""What a step may take besides its input and its result."""


class Duck:
    """Runs set-shaped steps. Tables are registered by name and read in place, not copied.

    What doesn't fit into `MEMORY` is written to the folder `spill`, where one is named.
    """

    def __init__(self, threads: int, spill: Path | None = None) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {"threads": threads}
        if spill is not None:
            config |= {"memory_limit": MEMORY, "temp_directory": str(spill)}
        self._connection = duckdb.connect(config=config)

    def run(self, tables: dict[str, pa.Table], sql: str) -> pa.Table:
        """The result of one step over named tables. Steps order their rows: threads don't show."""
        for name, table in tables.items():
            self._connection.register(name, table)
        return self._connection.sql(sql).to_arrow_table()

    def close(self) -> None:
        """Let go of everything that was registered."""
        self._connection.close()
