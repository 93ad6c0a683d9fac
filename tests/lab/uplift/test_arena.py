"""From a play in the arena to a student's skill: what got through is what is learned from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.arena.matches import match
from stillwatch.cli import app
from stillwatch.lab.uplift.setting import SETTINGS
from stillwatch.ladder import Action
from stillwatch.progress import Silent
from tests.arena.conftest import SMALL, small
from tests.arena.defences import By, doing

SERVED = SETTINGS["tiny"].served


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real play against a gate that denies most accounts, and blunts the rest."""
    blunts = doing(Action.WITHHOLD, withhold=("reasoning",))
    denies = doing(Action.DENY)
    gate = By(lambda request: denies if hash_of(request.account_id) % 16 else blunts)
    report = match(SMALL, small(), [3], lambda _: gate, Silent())
    path = tmp_path_factory.mktemp("arena") / "arena.json"
    path.write_text(json.dumps(report.to_dict()))
    return path


def hash_of(account: str) -> int:
    """The same in every process."""
    return sum(account.encode())


def _uplift(out: Path, arena: Path, *more: str) -> dict[str, Any]:
    line = ["lab", "uplift", str(out), "--setting", "tiny", "--operators", "passive"]
    told = CliRunner().invoke(
        app, [*line, "--workers", "1", "--arena", str(arena), "--json", *more]
    )
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_a_play_becomes_a_students_training_set(played: Path, tmp_path: Path) -> None:
    """As many answers as got through, of those as many without reasoning as were blunted."""
    duel = json.loads(played.read_text())["duels"][0]
    free, held = duel["undefended"], duel["defended"]
    assert 0 < held["answers"] < free["answers"]
    assert held["answers_blunted"] == held["answers"]
    told = _uplift(tmp_path / "out", played)["arena"]
    assert {line["arm"] for line in told} == {"undefended", "defended"}
    for line in told:
        arm = duel[line["arm"]]
        share = sum(arm["answers_by_kind"][kind] for kind in line["kinds"]) / sum(
            free["answers_by_kind"][kind] for kind in line["kinds"]
        )
        reached = min(1.0, free["answers"] / small().answers)
        assert line["answers"] == round(SERVED * reached * share)
        assert line["blunted"] == (line["answers"] if line["arm"] == "defended" else 0)
        assert 0 <= line["skill"] <= 1
    cells = {path.name for path in (tmp_path / "out" / "cells").iterdir()}
    for line in told:
        form = f"blunted-{line['blunted']}" if line["blunted"] else "full"
        assert f"{line['task']}-1-{form}@{line['answers']}-passive.json" in cells
    assert "arena seed 3" in (tmp_path / "out" / "uplift.md").read_text()


def test_policy_and_countermeasure_are_told_in_one_currency(played: Path, tmp_path: Path) -> None:
    """The same play, served under each measure; and a play in which nothing got through."""
    more = ["--task", "calls", "--measures", "full,withheld"]
    told = _uplift(tmp_path / "out", played, *more)["arena"]
    assert {line["measure"] for line in told} == {"full", "withheld"}
    report = json.loads(played.read_text())
    nothing = report["duels"][0]["defended"]
    nothing |= {"answers": 0, "answers_blunted": 0, "answers_by_kind": {}}
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps(report))
    told = _uplift(tmp_path / "out", empty, *more)["arena"]
    lines = [line for line in told if line["arm"] == "defended"]
    assert [line["answers"] for line in lines if line["task"] == "calls"] == [0, 0]
    assert all("nothing got through" in line["says"] for line in lines if line["task"] == "calls")
