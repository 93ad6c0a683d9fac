"""What to ask a database for: a table or a query's rows, from where the last reading ended.

    postgresql://HOST/DATABASE?table=LiteLLM_SpendLogs&cursor=startTime
    clickhouse://HOST/DATABASE?query=exchanges.sql&cursor=ts

With `cursor`, a column whose values grow, a second reading takes only what is new, and what came
within `overlap_s` seconds before (900: a row is written when its request ends, with the time at
which it began). Without it all is read every time, which is slow and changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint

OVERLAP_S = 900.0

_HOW = "Add ?table=NAME, or ?query=FILE.sql, and cursor=COLUMN"


class Question(NamedTuple):
    """One statement, and from which value of the cursor on."""

    statement: str
    cursor: str | None
    since: dt.datetime | int | float | str | None


def question(
    address: Address, had: Checkpoint, quoted: Callable[[str], str], parameter: str
) -> Question:
    """What to ask `address` for.

    `quoted` quotes a name as the database does, `parameter` stands for the cursor's value. Raises
    `WarehouseFailed` where neither a table nor a query is named, or both are.
    """
    table, file = address.options.get("table"), address.options.get("query")
    if (table is None) == (file is None):
        raise address.failed("must name a table or a query", _HOW)
    if table is not None:
        asked = ".".join(quoted(name) for name in table.split("."))
    else:
        try:
            text = Path(str(file)).read_text().strip().rstrip(";")
        except (OSError, ValueError) as fault:
            raise address.failed(f"names a query that can't be read ({fault})", _HOW) from None
        asked = f"(\n{text}\n) as asked"
    cursor = address.options.get("cursor")
    statement = f"select * from {asked}"
    since = None if cursor is None else _since(address, had.cursor)
    if cursor is not None:
        if since is not None:
            statement += f" where {quoted(cursor)} >= {parameter}"
        statement += f" order by {quoted(cursor)}"
    return Question(statement, cursor, since)


def _since(
    address: Address, last: str | int | float | None
) -> dt.datetime | int | float | str | None:
    if not isinstance(last, str):
        return last
    try:
        overlap_s = float(address.options.get("overlap_s", OVERLAP_S))
        return dt.datetime.fromisoformat(last) - dt.timedelta(seconds=overlap_s)
    except (ValueError, OverflowError):
        return last
