"""Where cases are kept: a SQLite file, or a PostgreSQL database by its address.

One writer at a time on both engines, so that the ledger's sequence has no gaps: SQLite by an
immediate transaction, PostgreSQL by a lock on the ledger that readers don't wait for.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from stillwatch.cases.migrate import is_current, upgrade
from stillwatch.errors import ExtraMissing, InputNotFound, StoreBroken

WAIT_S = 30
"""How long a writer waits for another one."""

_ENGINES = ("sqlite", "postgresql+psycopg")


class Store:
    """An open store. `reading` and `writing` are its transactions."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self.name = engine, name

    @classmethod
    def open(cls, where: str | Path, create: bool = False) -> Store:
        """Open the store at `where`, a path or a URL, and bring its tables up to date.

        Raises `InputNotFound` where there is none (unless `create`), `StoreBroken` where it can't
        be reached or read, or was written by a newer version, `ExtraMissing` where PostgreSQL is
        named and its driver isn't installed.
        """
        url = _url(where)
        name = url.render_as_string(hide_password=True)
        if url.drivername == "sqlite":
            name = url.database or ":memory:"
            if not create and not Path(name).is_file():
                raise InputNotFound(name, "there is no store of cases", _CREATE)
        store = cls(_engine(url), name)
        try:
            with store.reading() as connection:
                current = is_current(connection, name, create)
            if not current:
                with store.writing(lock_ledger=False) as connection:
                    upgrade(connection)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of everything, and writes nothing."""
        with self._said_well(), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, lock_ledger: bool = True) -> Iterator[Connection]:
        """The one transaction that writes: kept whole at its end, or not at all."""
        with self._said_well(), self._engine.connect() as connection:
            connection.execution_options(writing=True)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"set local lock_timeout = '{WAIT_S}s'"))
                    if lock_ledger:
                        connection.execute(text("lock table ledger in share row exclusive mode"))
                yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def _said_well(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as fault:
            first = str(fault.orig).strip().splitlines()[:1] or [type(fault.orig).__name__]
            raise StoreBroken(self.name, f"the database says: {first[0]}", _CHECK) from fault
        except SQLAlchemyError as fault:
            raise StoreBroken(self.name, str(fault).splitlines()[0], _CHECK) from fault


_CREATE = "Make one with `stillwatch cases open FINDINGS`, or name another with --store"
_CHECK = "Check the address, and that the database runs and is a store of cases"


def _url(where: str | Path) -> URL:
    if "://" not in str(where):
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(str(where))
    except ArgumentError:
        raise StoreBroken("--store", "is no address of a database", _ADDRESSES) from None
    if url.drivername not in _ENGINES:
        raise StoreBroken("--store", f"{url.drivername!r} is no engine of ours", _ADDRESSES)
    return url


_ADDRESSES = "Name a file, or postgresql+psycopg://USER@HOST/DATABASE"


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have a log written ahead; alone of all, this doesn't wait for another who does the same."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _engine(url: URL) -> Engine:
    if url.drivername != "sqlite":
        try:
            return create_engine(url, connect_args={"connect_timeout": WAIT_S})
        except ModuleNotFoundError:
            raise ExtraMissing(
                "--store", "PostgreSQL needs psycopg", "Run pip install 'stillwatch[postgres]'"
            ) from None
    engine = create_engine(url, connect_args={"timeout": WAIT_S})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        # transactions begin where `_begin` says, not where the driver guesses
        connection.isolation_level = None
        _write_ahead(connection)
        for pragma in ("foreign_keys = on", "synchronous = full"):
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("begin immediate" if writing else "begin")

    return engine
