"""Defences to play against that are simple enough to know what must come of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from stillwatch.arena.defence import ALLOWED
from stillwatch.findings import Findings
from stillwatch.gateway.answer import VERDICT, Answer, Reason
from stillwatch.gateway.request import Request
from stillwatch.ladder import Action


def doing(action: Action | None, **more: object) -> Answer:
    """An answer that does `action`."""
    if action is None:
        return replace(ALLOWED, **more)
    return replace(ALLOWED, action=action, verdict=VERDICT[action], **more)


@dataclass
class Always:
    """Answers every request in one way, and remembers requests and ends of days."""

    answer: Answer
    requests: list[Request] = field(default_factory=list)
    days: list[dt.datetime] = field(default_factory=list)

    def decide(self, request: Request) -> Answer:
        """The same for all."""
        self.requests.append(request)
        return self.answer

    def learn(self, log: Path, now: dt.datetime) -> None:
        """Only the time."""
        self.days.append(now)


@dataclass
class By:
    """Answers by a function of the request, and learns nothing."""

    of: Callable[[Request], Answer]

    def decide(self, request: Request) -> Answer:
        """What the function says."""
        return self.of(request)

    def learn(self, log: Path, now: dt.datetime) -> None:
        """Nothing."""


@dataclass
class Flagged:
    """Denies whom findings call a member of a distillation campaign."""

    denied: set[str] = field(default_factory=set)
    runs: list[dict] = field(default_factory=list)

    def decide(self, request: Request) -> Answer:
        """Denied, or not known."""
        known = request.account_id in self.denied
        return doing(Action.DENY, reasons=(Reason.MEMBER,)) if known else ALLOWED

    def take_over(self, findings: Findings, lake: Path, now: dt.datetime) -> None:
        """Whoever is a member now is denied from now on."""
        kinds = {c["campaign_id"]: c["kind"] for c in findings.campaigns.to_pylist()}
        members = findings.members.to_pylist()
        self.denied |= {
            m["account_id"] for m in members if kinds[m["campaign_id"]] == "distillation"
        }
        self.runs.append({"now": now, "lake": lake, "read": findings.run["exchanges_detected"]})
