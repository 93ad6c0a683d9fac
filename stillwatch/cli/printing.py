"""What commands print with: one console for people, one JSON document for machines.

Text of logs goes to the console only as `rich.text.Text` made by `safe`, never as a string, since
Rich reads markup in strings.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import os
import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.text import Text

from stillwatch.display import plain

_BAR = 12
_PIPE_WIDTH = 100


def people() -> Console:
    """The console for people: colours where it is a terminal, plain text where it isn't."""
    wide = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if wide else _PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def safe(text: object, style: str = "", limit: int = 400) -> Text:
    """`text` of a log as a styled piece of output, hidden characters escaped, markup inert."""
    return Text(plain(text, limit), style=style)


def bar(share: float, against: bool = False) -> Text:
    """A bar of twelve cells, `share` of it full: solid for, hollow against."""
    cells = min(round(share * _BAR), _BAR)
    if share > 0:
        cells = max(cells, 1)
    mark, style = ("░", "yellow") if against else ("█", "cyan")
    return Text(mark * cells + " " * (_BAR - cells), style=style)


def emit(document: Any) -> None:
    """Print one JSON document on standard output; pure ASCII, so that nothing in it can act."""
    sys.stdout.write(json.dumps(_bare(document), indent=2) + "\n")


def emit_line(document: Any) -> None:
    """Print one JSON document on one line, at once, for commands that go on."""
    sys.stdout.write(json.dumps(_bare(document)) + "\n")
    sys.stdout.flush()


def figures(report: Any) -> dict[str, Any]:
    """A report (a dataclass, or anything with `to_dict`) as a dictionary."""
    if hasattr(report, "to_dict"):
        return report.to_dict()
    return dataclasses.asdict(report)


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """An Arrow table as rows for `emit`."""
    return table.to_pylist(maps_as_pydicts="strict")


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _bare(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_bare(item) for item in value]
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
