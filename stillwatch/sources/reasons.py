"""Why a row was not kept, or not kept as it was: one small vocabulary for all formats.

Of a column `c` that is required: `missing:c` (absent, null, or empty where empty says nothing),
`bad_type:c` (another JSON type), `bad_value:c` (right type, no meaning: a time in year 90000).
The same troubles in an optional column cost only the value: it becomes null and counts under
`repaired`. Text that isn't Unicode is mended with U+FFFD, for otherwise one stray byte in every
prompt would hide a campaign; it counts as repaired `utf8`.
"""

from __future__ import annotations

from typing import NamedTuple

NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"
TOO_DEEP = "too_deep"
TOO_LONG = "too_long"
TRUNCATED = "truncated"
BAD_COMPRESSION = "bad_compression"
UNREADABLE_FILE = "unreadable_file"
UNREADABLE_PARQUET = "unreadable_parquet"
UNREADABLE_ROW_GROUP = "unreadable_row_group"
UNRECOGNISED = "unrecognised"
WRONG_WIDTH = "wrong_width"
"""A line of CSV with more or fewer fields than its header."""
FAILED = "failed"
"""A record that our own code couldn't take apart: a fault of ours, which costs one record."""
NOT_AN_EXCHANGE = "not_an_exchange"
"""A record of another kind that belongs where it stands (a tool's span, a trace): no fault."""
UNJOINED = "unjoined"
"""One part of an exchange whose other part, which names the account, was nowhere in the log."""

EXCERPT_CHARS = 200


class Refused(Exception):
    """Some rows, mostly one, can't be kept; `reason` is of the vocabulary above."""

    def __init__(self, reason: str, rows: int = 1) -> None:
        self.reason, self.rows = reason, rows
        super().__init__(reason)


class Mended(NamedTuple):
    """The next row of the same record is kept with less than was logged: `what` is repaired."""

    what: str


def excerpt(raw: bytes | str | None) -> str | None:
    """The start of what was refused, escaped to printable ASCII, at most 200 characters.

    >>> excerpt(b'{"a": \\x00\\xff')
    '{"a": \\\\x00\\\\xff'
    """
    if raw is None:
        return None
    if isinstance(raw, bytes):
        text = raw[:EXCERPT_CHARS].decode("utf-8", "backslashreplace")
    else:
        text = raw[:EXCERPT_CHARS]
    return text.encode("unicode_escape").decode("ascii").replace("\\\\x", "\\x")[:EXCERPT_CHARS]
