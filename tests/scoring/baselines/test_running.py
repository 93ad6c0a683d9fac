"""Baselines run as our own detector is: by name, on the same log, without its labels."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import stillwatch as sw
from stillwatch.cli import detect as command
from stillwatch.comparing import baseline, observe
from stillwatch.errors import NothingToRead, OutputExists, UnknownName
from stillwatch.pipeline import OURS
from stillwatch.scoring.baselines import METHODS, Observed

CHEAP = tuple(m.name for m in METHODS.values() if not m.texts)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with low and slow campaigns, 26 exchanges a day and account."""
    folder = tmp_path_factory.mktemp("worlds") / "lowslow"
    sw.make_world("lowslow", folder, scale=0.001, seed=5)
    return folder


@pytest.fixture(scope="module")
def seen(log: Path) -> Observed:
    """What the baselines see of it."""
    return observe(log)


def test_the_command_names_every_method() -> None:
    """The list that `--help` prints is the table's."""
    assert (OURS, *METHODS) == command.METHODS


@pytest.mark.parametrize("name", CHEAP)
def test_findings_can_be_scored_and_read_back(
    name: str, log: Path, seen: Observed, tmp_path: Path
) -> None:
    """Every method without texts: the folder is by the contract, the run says which it was."""
    found = baseline(seen, name)
    folder = found.save(tmp_path / "f")
    score = sw.score(log, sw.read_findings(folder))
    assert score.campaigns_found == found.campaigns.num_rows
    assert found.run["method"]["name"] == name
    assert found.run["configuration"]["method"] == name
    assert name in found.run["seconds"]
    assert found.accounts.num_rows == len(seen.names)


def test_by_name_through_detect(log: Path, seen: Observed, tmp_path: Path) -> None:
    """`detect` with a method gives what the method gives, from a lake as from a log."""
    want = baseline(seen, "fraudar")
    got = sw.detect(log, out=tmp_path / "f", method="fraudar")
    assert got.members.equals(want.members)
    assert pq.read_table(tmp_path / "f/exchanges.parquet").num_rows == want.exchanges.num_rows
    assert json.loads((tmp_path / "f/run.json").read_text())["method"]["name"] == "fraudar"
    sw.ingest([log], lake=tmp_path / "lake")
    assert sw.detect(tmp_path / "lake", method="fraudar").members.equals(want.members)


def test_labels_are_never_read(log: Path, seen: Observed, tmp_path: Path) -> None:
    """Without the labels beside the log every method says the same."""
    bare = tmp_path / "bare"
    shutil.copytree(log, bare, ignore=shutil.ignore_patterns("labels"))
    again = observe(bare)
    for name in CHEAP:
        assert baseline(again, name).members.equals(baseline(seen, name).members)


def test_nothing_later_is_seen(log: Path) -> None:
    """`until` bounds what is observed; before everything there is nothing to read."""
    until = datetime(2026, 5, 1, tzinfo=UTC)
    early = observe(log, until)
    assert len(early) > 0
    assert early.ts.max() <= until.timestamp() * 1e6
    with pytest.raises(NothingToRead):
        observe(log, datetime(2020, 1, 1, tzinfo=UTC))


def test_refusals_come_before_the_work(log: Path, tmp_path: Path) -> None:
    """An unknown method, or a folder that isn't ours to replace."""
    with pytest.raises(UnknownName, match="nonsense"):
        sw.detect(log, method="nonsense")
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(OutputExists):
        sw.detect(log, out=tmp_path, method="volumes")


def test_components_merge_users_of_one_toolkit(log: Path, seen: Observed) -> None:
    """The known weakness on a whole world: most of what they flag is honest."""
    for name in ("components", "components-rare"):
        score = sw.score(log, baseline(seen, name))
        assert score.accounts.precision is not None
        assert score.accounts.precision < 0.5
        assert score.merges


def test_volumes_miss_the_low_and_slow(log: Path, seen: Observed) -> None:
    """The known weakness on a whole world: 26 a day and account are nobody's outlier."""
    recall = sw.score(log, baseline(seen, "volumes")).accounts.recall
    assert recall is not None
    assert recall < 0.25


def test_text_methods_run_on_a_world(log: Path, seen: Observed) -> None:
    """With the shipped vectors; windows of 1,500 are full in next to no account."""
    pytest.importorskip("wordllama", reason="the extra `baselines` is not installed")
    assert baseline(seen, "mmd-1500").campaigns.num_rows == 0
    for name in ("mmd-200", "prada", "seat"):
        found = baseline(seen, name)
        assert found.run["method"]["name"] == name
        sw.score(log, found)
