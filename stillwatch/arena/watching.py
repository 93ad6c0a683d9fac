"""A defence that detects: the log goes into a lake, and somebody acts on what is found there."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Protocol

from stillwatch.findings import Findings
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.request import Request
from stillwatch.pipeline import detect, ingest


class Enforces(Protocol):
    """Decides on requests by the findings that it was given last."""

    def decide(self, request: Request) -> Answer:
        """The decision on one request."""
        ...

    def take_over(self, findings: Findings, lake: Path, now: dt.datetime) -> None:
        """Findings of what was read until `now`, and the lake they were made of."""
        ...


class Watching:
    """Reads the log into a lake of its own in `folder`, detects, and hands on to `enforces`.

    All is judged anew each time: what an increment would cost less, a campaign gets for longer.
    """

    def __init__(self, enforces: Enforces, folder: str | Path, threads: int | None = None) -> None:
        self._enforces, self._threads = enforces, threads
        self._lake = Path(folder) / "lake"

    def decide(self, request: Request) -> Answer:
        """The decision on one request."""
        return self._enforces.decide(request)

    def learn(self, log: Path, now: dt.datetime) -> None:
        """Read what came since, detect, hand on."""
        ingest([log], lake=self._lake, threads=self._threads)
        findings = detect(self._lake, anew=True, threads=self._threads)
        self._enforces.take_over(findings, self._lake, now)
