"""Bringing a store's tables up to date, by the migrations inside this package."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from stillwatch.errors import InputNotFound, StoreBroken

_LOCK = 0x5711_CA5E
"""What makers of one PostgreSQL store wait for each other by."""

_ALONE = threading.Lock()
"""Alembic keeps the migration that runs in the module: one at a time in a process."""


def is_current(connection: Connection, name: str, create: bool) -> bool:
    """Whether the tables are those of this version.

    Raises `StoreBroken` where `name` has a schema that this version doesn't know, `InputNotFound`
    where it has none and `create` is false.
    """
    scripts = ScriptDirectory.from_config(_config(connection))
    known = [script.revision for script in scripts.walk_revisions()]
    has = MigrationContext.configure(connection).get_current_revision()
    if has is None and not create:
        raise InputNotFound(
            name, "there is no store of cases", "Make one with `stillwatch cases open FINDINGS`"
        )
    if has is not None and has not in known:
        raise StoreBroken(
            name,
            f"a newer Stillwatch wrote it (schema {has}; this one knows {known[0]})",
            "Use that version, or a later one",
        )
    return has == known[0]


def upgrade(connection: Connection) -> None:
    """Apply what migrations are missing, inside the transaction of `connection`."""
    with _ALONE:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        command.upgrade(_config(connection), "head")


def _config(connection: Connection) -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
