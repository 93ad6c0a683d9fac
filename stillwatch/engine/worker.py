"""What runs on a cluster's workers: reads, work, and a report of each job.

A job's rows come in batches, numbered; its report comes last, all of whose columns but those of
`REPORT` are null. Faults are reported, not raised: an engine would bury them in a traceback.
"""

from __future__ import annotations

import os
import pickle
import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.engine.crossing import carried, carry
from stillwatch.errors import StillwatchError

if TYPE_CHECKING:
    from stillwatch.engine.protocol import Work

REPORT = pa.schema(
    [
        pa.field("job", pa.int64()),
        pa.field("row", pa.int64()),
        pa.field("worker", pa.string()),
        pa.field("fault", pa.string()),
        pa.field("todo", pa.string()),
    ]
)
"""Beside the rows: a row's place in its job. In a report `row` is how many rows there are, and
`worker` the machine and process; `fault` and `todo` are null where all went well."""

_BATCH_ROWS = 8192
"""Rows at once, some 4 MB of signals: a quarter of what gRPC servers take as one message."""


def do_job(
    job: int, read: bytes, work: Work, schema: pa.Schema, expected: str
) -> Iterator[pa.RecordBatch]:
    """`work` of what a pickled `Read` reads, in batches of `carried(schema)` and `REPORT`.

    `expected` is the driver's version of Stillwatch: another one here could find other things.
    """
    here = version("stillwatch")
    if here != expected:
        yield _report(
            job, 0, schema, f"has Stillwatch {here}, not {expected}", "Install the same version"
        )
        return
    try:
        rows = work(pickle.loads(read)())
    except StillwatchError as fault:
        todo = "Put the lake on storage that all workers see under one path"
        yield _report(job, 0, schema, f"stopped at {fault.where}: {fault.what}", todo)
        return
    for at in range(0, rows.num_rows, _BATCH_ROWS):
        part = carry(rows.slice(at, _BATCH_ROWS))
        n = part.num_rows
        places = [np.full(n, job), np.arange(at, at + n), *(pa.nulls(n, pa.string()),) * 3]
        yield _wire(part.columns, places, schema)
    yield _report(job, rows.num_rows, schema)


def wire(schema: pa.Schema) -> pa.Schema:
    """The schema of what jobs give."""
    return pa.schema([*carried(schema), *REPORT])


def _wire(columns: list, places: list, schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([*columns, *places], schema=wire(schema))


def _report(
    job: int, rows: int, schema: pa.Schema, fault: str | None = None, todo: str | None = None
) -> pa.RecordBatch:
    worker = f"{platform.node()}:{os.getpid()}"
    places = [[job], [rows], [worker], [fault], [todo]]
    arrays = [pa.array(v, f.type) for v, f in zip(places, REPORT, strict=True)]
    return _wire([pa.nulls(1, f.type) for f in carried(schema)], arrays, schema)
