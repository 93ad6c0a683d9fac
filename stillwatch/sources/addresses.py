"""A client's address out of what proxies say."""

from __future__ import annotations

FORWARDED = "x-forwarded-for"
MARK = "x-stillwatch-ip-from"
"""The header under which a row says that its address is what this header of the request said.

A client may write such a header itself: where no proxy of the gateway's own overwrites it, an
address by it proves nothing.
"""


def nearest_address(listed: str, hops: int = 0) -> str | None:
    """The last address of a list, `hops` before it where those are the gateway's own proxies.

    Each proxy adds whom it heard from at the end, so what comes first is what a client claims.

    >>> nearest_address("6.6.6.6, 203.0.113.9")
    '203.0.113.9'
    """
    if "," not in listed:
        return listed.strip() or None
    parts = [part.strip() for part in listed.split(",")]
    return parts[max(0, len(parts) - 1 - hops)] or None
