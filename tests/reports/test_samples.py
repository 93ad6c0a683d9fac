"""Texts are read from a lake for the exchanges that are asked for, and for no others."""

from __future__ import annotations

from pathlib import Path

import pytest

import stillwatch as sw
from stillwatch.errors import LakeBroken
from stillwatch.lake import Lake
from stillwatch.reports import read_samples


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world's lake."""
    folder = tmp_path_factory.mktemp("samples")
    sw.make_world("plain", folder / "log", scale=0.0005, seed=3)
    sw.ingest([folder / "log"], lake=folder / "lake")
    return folder / "lake"


def test_samples_are_those_of_the_log(lake: Path):
    """Prompt, system prompt and values, exchange by exchange; unknown ids are left out."""
    names = ["exchange_id", "prompt", "system", "ip", "user_agent"]
    rows = [row for batch in Lake.open(lake).scan(names) for row in batch.to_pylist()]
    asked = {row["exchange_id"]: row for row in rows[:: max(1, len(rows) // 23)]}
    found = read_samples(lake, [*asked, "nothing"])
    assert set(found) == set(asked)
    for name, sample in found.items():
        assert sample.prompt == asked[name]["prompt"]
        assert sample.system == asked[name]["system"]
        assert sample.values.get("network") == asked[name]["ip"]
        assert sample.values.get("client") == asked[name]["user_agent"]


def test_nothing_is_read_for_nothing(lake: Path):
    """No ids, no look."""
    assert read_samples(lake / "none", []) == {}


def test_a_lake_that_is_none(tmp_path: Path):
    """Says so."""
    with pytest.raises(LakeBroken):
        read_samples(tmp_path, ["e"])
