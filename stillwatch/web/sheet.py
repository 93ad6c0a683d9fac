"""Rows as CSV that a spreadsheet shows as it is: no formula, nothing hidden, one line a row."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stillwatch.display import plain

LONGEST = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a sheet, its header first."""
    for row in (columns, *rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow([cell(value) for value in row])
        yield line.getvalue()


def cell(value: Any) -> Any:
    """A value as a cell: text that a spreadsheet would compute gets an apostrophe before it.

    >>> cell("=1+2"), cell("acc-1"), cell(-3)
    ("'=1+2", 'acc-1', -3)
    """
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, dt.datetime):
        return value.isoformat()
    text = plain(value, LONGEST)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
