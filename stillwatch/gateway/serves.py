"""What a gate is to those who ask it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from stillwatch.gateway.answer import Answer
from stillwatch.gateway.request import Request


class Standing(NamedTuple):
    """The table that a gate decides by; `published_us` is microseconds since the epoch."""

    table_version: int
    policy_version: int
    published_us: int
    breaker_open: bool


class Decides(Protocol):
    """Whatever decides on requests: a `Gate`, or a test's own."""

    def decide(self, request: Request) -> Answer:
        """The decision on one request; never raises, and never waits for anything but memory."""
        ...


class Serves(Decides, Protocol):
    """What can be served: a `Gate`, or a test's own."""

    def standing(self) -> Standing | None:
        """The table that is loaded; `None` while none is."""
        ...

    def look_up(self, decision_id: str) -> dict[str, Any] | None:
        """A decision that was given, with what it was based on; `None` where none has that id."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
