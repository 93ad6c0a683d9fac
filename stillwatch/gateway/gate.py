"""The gate: one decision on one request, looked up in the table that is published."""

from __future__ import annotations

from typing import Protocol

from stillwatch.gateway.answer import Answer
from stillwatch.gateway.request import Request


class Decides(Protocol):
    """Whatever decides on requests: `Gate`, or a test's own."""

    def decide(self, request: Request) -> Answer:
        """The decision on one request; never raises, and never waits for anything but memory."""
        ...
