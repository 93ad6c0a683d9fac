"""Indicators as CSV, for gateways and for whoever reads a table; each row says when it ends.

A text that a spreadsheet would take for a formula is left out, and counted: an apostrophe before it
would make it another text, which no gateway ever sees.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass

from stillwatch.sharing.indicators import Telling

COLUMNS = (
    "kind",
    "value",
    "about",
    "confidence",
    "accounts",
    "first_day",
    "last_day",
    "expires",
    "campaign",
    "tlp",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


@dataclass(frozen=True)
class GatewayList:
    """The `text` of the file, and how many indicators are in it and were `left_out`."""

    text: str
    rows: int
    left_out: int


def gateway_list(told: Telling, today: dt.date) -> GatewayList:
    """What is valid today, the surest first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = left_out = 0
    for one in sorted(told.indicators, key=lambda i: (-i.confidence, i.kind, i.value)):
        if one.expires <= today:
            continue
        if one.value.startswith(_FORMULA):
            left_out += 1
            continue
        rows += 1
        writer.writerow(
            [
                one.kind,
                one.value,
                one.about,
                one.confidence,
                one.accounts,
                one.first_day,
                one.last_day,
                one.expires,
                told.campaign,
                f"TLP:{told.tlp.upper()}",
            ]
        )
    return GatewayList(out.getvalue(), rows, left_out)
