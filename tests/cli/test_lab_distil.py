"""`stillwatch lab distil`: what it prints, what it refuses, and what runs without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillwatch.cli import app
from stillwatch.errors import LabRefused

RUNNER = CliRunner()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a run that ends in a second, with a teacher that learned nearly nothing."""
    pytest.importorskip("torch", reason="needs the extra lab (torch)")
    from stillwatch.lab.small import Size
    from stillwatch.lab.teachers import chains

    def raised(secret: int) -> chains.Upbringing:
        return real(secret, Size(1, 16, 2), 2, 20, 2, 20)

    real = chains.Upbringing
    monkeypatch.setattr(chains, "Upbringing", raised)
    cache = tmp_path_factory.mktemp("cache")
    counts = ["--examples", "8", "--held-out", "2", "--own", "2", "--fewer", "4"]
    return [*counts, "--steps", "2", "--batch", "2", "--points", "1", "--cache", str(cache)]


def test_people_see_a_table_and_machines_the_card(tiny: list[str], tmp_path: Path) -> None:
    """The same run twice: the second call only tells again."""
    command = ["lab", "distil", str(tmp_path / "run"), *tiny, "--method", "on_policy"]
    told = RUNNER.invoke(app, command, catch_exceptions=False)
    assert told.exit_code == 0
    for words in ("no teacher, at its best", "4 examples", "8 examples", "teacher", "card.md"):
        assert words in told.output
    card = json.loads(RUNNER.invoke(app, [*command, "--json"]).stdout)
    assert card["method"]["name"] == "on_policy"
    assert card == json.loads((tmp_path / "run" / "card.json").read_text())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--teacher", "endpoint:https://models.example.com/v1", "--model", "m"], "i-own-this"),
        (["--teacher", "oracle"], "no teacher"),
        (["--student", "nobody"], "no student"),
        (["--divergence", "other", "--method", "logits"], "divergence"),
        (["--mix", "own=1"], "no distillation"),
        (["--fewer", "99"], "curve"),
        (["--device", "tpu"], "no 'tpu'"),
        (["--subject", "poems"], "subject"),
    ],
)
def test_what_cant_be_done_is_refused_with_what_to_do(
    options: list[str], says: str, tiny: list[str], tmp_path: Path
) -> None:
    """As the lab's own error, and with nothing trained."""
    run = RUNNER.invoke(app, ["lab", "distil", str(tmp_path / "run"), *tiny, *options])
    assert isinstance(run.exception, LabRefused), run.output
    assert says in str(run.exception)
    assert not (tmp_path / "run" / "arms").exists()


@pytest.mark.parametrize(
    "options",
    [["--size", "3,64"], ["--size", "3,10,4"], ["--mix", "own"], ["--method", "magic"]],
)
def test_options_that_cant_be_read_are_usage_errors(options: list[str], tiny: list[str]) -> None:
    """With exit code 2."""
    assert RUNNER.invoke(app, ["lab", "distil", "run", *tiny, *options]).exit_code == 2


def test_without_torch_it_says_what_to_install_and_the_rest_runs(tmp_path: Path) -> None:
    """Exit code 11 for the lab; other commands don't notice."""
    for name in ("torch", "transformers"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stillwatch", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
        )

    refused = said("lab", "distil", "run")
    assert refused.returncode == 11
    assert "stillwatch[lab]" in refused.stderr
    assert "Traceback" not in refused.stderr
    (tmp_path / "torch.py").write_text("raise ImportError('libx.so is not there')")
    refused = said("lab", "distil", "run")
    assert refused.returncode == 11
    assert "libx.so" in refused.stderr
    assert not (tmp_path / "run").exists()
    assert said("arena", "--help").returncode == 0
