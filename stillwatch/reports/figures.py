"""Figures of a report, each taken by a query that anybody can run again on the findings' files.

A figure is `select EXPRESSION from TABLE where FILTER` in DuckDB, where each table is a view of the
findings' file of that name, and the appendix prints the three.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from stillwatch.findings import FILES, Findings
from stillwatch.reports.document import Paragraph, Section, Table

HEAD = ("Figure", "Value", "Table", "Filter", "Expression")


@dataclass(frozen=True)
class Figure:
    """One figure as the text says it, or (`said` names a table or chart) a column of many."""

    what: str
    said: str
    table: str
    where: str
    expression: str


class Figures:
    """Takes figures of `findings` and remembers how, in the order of the text."""

    def __init__(self, findings: Findings) -> None:
        self.taken: list[Figure] = []
        self._connection = duckdb.connect(config={"threads": 1})
        for name in FILES:
            self._connection.register(name, getattr(findings, name))

    def one(
        self, what: str, table: str, expression: str, where: str, say: Callable[[Any], str]
    ) -> tuple[Any, str]:
        """A value and how the text says it; None, and a dash, where the findings have none."""
        value = self._run(table, expression, where)[0][0]
        said = "–" if value is None else say(value)
        self.taken.append(Figure(what, said, table, where, expression))
        return value, said

    def many(
        self, what: str, shown_in: str, table: str, expression: str, where: str
    ) -> list[tuple[Any, ...]]:
        """Rows that the table or chart captioned `shown_in` shows."""
        self.taken.append(Figure(what, f"as in “{shown_in}”", table, where, expression))
        return self._run(table, expression, where)

    def look(self, table: str, expression: str, where: str) -> list[tuple[Any, ...]]:
        """Rows that decide what is told, and are not told themselves."""
        return self._run(table, expression, where)

    def appendix(self) -> Section:
        """Every figure, with what recomputes it."""
        rows = tuple((f.what, f.said, f.table, f.where, f.expression) for f in self.taken)
        says = (
            "In DuckDB, in the folder of the findings: for each table, create view TABLE as from "
            "'TABLE.parquet'; then, for each figure, select EXPRESSION from TABLE where FILTER."
        )
        return Section(
            "Appendix: how each figure is recomputed",
            (Paragraph(says), Table("Figures", HEAD, rows, code=(3, 4))),
        )

    def _run(self, table: str, expression: str, where: str) -> list[tuple[Any, ...]]:
        query = f'select {expression} from "{table}" where {where}'
        return self._connection.execute(query).fetchall()


def one_of(names: Iterable[str]) -> str:
    """The filter of rows of some campaigns.

    >>> one_of(["a", "b'c"])
    "campaign_id in ('a', 'b''c')"
    """
    return f"campaign_id in ({', '.join(map(quoted, names))})"


def quoted(text: str) -> str:
    """`text` as SQL writes a string."""
    return "'" + text.replace("'", "''") + "'"


def day_of(column: str) -> str:
    """The expression of the day (UTC) of a time, whatever zone the reader's clock is in."""
    return f"make_timestamp(epoch_us({column}))::date"


def number_in_detail(key: str) -> str:
    """The expression of a number in the evidence's `detail`; null where it is none."""
    return f"max(try_cast(try(detail ->> '$.{key}') as double))"


def as_day(value: Any) -> dt.date:
    """A date that a query gave."""
    return value.date() if isinstance(value, dt.datetime) else value
