"""An account leaves the folder of a gateway, while gates run.

A table names accounts by a keyed digest alone, and the next one that is published is without it.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.gateway.folder import Folder
from stillwatch.gateway.history import PATIENCE_S
from stillwatch.gateway.publishing import last_plan, write_whole


def find_in_gate(path: str | Path, accounts: Collection[str]) -> dict[str, int]:
    """How much in a gateway's folder names accounts: decisions, and lines of recognised ones.

    Raises `TableBroken` where there is no such folder.
    """
    folder = Folder(path).path
    found = {"decisions": 0, "recognised": sum(1 for _ in _lines(folder, accounts))}
    if (folder / "decisions.db").exists():
        with closing(sqlite3.connect(folder / "decisions.db", timeout=PATIENCE_S)) as database:
            for account in accounts:
                sql = "select count(*) from decisions where account_id = ?"
                found["decisions"] += database.execute(sql, (account,)).fetchone()[0]
    return {name: count for name, count in found.items() if count}


def forget_in_gate(path: str | Path, accounts: Collection[str]) -> dict[str, int]:
    """Take accounts out of the decisions that were published and made, and overwrite them there.

    What a gate appends meanwhile is not disturbed: lines are blanked where they stand.
    """
    found = find_in_gate(path, accounts)
    gate = Folder(path)
    folder, plan = gate.path, last_plan(gate)
    if plan is not None:
        theirs = pc.is_in(plan["account_id"], pa.array(sorted(accounts), pa.string()))
        if pc.any(theirs).as_py():
            write_whole(folder / "decisions.parquet", plan.filter(pc.invert(theirs)))
    if found.get("decisions"):
        with closing(sqlite3.connect(folder / "decisions.db", timeout=PATIENCE_S)) as database:
            database.execute("pragma secure_delete = on")
            with database:
                for account in accounts:
                    database.execute("delete from decisions where account_id = ?", (account,))
            database.execute("pragma wal_checkpoint(truncate)")
    for file, at, size in list(_lines(folder, accounts)):
        handle = os.open(file, os.O_WRONLY)
        try:
            os.pwrite(handle, b" " * size, at)
            os.fsync(handle)
        finally:
            os.close(handle)
    return found


def _lines(folder: Path, accounts: Collection[str]) -> Iterator[tuple[Path, int, int]]:
    """Lines on accounts that workers recognised: the file, where each begins, its length."""
    for path in sorted(folder.glob("recognised.*.jsonl")):
        at = 0
        with path.open("rb") as lines:
            for line in lines:
                if _names(line, accounts):
                    yield path, at, len(line.rstrip(b"\n"))
                at += len(line)


def _names(line: bytes, accounts: Collection[str]) -> bool:
    try:
        return json.loads(line)["account_id"] in accounts
    except (ValueError, KeyError, TypeError):
        return False
