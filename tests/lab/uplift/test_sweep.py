"""A comparison end to end at its tiniest: what is killed goes on, what doesn't fit is refused."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.cli import app
from stillwatch.errors import ExtraMissing, LabRefused, OutputExists
from stillwatch.lab.folders import alone
from stillwatch.lab.uplift.cells import Key, read, reference_path
from stillwatch.lab.uplift.report import gathered
from stillwatch.lab.uplift.setting import SETTINGS
from stillwatch.lab.uplift.sweep import Plan, claim, sweep
from stillwatch.progress import Silent

TINY = SETTINGS["tiny"]
PLAN = Plan(TINY, {"chains": ("full", "withheld", "corrupted-1")}, ("passive", "cleaning"), (1,))
ARGUMENTS = (
    "lab uplift OUT --setting tiny --task chains --measures withheld,corrupted-1 "
    "--operators passive,cleaning --workers 1 --json"
)


def _told(text: str) -> dict[str, Any]:
    told = json.loads(text)
    for task in told["tasks"]:
        for row in task["rows"]:
            row["honest"].pop("times_slower")
    return told


def _command(out: Path) -> list[str]:
    arguments = [str(out) if word == "OUT" else word for word in ARGUMENTS.split()]
    return [sys.executable, "-m", "stillwatch", *arguments]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    sweep(PLAN, folder, 1, Silent())
    return folder


def test_killed_it_goes_on_to_the_same_figures(whole: Path, tmp_path: Path) -> None:
    """Killed without a chance to tidy up, once it has kept a first result; every cell the same."""
    out = tmp_path / "out"
    first = subprocess.Popen(_command(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    give_up = time.monotonic() + 300
    while not reference_path(out, "chains", 1).exists():
        assert first.poll() is None, "it ended before it was killed"
        assert time.monotonic() < give_up
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    keys = [
        Key("chains", 1, measure, op)
        for measure in PLAN.measures["chains"]
        for op in PLAN.operators
    ]
    assert not all(key.path(out).exists() for key in keys)
    before = reference_path(out, "chains", 1).stat().st_mtime_ns
    again = subprocess.run(
        _command(out), capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert reference_path(out, "chains", 1).stat().st_mtime_ns == before
    for key in keys:
        mine, theirs = read(key.path(out)), read(key.path(whole))
        assert {**mine, "cpu_s": 0} == {**theirs, "cpu_s": 0}
    assert _told(again.stdout) == _told(json.dumps(gathered(PLAN, whole).to_dict()))
    assert {path.name for path in out.iterdir()} >= {"uplift.json", "uplift.md", "uplift.svg"}
    assert ElementTree.parse(out / "uplift.svg").getroot().tag.endswith("svg")


def test_what_is_done_is_not_done_again(whole: Path) -> None:
    """A second sweep writes nothing; another measure adds its cells alone."""
    before = {path: path.stat().st_mtime_ns for path in (whole / "cells").iterdir()}
    sweep(PLAN, whole, 1, Silent())
    sweep(replace(PLAN, measures={"chains": ("full", "full@60")}), whole, 1, Silent())
    after = {path: path.stat().st_mtime_ns for path in (whole / "cells").iterdir()}
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} == {
        f"chains-1-full@60-{operator}.json" for operator in PLAN.operators
    }


def test_two_processes_find_what_one_does(whole: Path, tmp_path: Path) -> None:
    """And the adaptive operator alone still has the undefended to be measured by."""
    plan = replace(PLAN, measures={"chains": ("full", "withheld")}, operators=("adaptive",))
    sweep(plan, tmp_path / "out", 2, Silent())
    key = Key("chains", 1, "full", "passive")
    assert read(key.path(tmp_path / "out"))["hits"] == read(key.path(whole))["hits"]
    report = gathered(plan, tmp_path / "out")
    assert [kept.operator for kept in report.comparisons[0].rows[1].kept] == ["adaptive"]
    assert set(report.comparisons[0].rows[1].kept[0].tried) == {
        "as served", "filtered", "voted", "solved", "inverted",
    }  # fmt: skip


def test_another_setting_or_folder_is_refused(whole: Path, tmp_path: Path) -> None:
    """Nothing of somebody else's is written over."""
    with pytest.raises(LabRefused, match="another setting"):
        claim(whole, replace(TINY, test=41))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputExists):
        sweep(PLAN, tmp_path / "mine", 1, Silent())
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_two_at_once_in_one_folder_are_refused(whole: Path) -> None:
    """They would write over each other's students."""
    with (whole / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LabRefused, match="works in this folder"):
            sweep(PLAN, whole, 1, Silent())


@pytest.mark.parametrize("left", [[], ["setting.12.writing"]])
def test_a_second_start_in_a_new_folder_is_told_of_the_first(
    tmp_path: Path, left: list[str]
) -> None:
    """Also where the first has only just begun, so that nothing but its lock is there."""
    out = tmp_path / "out"
    with alone(out):
        for name in left:
            (out / name).touch()
        told = CliRunner().invoke(app, ["lab", "uplift", str(out), *ARGUMENTS.split()[3:]])
    assert isinstance(told.exception, LabRefused)
    assert f"another run works in this folder (process {os.getpid()})" in str(told.exception)


def test_killed_before_it_marked_its_folder_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is ours from its lock on."""
    out = tmp_path / "out"
    plan = replace(PLAN, measures={"chains": ("full",)}, operators=("passive",))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("stillwatch.lab.uplift.sweep.write", killed)
        with pytest.raises(KeyboardInterrupt):
            sweep(plan, out, 1, Silent())
    assert [path.name for path in out.iterdir()] == ["lock"]
    sweep(plan, out, 1, Silent())
    assert read(Key("chains", 1, "full", "passive").path(out))["of"] == TINY.test


@pytest.mark.parametrize(
    "text", ["", "{}", '{"hits": "ff", "of": 2}', '{"hits": 3, "of": 2}', "[[["]
)
def test_a_damaged_result_is_named(whole: Path, tmp_path: Path, text: str) -> None:
    """With what to do about it."""
    path = tmp_path / "cell.json"
    path.write_text(text)
    with pytest.raises(LabRefused, match="Remove it"):
        read(path)


@pytest.mark.parametrize(
    "arguments",
    [
        "--task chess",
        "--setting huge",
        "--measures nonsense",
        "--operators lazy",
        "--operators ,",
        "--task ,",
        "--measures full@0",
    ],
)
def test_nonsense_is_refused_before_anything_is_trained(tmp_path: Path, arguments: str) -> None:
    """One line, exit code 28, and no folder made."""
    out = tmp_path / "out"
    told = CliRunner().invoke(app, ["lab", "uplift", str(out), *arguments.split()])
    assert isinstance(told.exception, LabRefused)
    assert told.exception.exit_code == 28
    assert not out.exists()


@pytest.mark.parametrize("arguments", ["--seeds one", "--seeds=", "--seeds -1", "--answers x"])
def test_numbers_are_numbers(tmp_path: Path, arguments: str) -> None:
    """A wrong command line is a wrong command line."""
    told = CliRunner().invoke(app, ["lab", "uplift", str(tmp_path / "out"), *arguments.split()])
    assert told.exit_code == 2


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 11, as every extra."""
    monkeypatch.setitem(sys.modules, "torch", None)
    told = CliRunner().invoke(app, ["lab", "uplift", str(tmp_path / "out")])
    assert isinstance(told.exception, ExtraMissing)
    assert "stillwatch[lab]" in str(told.exception)
