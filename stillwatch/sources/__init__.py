"""Logs in: one file a format -> chunks of exchanges and accounts, bad rows with a reason.

`find_log` finds the files of a log; `read_exchanges` and `read_accounts` read one file each,
`sections_of` says in which parts a large one can be read.
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
from stillwatch.sources.sections import sections_of

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
    "sections_of",
]
