"""Killed with SIGKILL in every phase, the same command goes on and ends with the same student."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")

ROOT = Path(__file__).parents[3]

# a run that stops, for whoever is to kill it, where it is told to
RUN = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {root!r})
from dataclasses import replace
from tests.lab.distilling.conftest import RECIPE
from stillwatch.lab.distilling import arms, asking, measuring, run
from stillwatch.lab.distilling.methods.on_policy import OnPolicy

folder, cache, phase, count = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
seen = 0

def halting(function):
    def halted(*args, **kwargs):
        global seen
        seen += 1
        if seen > count:
            (folder / "reached").touch()
            time.sleep(600)
        return function(*args, **kwargs)
    return halted

if phase == "asking":
    from stillwatch.lab.teachers.local import Local
    Local.answers = halting(Local.answers)
elif phase in ("training", "raising the teacher"):
    import stillwatch.lab.training
    stillwatch.lab.training.collated = halting(stillwatch.lab.training.collated)
elif phase == "saving a checkpoint":
    import torch
    torch.save = halting(torch.save)
elif phase == "measuring":
    arms.measured = halting(arms.measured)
elif phase == "saving":
    run.save = halting(run.save)
elif phase == "card":
    run.card_of = halting(run.card_of)
recipe = replace(RECIPE, method=OnPolicy(own=0.5))
import stillwatch.lab.teachers.chains as chains
kept = chains._kept
def small_chunks(*args):
    return replace(kept(*args), at_once=7)
chains._kept = small_chunks
run.distil(folder, recipe, cache)
"""


@pytest.fixture(scope="module")
def whole(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The card of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finished = _start(folder, cache, "never", 0)
    assert finished.wait() == 0
    return json.loads((folder / "card.json").read_text())


@pytest.mark.parametrize(
    ("phase", "count"),
    [
        ("raising the teacher", 13),
        ("asking", 3),
        ("training", 17),
        ("saving a checkpoint", 3),
        ("measuring", 5),
        ("saving", 0),
        ("card", 0),
    ],
)
def test_killed_it_ends_with_the_same_student(
    phase: str, count: int, whole: dict[str, object], cache: Path, tmp_path: Path
) -> None:
    """Student and curve are those of a run that nobody killed, bit for bit."""
    folder = tmp_path / "run"
    # a cache of its own where there is to be no teacher yet
    cache = tmp_path / "cache" if phase == "raising the teacher" else cache
    process = _start(folder, cache, phase, count)
    until = time.monotonic() + 240
    while not (folder / "reached").exists():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until, "it never came to be killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (folder / "reached").unlink()
    answered = {path: path.stat().st_mtime_ns for path in folder.glob("asked/*.json")}
    assert _start(folder, cache, "never", 0).wait() == 0
    card = json.loads((folder / "card.json").read_text())
    assert card["student"] == whole["student"]
    assert card["curve"] == whole["curve"]
    assert card["data"] == whole["data"]
    for path, when in answered.items():
        assert path.stat().st_mtime_ns == when, "an answer that was there was asked for again"
    assert not list(folder.rglob("*.half"))
    assert not list(folder.rglob("checkpoint.pt"))


def _start(folder: Path, cache: Path, phase: str, count: int) -> subprocess.Popen[bytes]:
    program = RUN.format(root=str(ROOT))
    arguments = [str(folder), str(cache), phase, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment)
