"""The accounts' table: one row an account, the latest word standing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.lake import Lake
from stillwatch.tables import ACCOUNTS
from tests.lake.absorbing import absorb
from tests.sources.logs import make_accounts, write_log


def changed(table: pa.Table, name: str, value: object) -> pa.Table:
    """`table` with one column all of one value."""
    field = table.schema.field(name)
    column = pa.array([value] * table.num_rows, field.type)
    return table.set_column(table.schema.get_field_index(name), field, column)


def test_a_later_ingest_replaces(tmp_path: Path) -> None:
    """Accounts that come again are replaced, others stay, and all are sorted by id."""
    accounts = make_accounts(30)
    lake = Lake.create_or_open(tmp_path / "lake")
    absorb(lake, write_log(accounts, tmp_path / "1" / "accounts.parquet"))
    newer = changed(accounts.slice(10, 10), "plan", "business")
    absorb(lake, write_log(newer, tmp_path / "2" / "accounts.jsonl"))
    got = {row["account_id"]: row["plan"] for row in lake.accounts().to_pylist()}
    assert len(got) == 30
    assert [got[f"acc-{i}"] for i in (9, 10, 19, 20)] == ["free", "business", "business", "pro"]
    assert list(got) == sorted(got)
    assert absorb(lake, tmp_path / "1").accounts == 0
    assert lake.accounts()["plan"].to_pylist().count("business") == 10


def test_one_ingest_that_contradicts_itself(tmp_path: Path) -> None:
    """A ban stands, whatever the order of the files."""
    accounts = make_accounts(20)
    banned = changed(accounts, "banned_at", datetime(2026, 11, 1, tzinfo=UTC))
    results = []
    for turn, order in enumerate(([accounts, banned], [banned, accounts])):
        root = tmp_path / str(turn)
        for place, table in enumerate(order):
            write_log(table, root / str(place) / "accounts.parquet")
        lake = Lake.create_or_open(root / "lake")
        absorb(lake, root / "0" / "accounts.parquet", root / "1" / "accounts.parquet")
        results.append(lake.accounts())
    assert results[0].equals(results[1])
    assert results[0]["banned_at"].null_count == 0


def test_accounts_are_quarantined_and_counted_apart(tmp_path: Path) -> None:
    """A bad account costs no exchange, and is listed under its own count."""
    path = tmp_path / "accounts.jsonl"
    path.write_text('{"account_id": "a", "created_at": 1793527200}\n{"account_id": "b"}\n5\n')
    lake = Lake.create_or_open(tmp_path / "lake")
    report = absorb(lake, path)
    assert report.accounts_quarantined == {"missing:created_at": 1, "not_an_object": 1}
    counts = lake.counts()
    assert (counts["read"], counts["accounts"]["read"], counts["accounts"]["kept"]) == (0, 3, 1)
    assert lake.quarantine()["reason"].to_pylist() == ["missing:created_at", "not_an_object"]
    assert lake.accounts().schema.equals(ACCOUNTS)


def test_no_accounts(tmp_path: Path) -> None:
    """A log without accounts has an empty table of them; a damaged file is one row."""
    lake = Lake.create_or_open(tmp_path / "lake")
    assert lake.accounts().num_rows == 0
    path = tmp_path / "accounts.parquet"
    pq.write_table(make_accounts(3), path)
    path.write_bytes(path.read_bytes()[:-20])
    assert absorb(lake, path).accounts_quarantined == {"unreadable_parquet": 1}
    assert lake.accounts().num_rows == 0
