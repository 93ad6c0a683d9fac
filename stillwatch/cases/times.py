"""Times as the store keeps them: UTC to the microsecond, as text that sorts as time does."""

from __future__ import annotations

import datetime as dt


def stamp(when: dt.datetime) -> str:
    """`when` (with a zone) as text.

    >>> stamp(dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC))
    '2026-01-05T06:00:00.000000Z'
    """
    return when.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> str:
    """This moment."""
    return stamp(dt.datetime.now(dt.UTC))
