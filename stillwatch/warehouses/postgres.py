"""PostgreSQL: rows of a table or a query, through a cursor of the server's, reading only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint
from stillwatch.warehouses.delta import extra_missing
from stillwatch.warehouses.part import Part
from stillwatch.warehouses.rows import question
from stillwatch.warehouses.spool import rows_to_parts

OURS = ("table", "query", "cursor", "overlap_s")
"""Options of the address that are not libpq's."""
TODO = "Check the address, the table's name and rights; PGPASSWORD or ~/.pgpass may hold a password"
_AT_ONCE = 2000


def postgres_parts(address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    """Parts of what is new at `address`; raises `WarehouseFailed` and `ExtraMissing`."""
    try:
        import psycopg
        from psycopg.rows import dict_row
    except ImportError:
        raise extra_missing("PostgreSQL", "psycopg[binary]") from None

    asked = question(address, had, lambda name: '"' + name.replace('"', '""') + '"', "%(since)s")
    parameters = None if asked.since is None else {"since": asked.since}

    def rows() -> Iterator[dict[str, Any]]:
        with psycopg.connect(_conninfo(address), connect_timeout=10) as connection:
            connection.read_only = True
            with connection.cursor("stillwatch", row_factory=dict_row) as cursor:
                cursor.itersize = _AT_ONCE
                cursor.execute(asked.statement.encode(), parameters)
                yield from cursor

    try:
        yield from rows_to_parts(rows(), address, had, spool, asked.cursor)
    except psycopg.Error as fault:
        raise address.failed(f"can't be read ({fault})", TODO) from None


def _conninfo(address: Address) -> str:
    parts = urlsplit(address.url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in OURS]
    return f"postgresql://{parts.netloc}{parts.path}?{urlencode(query)}"
