"""Keys, names, retention and forgetting as they are typed: what is said, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stillwatch.cli import app
from stillwatch.errors import PrivacyRefused, StillwatchError, UnknownName
from stillwatch.lake import Lake
from tests.custody.logs import identifiers, write_log

WHO = identifiers(3)["account_id"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys and a lake of names, where commands run."""
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path)
    run("keys", "new", "keys.json", "--owner", "owner.json")
    run("ingest", "customer-QZXpath", "--lake", "LAKE", "--pseudonyms", "keys.json")
    return tmp_path


def run(*words: str) -> str:
    """What a command that works prints."""
    done = CliRunner().invoke(app, words)
    if isinstance(done.exception, StillwatchError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_keys_are_shown_without_secrets(place: Path) -> None:
    """Identity, epochs and the key that proofs are signed by; rotation adds an epoch."""
    run("keys", "rotate", "keys.json", "--begin", "2099-01-01")
    told = json.loads(run("keys", "show", "keys.json", "--json"))
    assert [epoch["epoch"] for epoch in told["epochs"]] == [1, 2]
    assert told["identity"] in run("keys", "show", "keys.json")
    for secret in json.loads((place / "keys.json").read_text())["epochs"]:
        assert secret["secret"] not in run("keys", "show", "keys.json", "--json")


def test_without_keys_it_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once in the environment, they need not be said again."""
    write_log(place / "more")
    words = ("ingest", "more/customer-QZXpath", "--lake", "LAKE")
    with pytest.raises(PrivacyRefused, match="--pseudonyms") as refused:
        run(*words)
    assert refused.value.exit_code == 24
    monkeypatch.setenv("STILLWATCH_PSEUDONYMS", "keys.json")
    run(*words)


def test_a_name_is_led_back(place: Path) -> None:
    """With the owner's file, and for a reason that the journal keeps."""
    name = Lake.open(place / "LAKE").accounts()["account_id"][0].as_py()
    words = ("reidentify", name, "--lake", "LAKE", "--keys", "owner.json", "--reason", "case 12")
    told = json.loads(run(*words, "--actor", "ida", "--json"))
    assert told["known"][name].startswith("acct_QZX")
    shown = run("journal", "show", "LAKE")
    assert "reveal" in shown
    assert "ida: case 12" in shown
    assert "acct_QZX" not in shown


def test_retention_tells_before_it_does(place: Path) -> None:
    """A dry run unless --yes; then it is in the journal, which verifies by the key."""
    words = ("retain", "LAKE", "--older-than", "1d", "--pseudonyms", "keys.json")
    assert "Nothing was done" in run(*words)
    assert Lake.open(place / "LAKE").rows == 480
    done = json.loads(run(*words, "--yes", "--json"))
    gone = done["removed"]["exchanges"]
    assert Lake.open(place / "LAKE").rows == 480 - gone
    assert gone > 0
    key = json.loads(run("keys", "show", "keys.json", "--json"))["proof_key"]
    said = run("journal", "verify", "LAKE", "--key", key, "--head", done["head"])
    assert "2 entries, unbroken, 2 signed" in said
    assert CliRunner().invoke(app, ["retain", "LAKE", "--older-than", "soon"]).exit_code == 2


def test_an_account_is_listed_and_then_forgotten(place: Path) -> None:
    """By its id, which is nowhere in the lake."""
    words = ("forget", WHO, "--lake", "LAKE", "--pseudonyms", "keys.json")
    listed = json.loads(run(*words, "--json"))
    assert (listed["done"], listed["removed"]["exchanges"]) == (False, 40)
    assert "Forgotten" in run(*words, "--yes", "--reason", "request 7")
    assert Lake.open(place / "LAKE").rows == 440
    with pytest.raises(UnknownName):
        run(*words)
