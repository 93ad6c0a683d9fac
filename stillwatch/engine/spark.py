"""The engine on a Spark cluster: rows by `mapInArrow`, sets by its SQL, results gathered here.

Jobs go out in waves, so that the driver never holds more than one of them besides what it keeps.
"""

from __future__ import annotations

import pickle
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.engine.crossing import ddl, from_sql, restore, to_sql
from stillwatch.engine.worker import do_job, wire
from stillwatch.errors import EngineFailed

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from stillwatch.engine.protocol import Read, Work

_WAVE_ROWS = 1 << 20
"""Rows of one wave: half a gigabyte of signals, half of what a classic driver takes by default."""

_SENT_BYTES = 64 << 20
"""Bytes of a table in one message, or one row group; Spark Connect refuses 128 MB and more."""

_LONGEST = 300

_TODO = (
    ("No module named", "Install stillwatch, in this version, where the workers' Python is"),
    ("PYTHON_VERSION_MISMATCH", "Use one version of Python here and on the workers"),
    ("UNAVAILABLE", "Start the server again, then run again: what came before is kept"),
    ("maxResultSize", "Raise spark.driver.maxResultSize"),
    ("Java heap space", "Raise spark.driver.memory, or spark.executor.memory if a worker lacks it"),
    ("larger than max", "Raise spark.connect.grpc.maxInboundMessageSize"),
    ("exited unexpectedly", "Raise spark.executor.memoryOverhead: Python is outside Java's memory"),
    ("ExecutorLost", "Raise spark.executor.memoryOverhead: Python is outside Java's memory"),
)
"""What to do, by what a fault's text has in it; the first that fits."""


class Spark:
    """Runs stages on a cluster through its session. `where` names it in errors.

    Tables for SQL lie in the folder `shared`, which workers see, for as long as they are used;
    without one, they are sent through the session.
    """

    def __init__(self, session: SparkSession, where: str, shared: Path | None = None) -> None:
        self._session, self._where, self._shared = session, where, shared
        self._workers: set[str] = set()
        self._sent: dict[str, pa.Table] = {}
        self._left: dict[str, Path] = {}

    def map(
        self,
        reads: Sequence[Read],
        work: Work,
        schema: pa.Schema,
        wait: Callable[[], None] = lambda: None,
    ) -> Iterator[pa.RecordBatch]:
        """`work` of each read's rows, in the order of `reads`; raises `EngineFailed`."""
        for wave in _waves(reads):
            wait()
            with self._failures():
                gathered = self._gather(wave, work, schema)
            yield from self._in_order(gathered, len(wave), schema)

    def run(self, tables: dict[str, pa.Table], sql: str) -> pa.Table:
        """The result of one step over named tables; raises `EngineFailed`.

        A table stays on the cluster until another of its name comes: handed in again, it isn't
        sent again.
        """
        with self._failures():
            for name, table in tables.items():
                if self._sent.get(name) is not table:
                    self._send(name, table)
                    self._sent[name] = table
            return from_sql(self._session.sql(sql).toArrow())

    def record(self) -> dict[str, Any]:
        """The engine's name, and how many worker processes did row-shaped work."""
        return {"engine": "spark", "workers": len(self._workers)}

    def close(self) -> None:
        """Remove what was put where workers see it, and end the session, if it hasn't ended."""
        self._sent.clear()
        for name in list(self._left):
            self._take_back(name)
        # Where Spark is gone, what was asked of it last has said so.
        with suppress(Exception):
            self._session.stop()

    def _gather(self, wave: Sequence[Read], work: Work, schema: pa.Schema) -> pa.Table:
        jobs, expected = [pickle.dumps(read) for read in wave], version("stillwatch")

        def do_jobs(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for job in batch.column(0).to_pylist():
                    yield from do_job(job, jobs[job], work, schema, expected)

        # One partition a job, made by the range itself: a shuffle might put several into one.
        numbers = self._session.range(0, len(jobs), 1, len(jobs))
        return numbers.mapInArrow(do_jobs, ddl(wire(schema))).toArrow()

    def _in_order(self, rows: pa.Table, jobs: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The batch of each job, whatever order a cluster gives rows in; checks the reports."""
        reports = rows.filter(rows["worker"].is_valid())
        for report in reports.select(["worker", "fault", "todo"]).to_pylist():
            if report["fault"] is not None:
                what = f"has a worker ({report['worker']}) that {report['fault']}"
                raise EngineFailed(self._where, what, report["todo"])
            self._workers.add(report["worker"])
        expected = dict(zip(reports["job"].to_pylist(), reports["row"].to_pylist(), strict=True))
        rows = rows.filter(rows["worker"].is_null())
        job, row = rows["job"].to_numpy(), rows["row"].to_numpy()
        order = np.lexsort((row, job))
        cuts = np.searchsorted(job[order], np.arange(jobs + 1))
        for number in range(jobs):
            places = order[cuts[number] : cuts[number + 1]]
            if expected.get(number) != len(places):
                raise EngineFailed(
                    self._where,
                    f"gave {len(places)} of {expected.get(number)} rows of a fragment",
                    "Run again; if it recurs, use the embedded engine and report it",
                )
            yield restore(_taken(rows, places), schema)

    def _send(self, name: str, table: pa.Table) -> None:
        self._take_back(name)
        try:
            if self._shared is not None:
                self._leave(name, table, self._shared)
                return
        except OSError:
            # A lake that can't be written to is read all the same.
            self._take_back(name)
        self._say(name, table)

    def _leave(self, name: str, table: pa.Table, folder: Path) -> None:
        """Put a table where workers read it, so that no process of Spark holds all of it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._left[name] = path = folder.absolute() / f"sent-{uuid.uuid4().hex}.parquet"
        with pq.ParquetWriter(path, to_sql(table.slice(0, 0)).schema) as file:
            for part in _parts(table):
                file.write_table(to_sql(part))
        self._session.read.parquet(f"file://{path}").createOrReplaceTempView(name)

    def _take_back(self, name: str) -> None:
        if name in self._left:
            self._left.pop(name).unlink(missing_ok=True)

    def _say(self, name: str, table: pa.Table) -> None:
        """Send a table in messages, where there is no folder: Spark's driver holds all of it."""
        views = []
        for number, part in enumerate(map(to_sql, _parts(table))):
            rows = part if part.num_rows else []
            frame = self._session.createDataFrame(rows, ddl(part.schema))
            views.append(f"{name}_part_{number}")
            frame.createOrReplaceTempView(views[-1])
        # The cluster puts the parts together: a plan with all of their rows would be one message.
        whole = self._session.sql(" union all ".join(f"select * from {view}" for view in views))
        whole.createOrReplaceTempView(name)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Whatever Spark, its client or its wire raise, in a line that says what to do."""
        try:
            yield
        except EngineFailed:
            raise
        except Exception as fault:
            text = str(fault)
            todo = next((todo for sign, todo in _TODO if sign in text), "See the cluster's log")
            raise EngineFailed(self._where, f"failed ({_gist(text)})", todo) from fault


def _gist(text: str) -> str:
    """What a fault says, in one line: of a worker's traceback, the line below it."""
    told = re.search(r"^\S.*", text.partition("Traceback (most recent call last):")[2], re.M)
    return " ".join((told[0] if told else text).split())[:_LONGEST]


def _waves(reads: Sequence[Read]) -> Iterator[Sequence[Read]]:
    """Runs of `reads` of at most `_WAVE_ROWS` rows, or one."""
    begin, rows = 0, 0
    for end, read in enumerate(reads):
        if rows and rows + read.rows > _WAVE_ROWS:
            yield reads[begin:end]
            begin, rows = end, 0
        rows += read.rows
    if begin < len(reads):
        yield reads[begin:]


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    """A table in parts of about `_SENT_BYTES`; one without rows is one part."""
    step = max(1, _SENT_BYTES * max(1, table.num_rows) // max(1, table.nbytes))
    return (table.slice(at, step) for at in range(0, max(1, table.num_rows), step))


def _taken(rows: pa.Table, places: np.ndarray) -> pa.Table:
    """The rows at `places`; not copied where they lie in a row."""
    if len(places) and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
        return rows.slice(places[0], len(places))
    return rows.take(places)
