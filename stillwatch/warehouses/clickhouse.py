"""ClickHouse over HTTP: rows of a table or a query, block by block, with clickhouse-connect."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint
from stillwatch.warehouses.delta import extra_missing
from stillwatch.warehouses.part import Part
from stillwatch.warehouses.rows import question
from stillwatch.warehouses.spool import rows_to_parts

TODO = "Check the address, the table's name and rights; CLICKHOUSE_PASSWORD may hold a password"

# The client logs what it raises as well: without a handler that would be a second line of an error.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


def clickhouse_parts(address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    """Parts of what is new at `address`; raises `WarehouseFailed` and `ExtraMissing`.

    `clickhouse://` speaks HTTP (port 8123 by default), `clickhouses://` HTTPS (8443).
    """
    try:
        import clickhouse_connect
        from clickhouse_connect.driver.exceptions import ClickHouseError
        from urllib3.exceptions import HTTPError
    except ImportError:
        raise extra_missing("ClickHouse", "clickhouse-connect") from None

    asked = question(address, had, _quoted, "%(since)s")

    def rows() -> Iterator[dict[str, Any]]:
        with clickhouse_connect.get_client(**_client(address)) as client:
            parameters = None if asked.since is None else {"since": asked.since}
            stream = client.query_row_block_stream(asked.statement, parameters=parameters)
            source: Any = stream.source
            names = source.column_names
            with stream:
                for block in stream:
                    for row in block:
                        yield dict(zip(names, row, strict=True))

    try:
        yield from rows_to_parts(rows(), address, had, spool, asked.cursor)
    except (ClickHouseError, HTTPError, OSError, ValueError) as fault:
        raise address.failed(f"can't be read ({fault})", TODO) from None


def _quoted(name: str) -> str:
    """A name between backticks.

    >>> _quoted("a`b")
    '`a\\\\`b`'
    """
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _client(address: Address) -> dict[str, Any]:
    parts = urlsplit(address.url)
    secure = address.scheme == "clickhouses"
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or (8443 if secure else 8123),
        "secure": secure,
        "username": unquote(parts.username or "") or os.environ.get("CLICKHOUSE_USER", "default"),
        "password": unquote(parts.password or "") or os.environ.get("CLICKHOUSE_PASSWORD", ""),
        "database": parts.path.strip("/") or "__default__",
        "connect_timeout": 10,
        "autogenerate_session_id": False,
    }
