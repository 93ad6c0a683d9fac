"""End to end: what is detected in the log that grows, and what comes of denying it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stillwatch.arena.watching import Watching
from tests.arena.conftest import SMALL, Plays, small
from tests.arena.defences import Flagged


def test_detection_sees_every_day_and_denies_what_it_finds(plays: Plays, tmp_path: Path) -> None:
    """An operator without moves is found by what it does, and no honest account with it."""
    flagged = Flagged()
    strategy = small(moves=frozenset(), answers=3_000, seats=40)
    defence = Watching(flagged, tmp_path / "watch", threads=2)
    outcome, log = plays(strategy, defence, replace(SMALL, scale=0.001))
    assert len(flagged.runs) == SMALL.days
    refused = sum(status in (401, 403) for status in log.exchanges["status"].to_pylist())
    assert refused > 0
    assert flagged.runs[-1]["read"] == len(log.exchanges) - refused
    assert [run["read"] for run in flagged.runs] == sorted(run["read"] for run in flagged.runs)
    assert outcome.answers < 0.8 * strategy.answers
    assert outcome.honest("denied") == 0
    assert sum(day.burnt for day in outcome.days) > 0.5 * strategy.seats
