"""`stillwatch lab measures`, `lab canaries` and `lab watermark`, as a person types them."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from stillwatch.cli import app
from stillwatch.countermeasures.table import MEASURES
from stillwatch.errors import StillwatchError
from stillwatch.privacy.keys import new_keys

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of the lab in a folder with keys; its refusals are raised."""
    new_keys(tmp_path / "keys.json", tmp_path / "owner.json")
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, keys: bool = True) -> Result:
        environment = {"STILLWATCH_PSEUDONYMS": "keys.json" if keys else ""}
        result = CliRunner().invoke(app, ["lab", *words], env=environment)
        if isinstance(result.exception, StillwatchError):
            raise result.exception
        return result

    return invoke


def test_measures_say_what_they_cost(run: Run) -> None:
    """Every one by its name, with its cost; those that serve what is false say so."""
    told = run("measures").stdout
    for about in MEASURES.values():
        assert about.name in told
    assert told.count("SERVES FALSE REASONING") == 2
    machine = json.loads(run("measures", "--json").stdout)["measures"]
    assert [each["name"] for each in machine] == list(MEASURES)
    assert {each["truthful"] for each in machine} == {True, False}


def test_canaries_from_planting_to_the_test(run: Run) -> None:
    """Planted by hand, listed by pseudonym, and exported with references and controls."""
    line = run("canaries", "plant", "canaries.db", "--account", "mallory").stdout.strip()
    assert run("canaries", "plant", "canaries.db", "--account", "mallory").stdout.strip() == line
    told = run("canaries", "list", "canaries.db").stdout
    assert "1 canaries, 2 exposures" in told
    assert "mallory" not in told
    (canary,) = json.loads(run("canaries", "list", "canaries.db", "--json").stdout)["canaries"]
    assert line == f"(ref. {canary['code']})"
    how = ("--references", "9", "--controls", "2", "--out", "out.jsonl")
    assert "1 canaries and 2 controls" in run("canaries", "export", "canaries.db", *how).stdout
    rows = [json.loads(row) for row in Path("out.jsonl").read_text().splitlines()]
    assert [row["exposures"] for row in rows] == [2, 0, 0]
    assert rows[0]["canary"] == line
    texts = [text for row in rows for text in (row["canary"], *row["references"])]
    assert len(set(texts)) == len(texts) == 30
    with pytest.raises(StillwatchError, match="is there already"):
        run("canaries", "export", "canaries.db", *how)


def test_limits_and_missing_things_are_refused(run: Run, tmp_path: Path) -> None:
    """No exposure too many, no registry, no keys, and other keys."""
    plant = ("canaries", "plant", "canaries.db", "--account", "m", "--most", "1")
    run(*plant)
    with pytest.raises(StillwatchError, match="had all it may have") as refused:
        run(*plant)
    assert refused.value.exit_code == 30
    with pytest.raises(StillwatchError, match="no registry") as refused:
        run("canaries", "list", "nothing.db")
    assert refused.value.exit_code == 3
    with pytest.raises(StillwatchError, match="--pseudonyms"):
        run("canaries", "export", "canaries.db", "--out", "x", keys=False)
    new_keys(tmp_path / "other.json", tmp_path / "others.json")
    with pytest.raises(StillwatchError, match="wasn't drawn by these keys"):
        run("canaries", "export", "canaries.db", "--out", "x", "--pseudonyms", "other.json")
    assert not Path("x").exists()


def test_a_watermark_is_set_up_and_committed_to(run: Run) -> None:
    """The file is the engine's, for its owner alone; the key is nowhere else."""
    told = run("watermark", "vllm", "--out", "w.yaml", "--width", "1").stdout
    held = yaml.safe_load(Path("w.yaml").read_text())["watermark-config"]
    assert held["algorithm"] == "gumbel"
    assert held["context_width"] == 1
    assert stat.S_IMODE(Path("w.yaml").stat().st_mode) == 0o600
    assert "--config w.yaml" in told
    (line,) = Path("commitments.jsonl").read_text().splitlines()
    assert json.loads(line)["commitment"] in told
    assert str(held["key"]) not in told + line
    again = json.loads(run("watermark", "vllm", "--out", "w.yaml", "--width", "1", "--json").stdout)
    assert again["commitment"] == json.loads(line)
    assert again["flags"] == ["--config", "w.yaml"]


def test_a_wrong_watermark_is_told_with_all_its_faults(run: Run) -> None:
    """Another engine's algorithm, a width of nothing, a file that vLLM wouldn't read."""
    with pytest.raises(StillwatchError) as refused:
        run("watermark", "vllm", "--out", "w.yaml", "--algorithm", "synthid", "--width", "0")
    assert refused.value.exit_code == 30
    assert "no 'synthid'" in str(refused.value)
    assert "from 1 to 16" in str(refused.value)
    assert run("watermark", "vllm", "--out", "w.json").exit_code == 2
    assert run("watermark", "trt", "--out", "w.yaml").exit_code == 2
    assert not Path("w.yaml").exists()
    with pytest.raises(StillwatchError, match="--pseudonyms"):
        run("watermark", "sglang", "--out", "w.json", keys=False)
