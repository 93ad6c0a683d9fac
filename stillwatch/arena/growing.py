"""A log that grows by a file at a time, as the provider writes it.

Refused requests are in it, with the status that they were answered with and no tokens: a gateway
that knows whom it refuses can log it, and detection reads what was asked, not what was answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.arena.rendering import Sheet
from stillwatch.worlds.identity import identifiers
from stillwatch.worlds.places import COUNTRIES
from stillwatch.worlds.scene import Scene

_AGAIN = 1 << 48
"""Between the numbers of an exchange's first attempt and the next; far above any exchange's."""

_NEVER = 2**62

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

    def write(self, entries: list[Entry], end: int) -> None:
        """Add the entries of some hours that end at `end`, and the accounts there are by then."""
        by_sheet: dict[int, list[Entry]] = {}
        for entry in entries:
            by_sheet.setdefault(id(entry.sheet), []).append(entry)
        parts = [tables.EXCHANGES.empty_table()]
        for of_sheet in by_sheet.values():
            logged = _logged(of_sheet, self._scene.seed)
            parts.append(logged)
            harvested = pa.array([bool(e.sheet.harvested[e.row]) for e in of_sheet])
            self._harvested.append(logged["exchange_id"].combine_chunks().filter(harvested))
        table = pa.concat_tables(parts)
        until = np.datetime_as_string(np.datetime64(end, "us"), "m").replace(":", "")
        pq.write_table(table, self.folder / "exchanges" / f"until-{until}.parquet")
        places = self._scene.places.columns()
        accounts = self._scene.accounts.table(self._scene.seed, places, COUNTRIES)
        pq.write_table(_known_by(accounts, end), self.folder / "accounts.parquet")

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


def _known_by(accounts: pa.Table, moment: int) -> pa.Table:
    """The accounts made before `moment`, without the bans that come later."""
    created, banned = (
        accounts[name].cast(pa.int64()).fill_null(_NEVER).to_numpy()
        for name in ("created_at", "banned_at")
    )
    at = accounts.schema.get_field_index("banned_at")
    bans = pa.array(banned, mask=banned >= moment).cast(tables.TIME)
    accounts = accounts.set_column(at, accounts.schema.field(at), bans)
    return accounts.filter(pa.array(created < moment))


def _logged(entries: list[Entry], seed: int) -> pa.Table:
    """The entries of one sheet as the log has them."""
    sheet = entries[0].sheet
    row = np.array([e.row for e in entries])
    refused = np.array([e.refused for e in entries])
    serial = sheet.serial[row] + _AGAIN * np.array([e.tries for e in entries])
    table = sheet.table.take(pa.array(row))
    latency = np.where(refused, _REFUSED_MS, table["latency_ms"].to_numpy())
    stops = table["stop_reason"].to_pylist()
    columns = {
        "exchange_id": identifiers("ex_", serial, seed, 20),
        "ts": pa.array([e.ts for e in entries], pa.int64()).cast(tables.TIME),
        "status": pa.array([e.status for e in entries], pa.int16()),
        "stop_reason": pa.array(stops, pa.string(), mask=refused),
        "latency_ms": pa.array(latency, pa.int32()),
    }
    for name in ("output_tokens", "reasoning_tokens", "cached_tokens"):
        columns[name] = pa.array(np.where(refused, 0, table[name].to_numpy()), pa.int32())
    for name, column in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), column)
    return table
