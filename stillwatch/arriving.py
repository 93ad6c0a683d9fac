"""What arrives from warehouses, composed: an address in, its new exchanges in the lake.

A part is fetched, read like any log, committed, and only then remembered: a kill at any moment
costs a part that is read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pyarrow as pa

from stillwatch.errors import InputNotFound
from stillwatch.lake import IngestReport, Lake
from stillwatch.privacy import Keys
from stillwatch.progress import Progress
from stillwatch.sources import Log, find_log, is_data_name
from stillwatch.tables import Chunk
from stillwatch.warehouses import (
    fetch,
    is_address,
    load_checkpoint,
    parse_address,
    save_checkpoint,
    table_address,
)

Read = Callable[[Path, int], Iterator[Chunk]]
"""Chunks of one file after its first n rows."""


def split_addresses(paths: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """Paths of files and folders, and addresses of warehouses; a table's folder is one of these."""
    here: list[Path] = []
    there: list[str] = []
    for path in paths:
        if is_address(path):
            there.append(str(path))
        elif address := table_address(Path(path)):
            there.append(address)
        else:
            here.append(Path(path))
    return here, there


def read_warehouse(
    lake: Lake,
    text: str,
    read: Read,
    read_accounts: Read,
    *,
    manner: str,
    keys: Keys | None,
    progress: Progress | None,
    threads: int,
) -> IngestReport:
    """Read what is new at the address `text`; raises `WarehouseFailed`, `ExtraMissing` and what
    `Lake.ingest` does."""
    address = parse_address(text)
    had = load_checkpoint(lake.path, address)
    report = IngestReport()
    seen: set[Path] = set()
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as held:
        spool = Path(held)
        with closing(fetch(address, had, spool, is_data_name)) as parts:
            for part in parts:
                log = _new_in(spool, seen)
                naming = partial(_named, read, spool, part.shown)
                done = lake.ingest(
                    log.exchanges,
                    naming,
                    manner=manner,
                    accounts=log.accounts,
                    read_accounts=read_accounts,
                    keys=keys,
                    progress=progress,
                    threads=threads,
                )
                report = add_reports(report, done)
                save_checkpoint(lake.path, address, part.after)
    return report


def _new_in(spool: Path, seen: set[Path]) -> Log:
    try:
        found = find_log([spool])
    except InputNotFound:
        return Log([], [])
    log = Log(
        [path for path in found.exchanges if path not in seen],
        [path for path in found.accounts if path not in seen],
    )
    seen.update(log.exchanges, log.accounts)
    return log


def _named(read: Read, spool: Path, shown: str, path: Path, start: int) -> Iterator[Chunk]:
    """Chunks as `read` gives them, what is quarantined told by its place in the warehouse."""
    name = f"{shown.rstrip('/')}/{path.relative_to(spool).as_posix()}"
    for chunk in read(path, start):
        names = pa.array([name] * chunk.quarantined.num_rows, pa.string())
        yield chunk._replace(quarantined=chunk.quarantined.set_column(0, _FILE, names))


_FILE = pa.field("file", pa.string(), nullable=False)


def add_reports(one: IngestReport, other: IngestReport) -> IngestReport:
    """What two ingests did together."""
    total = asdict(one)
    for name, value in asdict(other).items():
        if isinstance(value, dict):
            for reason, n in value.items():
                total[name][reason] = total[name].get(reason, 0) + n
        else:
            total[name] += value
    return IngestReport(**total)
