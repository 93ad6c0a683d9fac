"""Settings of the engines' own watermarks, checked against the rules in the engines' sources."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import stat
from pathlib import Path

import pytest
import yaml

from stillwatch.countermeasures.engines import (
    ALGORITHMS,
    Engine,
    Watermark,
    commit,
    configured,
    faults_of,
    read_commitments,
    write_secret,
)
from stillwatch.errors import MeasureRefused, OutputExists
from stillwatch.privacy.keys import Keys, new_keys, rotate_keys

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A deployment's keys."""
    return new_keys(tmp_path / "keys", tmp_path / "owner")


EVERY = [(engine, name) for engine, names in ALGORITHMS.items() for name in names]


@pytest.mark.parametrize(("engine", "algorithm"), EVERY)
@pytest.mark.parametrize("width", [1, 2, 4])
def test_an_engine_would_take_them(engine: Engine, algorithm: str, width: int, keys: Keys) -> None:
    """The rules of vLLM's `WatermarkConfig` and SGLang's loader, said again, hold."""
    made = configured(Watermark(engine, algorithm, width), keys, "eu", NOW)
    held = yaml.safe_load(made.file)
    if engine is Engine.VLLM:
        held = held["watermark-config"]
        assert set(held) <= {
            *("algorithm", "key", "context_width", "alpha"),
            *("sbw_scheme", "sbw_gamma", "sbw_delta"),
        }
        assert 0 <= held["key"] < (2**63 if algorithm == "sbw" else 2**64)
        assert held["context_width"] == width
        assert made.flags("f") == ["--config", "f"]
        return
    assert json.loads(made.file) == held
    assert len(made.file.encode()) <= 4096
    assert held["default_enabled"] is True
    assert held["enforce_all"] is True
    if algorithm == "synthid":
        assert 1 <= len(held["keys"]) <= 64
        assert len(set(held["keys"])) == len(held["keys"])
        assert all(-(2**63) <= key < 2**63 for key in held["keys"])
        assert held["ngram_len"] == width + 1
        assert "synthid" in made.flags("f")
        return
    assert 1 <= held["context_window"] <= 64
    for name in {"key", "key_b"} & set(held):
        assert len(held[name]) == 16
        int(held[name], 16)
    assert ("key_b" in held) == ("mixing_probability" in held) == (algorithm == "dual_key_gumbel")


def test_keys_differ_by_group_epoch_engine_and_algorithm(keys: Keys, tmp_path: Path) -> None:
    """And are the same again for the same ones."""
    rotated = rotate_keys(tmp_path / "keys", NOW)
    before, after = NOW - dt.timedelta(days=1), NOW
    made = [
        configured(Watermark(engine, name), rotated, group, when)
        for engine, name in EVERY
        for group in ("eu", "us")
        for when in (before, after)
    ]
    assert len({each.commitment for each in made}) == len(made)
    keys_of = {json.dumps(each.settings.get("key", each.settings.get("keys"))) for each in made}
    assert len(keys_of) == len(made)
    again = configured(Watermark(Engine.VLLM), keys, "eu", before)
    assert again.settings == made[0].settings


def test_secrets_are_not_in_what_is_shown(keys: Keys) -> None:
    """Neither the key nor the file is in the flags, the commitment or the representation."""
    made = configured(Watermark(Engine.VLLM), keys, "eu", NOW)
    assert str(made.settings["key"]) not in repr(made) + made.command("wm.yaml")
    assert f"{made.settings['key']:x}" not in made.commitment


def test_all_faults_at_once(keys: Keys) -> None:
    """What an engine would refuse is refused here, with all of it."""
    with pytest.raises(MeasureRefused) as refused:
        configured(Watermark(Engine.SGLANG, "sbw", 0, alpha=1.0, gamma=0, delta=-1), keys, "", NOW)
    assert len(refused.value.faults) == 5
    assert list(faults_of(Watermark(Engine.VLLM, "gumbel", 17)))
    assert not list(faults_of(Watermark(Engine.SGLANG, "gumbel", 17)))
    assert list(faults_of(Watermark(Engine.SGLANG, "synthid", 17)))


def _commits(place: str, group: str) -> None:
    keys = Path(place)
    from stillwatch.privacy.keys import read_keys

    made = configured(Watermark(Engine.VLLM), read_keys(keys / "keys"), group, NOW)
    for _ in range(5):
        commit(made, keys / "commitments.jsonl", NOW)


def test_a_commitment_is_written_once_by_however_many(keys: Keys, tmp_path: Path) -> None:
    """Two processes that commit the same keys leave a line each key, whole."""
    spawn = multiprocessing.get_context("spawn")
    both = [
        spawn.Process(target=_commits, args=(str(tmp_path), group)) for group in ("eu", "us", "eu")
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    raw = (tmp_path / "commitments.jsonl").read_bytes()
    told = read_commitments(raw, "it")
    assert sorted(each.group for each in told) == ["eu", "us"]
    with pytest.raises(MeasureRefused, match="line 3"):
        read_commitments(raw + b"{}\n", "it")


def test_a_file_of_settings_is_its_owners(tmp_path: Path, keys: Keys) -> None:
    """Nobody else reads it, and another key doesn't take its place unasked."""
    made = configured(Watermark(Engine.SGLANG), keys, "eu", NOW)
    path = tmp_path / "wm.json"
    write_secret(made.file, path)
    write_secret(made.file, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(OutputExists):
        write_secret("other", path)
    assert path.read_text() == made.file
    assert list(tmp_path.glob(".wm*")) == []
