"""A log that grows by a day at a time, as the provider writes it.

Refused requests are in it, with the status that they were answered with and no tokens: a gateway
that knows whom it refuses can log it, and detection reads what was asked, not what was answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.arena.rendering import Sheet
from stillwatch.worlds.identity import identifiers
from stillwatch.worlds.places import COUNTRIES
from stillwatch.worlds.scene import Scene

_AGAIN = 1 << 48
"""Between the numbers of an exchange's first attempt and the next; far above any exchange's."""

_REFUSED_MS = 3
"""Milliseconds that a refusal takes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt at the exchange in `row` of a sheet; `status` is what was answered."""

    sheet: Sheet
    row: int
    ts: int
    tries: int
    status: int
    refused: bool


class Log:
    """The log folder of a play."""

    def __init__(self, folder: Path, scene: Scene, campaign: str) -> None:
        self.folder, self._scene, self._campaign = folder, scene, campaign
        self._harvested: list[pa.Array] = []
        for name in ("exchanges", "labels"):
            (folder / name).mkdir(parents=True)

    def write_day(self, entries: list[Entry], end: int) -> None:
        """Add the entries of the day that ends at `end`, and the accounts there are by then."""
        table, ids = self._table(entries), self._harvested
        harvested = np.array([e.sheet.harvested[e.row] for e in _by_sheet(entries)], dtype=bool)
        ids.append(table["exchange_id"].combine_chunks().filter(pa.array(harvested)))
        date = np.datetime64(end - 1, "us").astype("datetime64[D]")
        pq.write_table(table, self.folder / "exchanges" / f"day-{date}.parquet")
        places = self._scene.places.columns()
        accounts = self._scene.accounts.table(self._scene.seed, places, COUNTRIES)
        moment = pa.scalar(end, pa.int64()).cast(tables.TIME)
        known = accounts.filter(pc.less(accounts["created_at"], moment))
        later = pc.greater_equal(known["banned_at"], moment)
        banned = pc.if_else(
            pc.fill_null(later, False), pa.scalar(None, tables.TIME), known["banned_at"]
        )
        at = known.schema.get_field_index("banned_at")
        known = known.set_column(at, known.schema.field(at), banned)
        pq.write_table(known, self.folder / "accounts.parquet")

    def write_labels(self) -> None:
        """Write the truth beside the log, for scoring."""
        scene, names = self._scene, (self._campaign,)
        roles = scene.accounts.labels(scene.seed, names).cast(tables.LABEL_ACCOUNTS)
        pq.write_table(roles.sort_by("account_id"), self.folder / "labels" / "accounts.parquet")
        ids = pa.concat_arrays(self._harvested) if self._harvested else pa.array([], pa.string())
        campaign = pa.array([self._campaign] * len(ids), pa.string())
        marked = pa.table([ids, campaign], names=tables.LABEL_EXCHANGES.names)
        marked = marked.cast(tables.LABEL_EXCHANGES)
        pq.write_table(marked, self.folder / "labels" / "exchanges.parquet")

    def _table(self, entries: list[Entry]) -> pa.Table:
        parts = []
        sheets = {id(e.sheet): e.sheet for e in entries}
        for key, sheet in sheets.items():
            mine = [e for e in entries if id(e.sheet) == key]
            parts.append(_logged(sheet, mine, self._scene.seed))
        return pa.concat_tables(parts) if parts else tables.EXCHANGES.empty_table()


def _by_sheet(entries: list[Entry]) -> list[Entry]:
    order = {key: i for i, key in enumerate(dict.fromkeys(id(e.sheet) for e in entries))}
    return sorted(entries, key=lambda e: order[id(e.sheet)])


def _logged(sheet: Sheet, entries: list[Entry], seed: int) -> pa.Table:
    """The entries of one sheet as the log has them."""
    row = np.array([e.row for e in entries])
    refused = pa.array([e.refused for e in entries])
    serial = sheet.serial[row] + _AGAIN * np.array([e.tries for e in entries])
    table = sheet.table.take(pa.array(row))
    nothing = pa.scalar(0, pa.int32())
    columns = {
        "exchange_id": identifiers("ex_", serial, seed, 20),
        "ts": pa.array([e.ts for e in entries], pa.int64()).cast(tables.TIME),
        "status": pa.array([e.status for e in entries], pa.int16()),
        "stop_reason": pc.if_else(refused, pa.scalar(None, pa.string()), table["stop_reason"]),
        "latency_ms": pc.if_else(refused, pa.scalar(_REFUSED_MS, pa.int32()), table["latency_ms"]),
    }
    for name in ("output_tokens", "reasoning_tokens", "cached_tokens"):
        columns[name] = pc.if_else(refused, nothing, table[name])
    for name, column in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), column)
    return table
