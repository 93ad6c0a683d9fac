"""Opening a store, what it refuses, and a ledger that can only grow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from stillwatch.cases import Store, export_ledger, history, list_cases, verify
from stillwatch.cases.migrate import upgrade
from stillwatch.cases.schema import metadata
from stillwatch.errors import (
    ExtraMissing,
    InputNotFound,
    LedgerBroken,
    StillwatchError,
    StoreBroken,
)
from tests.cases.checking import check


def test_opened_twice(store: Store, address: str, tmp_path: Path) -> None:
    """What one has written, the next one finds."""
    again = Store.open(address)
    assert len(list_cases(again)) == 3
    assert check(again, tmp_path) == 3
    again.close()


def test_queries_see_the_tables_that_migrations_make(store: Store) -> None:
    """Column for column."""
    with store.reading() as connection:
        for table in metadata.sorted_tables:
            row = connection.execute(text(f"select * from {table.name}"))
            assert list(row.keys()) == [column.name for column in table.columns]


def test_a_newer_schema(store: Store, address: str) -> None:
    """Refused, saying what to do, and left as it is."""
    with store.writing() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreBroken, match=r"a newer Stillwatch wrote it \(schema 9999; .* 0006\)"):
        Store.open(address)


def test_no_store(address: str) -> None:
    """Only who means to make one makes one."""
    with pytest.raises(InputNotFound, match="no store of cases"):
        Store.open(address)


def test_migration_is_whole_or_nothing(address: str) -> None:
    """A migration that is broken off leaves no table."""
    made = Store.open(address, create=True)
    with made.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            cascade = " cascade" if connection.dialect.name == "postgresql" else ""
            connection.execute(text(f"drop table {table.name}{cascade}"))
        connection.execute(text("drop table alembic_version"))
        if connection.dialect.name == "postgresql":
            connection.execute(text("drop function ledger_refuse, ledger_follow"))

    def broken_off() -> None:
        with made.writing(lock_ledger=False) as connection:
            upgrade(connection)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with pytest.raises(InputNotFound):
        Store.open(address)
    Store.open(address, create=True).close()
    made.close()


@pytest.mark.parametrize(
    "where", ["mysql://x/y", "://", "postgresql+psycopg://u:secret@127.0.0.1:1/x", "postgres://x"]
)
def test_addresses_that_lead_nowhere(where: str) -> None:
    """Refused in one line, without the password."""
    with pytest.raises(StoreBroken) as refused:
        Store.open(where, create=True)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Refused, and not touched."""
    (tmp_path / "x").write_text("hello, this is no database" * 100)
    with pytest.raises(StillwatchError):
        Store.open(tmp_path / "x")
    assert (tmp_path / "x").read_text().startswith("hello")


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger set actor = 'mallory' where seq = 1",
        "delete from ledger where seq = 3",
        "delete from ledger",
        "insert into ledger select seq + 9, at, actor, act, subject, detail, prev, hash "
        "from ledger where seq = 1",
        "insert into ledger select 4, at, actor, act, subject, detail, prev, 'x' from ledger "
        "where seq = 2",
    ],
)
def test_the_database_refuses_to_change_the_ledger(
    store: Store, statement: str, tmp_path: Path
) -> None:
    """By triggers, whoever asks."""
    with (
        pytest.raises(StoreBroken, match=r"append-only|must follow"),
        store.writing() as connection,
    ):
        connection.execute(text(statement))
    assert check(store, tmp_path) == 3


def test_the_ways_around_that_each_engine_has(store: Store, tmp_path: Path) -> None:
    """SQLite replaces rows without deleting them, PostgreSQL truncates tables."""
    if store.name == str(tmp_path / "cases.db"):
        statement = "insert or replace into ledger select * from ledger where seq = 1"
    else:
        statement = "truncate ledger"
    with (
        pytest.raises(StoreBroken, match=r"append-only|must follow"),
        store.writing() as connection,
    ):
        connection.execute(text(statement))
    assert len(list(history(store, 1))) == 1


def test_an_act_that_fails_leaves_nothing(store: Store) -> None:
    """A transaction is kept whole or not at all."""

    def fail() -> None:
        with store.writing() as connection:
            connection.execute(text("update cases set state = 'closed'"))
            connection.execute(text("select nonsense"))

    with pytest.raises(StoreBroken, match="nonsense"):
        fail()
    assert {case.state for case in list_cases(store)} == {"new"}


def test_an_owner_of_the_database_who_takes_the_guards_away(store: Store, tmp_path: Path) -> None:
    """What they change is found in the export, and what they break stops it."""
    with store.writing() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("drop trigger ledger_no_update"))
        else:
            connection.execute(text("alter table ledger disable trigger all"))
        connection.execute(text("update ledger set actor = 'mallory' where seq = 2"))
    export_ledger(store, tmp_path / "out")
    (problem,) = verify(tmp_path / "out").problems
    assert (problem.line, problem.seq) == (2, 2)
    with store.writing() as connection:
        connection.execute(text("update ledger set detail = 'x' where seq = 3"))
    with pytest.raises(LedgerBroken, match="ledger entry 3"):
        export_ledger(store, tmp_path / "out")
    assert verify(tmp_path / "out").entries == 3
    assert [path.name for path in tmp_path.glob(".out*")] == []


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """The driver is an extra, since its licence isn't ours."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ExtraMissing, match="stillwatch\\[postgres\\]"):
        Store.open("postgresql+psycopg://ana@127.0.0.1:1/cases")
