"""Logs in: one file a format -> chunks of exchanges and accounts, bad rows with a reason.

`find_log` finds the files of a log; `read_exchanges` and `read_accounts` read one file each.
"""

from stillwatch.sources.formats import FORMATS, REGISTRY, Format, format_named
from stillwatch.sources.recognise import (
    Log,
    Recognised,
    find_log,
    is_data_name,
    read_accounts,
    read_exchanges,
    recognise,
)

__all__ = [
    "FORMATS",
    "REGISTRY",
    "Format",
    "Log",
    "Recognised",
    "find_log",
    "format_named",
    "is_data_name",
    "read_accounts",
    "read_exchanges",
    "recognise",
]
