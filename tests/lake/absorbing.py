"""Lakes made from tables, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from stillwatch.lake import IngestReport, Lake
from stillwatch.sources import find_log, read_accounts, read_exchanges
from stillwatch.tables import EXCHANGES
from tests.sources.logs import by_id


def absorb(lake: Lake, *paths: Path, threads: int = 1) -> IngestReport:
    """Ingest what `paths` hold, as the pipeline does."""
    log = find_log(paths)
    return lake.ingest(
        log.exchanges,
        read_exchanges,
        accounts=log.accounts,
        read_accounts=read_accounts,
        threads=threads,
    )


def make_lake(path: Path, *paths: Path, threads: int = 1) -> Lake:
    """A fresh lake of what `paths` hold."""
    lake = Lake.create_or_open(path, durable=False)
    absorb(lake, *paths, threads=threads)
    return lake


def rows_of(lake: Lake, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of a lake, sorted by id."""
    schema = EXCHANGES if columns is None else pa.schema([EXCHANGES.field(c) for c in columns])
    return by_id(pa.Table.from_batches(lake.scan(columns), schema))
