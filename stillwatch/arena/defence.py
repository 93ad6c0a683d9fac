"""What stands between the traffic and the model: nothing, or whatever is plugged in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Protocol

from stillwatch.gateway.answer import Answer, Verdict
from stillwatch.gateway.request import Request


class Defence(Protocol):
    """Decides on requests, and learns from the log as it grows."""

    def decide(self, request: Request) -> Answer:
        """The decision on one request, as `gateway.gate.Decides`; requests come by time."""
        ...

    def learn(self, log: Path, now: dt.datetime) -> None:
        """The log has grown by all that came before `now`; what is learnt counts from now on."""
        ...


ALLOWED = Answer(
    decision_id="",
    verdict=Verdict.ALLOW,
    action=None,
    would=None,
    score=0.0,
    reasons=(),
    policy_version=0,
    table_version=0,
)
"""The answer of nobody: the request goes on."""


class NoDefence:
    """Lets everything through and learns nothing."""

    def decide(self, request: Request) -> Answer:
        """The request goes on."""
        return ALLOWED

    def learn(self, log: Path, now: dt.datetime) -> None:
        """Nothing to do."""
