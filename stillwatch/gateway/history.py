"""All decisions that were ever published or made at a gate, to be looked up by their ids.

GATE/decisions.db            published ones, in SQLite: each as it last stood
GATE/recognised.N.jsonl      what worker N decided on new accounts, a line each

A gate writes its line before it answers, and a publisher its rows before the table holds: what was
acknowledged can be looked up, whatever ends when.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch import tables

PATIENCE_S = 30.0

CLEARED = ("allowed", "reversed")
"""Standings of accounts that count as honest, though something was found."""

_COLUMNS = tables.DECISIONS.names
_TIMES = ("since", "until")
_LISTS = ("surfaces", "models")


class DecisionLog:
    """The published decisions in GATE."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "decisions.db"

    def record(self, decisions: pa.Table, policy_version: int, table_version: int) -> None:
        """Keep `tables.DECISIONS` that are new, or stand otherwise than they did."""
        columns = [*_COLUMNS, "policy_version", "table_version"]
        changed = " OR ".join(f"excluded.{c} IS NOT {c}" for c in _COLUMNS if c != "decision_id")
        updates = ", ".join(f"{c} = excluded.{c}" for c in columns if c != "decision_id")
        with self._open() as database:
            database.execute(
                f"CREATE TABLE IF NOT EXISTS decisions ({', '.join(columns)}, "
                "PRIMARY KEY (decision_id)) WITHOUT ROWID"
            )
            database.executemany(
                f"INSERT INTO decisions VALUES ({', '.join('?' * len(columns))}) "
                f"ON CONFLICT (decision_id) DO UPDATE SET {updates} WHERE {changed}",
                ((*row, policy_version, table_version) for row in _rows(decisions)),
            )

    def find(self, decision_id: str) -> dict[str, Any] | None:
        """The decision of an id as it last stood, by column."""
        if not self._path.exists():
            return None
        with self._open() as database:
            database.row_factory = sqlite3.Row
            found = database.execute(
                "SELECT * FROM decisions WHERE decision_id = ?", (decision_id,)
            ).fetchone()
        if found is None:
            return None
        told = dict(found)
        return told | {name: json.loads(told[name]) for name in (*_LISTS, "detail")}

    def accounts(self) -> set[str]:
        """All accounts that were ever decided on, but for those that were cleared since."""
        if not self._path.exists():
            return set()
        with self._open() as database:
            rows = database.execute(
                "SELECT DISTINCT account_id FROM decisions WHERE account_id NOT IN "
                "(SELECT account_id FROM decisions WHERE standing IN (?, ?))",
                CLEARED,
            )
            return {account for (account,) in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=PATIENCE_S)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                yield database


def _rows(decisions: pa.Table) -> Iterator[tuple[Any, ...]]:
    columns = []
    for name in _COLUMNS:
        column = decisions[name]
        if name in _TIMES:
            column = column.cast(pa.int64())
        values = column.to_pylist()
        columns.append([json.dumps(v) for v in values] if name in _LISTS else values)
    return zip(*columns, strict=True)


class Recognised:
    """What one worker decides on new accounts."""

    def __init__(self, folder: Path, worker: int) -> None:
        path = folder / f"recognised.{worker}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def record(self, told: dict[str, Any]) -> None:
        """Append a line; it is with the system when this returns, and survives this process."""
        os.write(self._file, json.dumps(told).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def find_recognised(folder: Path, decision_id: str) -> dict[str, Any] | None:
    """A decision that some worker made on a new account."""
    wanted = json.dumps(decision_id).encode()
    for path in sorted(folder.glob("recognised.*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if wanted in line:
                    try:
                        told = json.loads(line)
                    except ValueError:  # a line that a kill has cut short
                        continue
                    if told["decision_id"] == decision_id:
                        return told
    return None


def recognised_accounts(folder: Path) -> set[str]:
    """All accounts that some worker recognised."""
    found = set()
    for path in folder.glob("recognised.*.jsonl"):
        with path.open("rb") as lines:
            for line in lines:
                with suppress(ValueError):  # a line that a kill has cut short
                    found.add(json.loads(line)["account_id"])
    return found
