"""What every engine does: rows by a function of a batch, sets by SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    Work = Callable[[pa.RecordBatch], pa.RecordBatch]


class Read(Protocol):
    """Reads a part of the rows when it is called; can be pickled, and be called elsewhere."""

    @property
    def rows(self) -> int:
        """An upper bound of how many rows there are."""
        ...

    def __call__(self) -> pa.RecordBatch:
        """The rows."""
        ...


class Engine(Protocol):
    """Runs the row-shaped stage and the set-shaped steps; results don't tell which engine it was.

    Close it at the end.
    """

    def map(
        self,
        reads: Sequence[Read],
        work: Work,
        schema: pa.Schema,
        wait: Callable[[], None] = lambda: None,
    ) -> Iterator[pa.RecordBatch]:
        """`work` of each read's rows, in the order of `reads`; its batches have `schema`.

        Where batches come in bursts, `wait` is called before each: what came may be put in safety.
        """
        ...

    def run(self, tables: dict[str, pa.Table], sql: str) -> pa.Table:
        """The result of one SQL step over named tables, in the order that the step gives it."""
        ...

    def record(self) -> dict[str, Any]:
        """What `run.json` says of the engine: its name as `engine`, and what it saw."""
        ...

    def close(self) -> None:
        """Let go of what the engine holds."""
        ...
