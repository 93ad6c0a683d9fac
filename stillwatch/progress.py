"""Progress: how long work says how far it is, without knowing who is watching, or who helps.

A stage that takes `progress` calls `start` once, `advance` as it goes, and `finish` at the end;
then another stage may start. The command line hands in a bar with rates and time left
(`stillwatch.cli.bars`); from Python nothing is shown unless a `Progress` is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

Spread = Callable[[Iterable[Callable[[], Any]]], Iterator[Any]]
"""What does jobs, on as many threads as it likes, and gives their results in their order."""


def one_by_one(jobs: Iterable[Callable[[], Any]]) -> Iterator[Any]:
    """The plainest `Spread`: jobs one after another, on this thread."""
    return (job() for job in jobs)


class Progress(Protocol):
    """Told how far a stage is; called from one thread only."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Begin `stage`, which has `total` units of `unit` to do (`None`: not known)."""
        ...

    def advance(self, n: int) -> None:
        """`n` more units are done."""
        ...

    def finish(self) -> None:
        """The stage that was started last is over."""
        ...


class Silent:
    """A `Progress` that shows nothing.

    >>> watcher: Progress = Silent()
    >>> watcher.start("signals", 10, "exchanges")
    """

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Do nothing."""

    def advance(self, n: int) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
