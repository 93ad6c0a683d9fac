"""`share`, as an analyst and a lead use it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stix2validator import ValidationOptions, validate_string

from stillwatch import errors
from stillwatch.cases import Store
from stillwatch.cases.access import Role, add_person
from tests.cli.conftest import Ran
from tests.sharing import world

Run = Callable[..., Ran]
WHY = ("--reason", "peers see them too")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of which it is known who carries what."""
    return world.lake(tmp_path_factory.mktemp("world"))


@pytest.fixture
def team(run: Run, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run`, where there are findings, a lake, a key, and a store with a confirmed case."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    world.findings().save(tmp_path / "F")
    (tmp_path / "L").symlink_to(lake)
    run("cases", "open", "F")
    run("cases", "act", 1, "review", "--seen", 1, *WHY)
    run("cases", "act", 1, "confirm", "--seen", 2, *WHY)
    assert run("share", "key", "--out", "group.key").code == 0
    store = Store.open(tmp_path / "cases.db")
    for name, role in (("ada", Role.ADMINISTRATOR), ("lea", Role.LEAD), ("ana", Role.ANALYST)):
        add_person(store, name, role, "ada")
    store.close()
    return run


NOW = ("--as-of", str(world.TODAY))
WHAT = ("--findings", "F", "--log", "L", "--key", "group.key", *NOW)


def document(ran: Ran) -> Any:
    """What a command said with --json."""
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def _approved(team: Run) -> str:
    """The digest of a share that was proposed and approved."""
    share = document(
        team("share", "propose", 1, *WHAT, "--seen", 3, *WHY, "--actor", "ana", "--json")
    )["share"]
    done = team(
        "share", "approve", 1, "--seen", 1, "--digest", share["digest"], *WHY, "--actor", "lea"
    )
    assert done.out.startswith("share 1: approved, version 2;"), done.err
    return share["digest"]


def test_a_preview_shows_what_would_leave_and_what_not(team: Run) -> None:
    """Field by field, and nothing is written."""
    shown = team("share", "preview", 1, *WHAT)
    assert shown.code == 0, shown.err
    assert "marked        TLP:AMBER" in shown.out
    assert "Withheld (judged by 400 honest accounts; nothing below leaves):" in shown.out
    assert "100.00% of honest accounts carry it too" in shown.out
    assert "\x1b" not in shown.out
    assert document(team("share", "list", "--json")) == {"shares": []}


def test_from_proposal_to_bundle(team: Run, tmp_path: Path) -> None:
    """What is shown, approved and exported is the same, and valid; the ledger has its hash."""
    digest = _approved(team)
    shown = document(team("share", "show", 1, "--json"))
    assert shown["share"]["digest"] == digest
    said = document(
        team("share", "export", 1, "--out", "b.json", "--producer", "P", "--actor", "ana", "--json")
    )
    written = (tmp_path / "b.json").read_bytes()
    assert said["sha256"] == hashlib.sha256(written).hexdigest()
    assert validate_string(written.decode(), ValidationOptions(strict=True)).is_valid
    values = {one["value"] for one in shown["tells"]["indicators"]}
    held = [one for one in json.loads(written)["objects"] if one["type"] == "indicator"]
    assert {value for one in held for value in _ours(one)} == values
    last = document(team("share", "show", 1, "--json"))["history"][-1]
    assert (last["act"], last["detail"]["sha256"]) == ("export", said["sha256"])


def _ours(indicator: dict[str, Any]) -> list[str]:
    return [one["value"] for one in indicator["extensions"].values()]


@pytest.mark.parametrize("format", ["misp", "sigma", "csv"])
def test_other_formats_are_written(team: Run, tmp_path: Path, format: str) -> None:
    """A share in MISP's, Sigma's and a gateway's form."""
    _approved(team)
    asked = ("--format", format, "--out", "out", "--producer", "P", "--actor", "ana")
    assert team("share", "export", 1, *asked, *NOW).code == 0
    assert (tmp_path / "out").stat().st_size > 100


def test_what_is_not_approved_stays(team: Run, tmp_path: Path) -> None:
    """The proposer can't approve, the digest must fit, and no file is left."""
    team("share", "propose", 1, *WHAT, "--seen", 3, *WHY, "--actor", "lea")
    own = team("share", "approve", 1, "--seen", 1, "--digest", "0" * 64, *WHY, "--actor", "lea")
    assert own.code == errors.AccessRefused.exit_code
    other = team("share", "approve", 1, "--seen", 1, "--digest", "0" * 64, *WHY, "--actor", "ada")
    assert other.code == errors.CaseRefused.exit_code
    gone = team("share", "export", 1, "--out", "b", "--producer", "P", "--actor", "ana")
    assert gone.code == errors.SharingRefused.exit_code
    assert not list(tmp_path.glob("*b*new")), "half a file was left"
    assert not (tmp_path / "b").exists()


def test_a_folder_is_no_file_to_write(team: Run, tmp_path: Path) -> None:
    """Nothing is written beside it, and the ledger doesn't say that something left."""
    _approved(team)
    (tmp_path / "out").mkdir()
    done = team("share", "export", 1, "--format", "csv", "--out", "out", "--actor", "ana")
    assert (done.code, "is a folder" in done.err) == (2, True)
    assert not list(tmp_path.glob(".out*"))
    acts = [entry["act"] for entry in document(team("share", "show", 1, "--json"))["history"]]
    assert "export" not in acts


def test_a_revocation_leaves_as_one(team: Run, tmp_path: Path) -> None:
    """In STIX every object says so; a list of it is empty, and MISP is told how."""
    _approved(team)
    assert team("share", "revoke", 1, "--seen", 2, *WHY, "--actor", "ana").code == 0
    asked = ("--producer", "P", "--actor", "ana")
    assert team("share", "export", 1, "--out", "b", *asked).code == 0
    objects = json.loads((tmp_path / "b").read_text())["objects"]
    assert all(one["revoked"] for one in objects if one["type"] in {"campaign", "indicator"})
    assert team("share", "export", 1, "--format", "csv", "--out", "c", *asked).code == 0
    assert (tmp_path / "c").read_text().count("\n") == 1
    misp = team("share", "export", 1, "--format", "misp", "--out", "m", *asked)
    assert (misp.code, "Delete the event" in misp.err) == (25, True)


def test_wrong_words_are_usage_errors(team: Run) -> None:
    """A marking, a format or a kind of actor that there is none of."""
    for wrong in (("--tlp", "white"), ("--as", "hero")):
        assert team("share", "preview", 1, *WHAT, *wrong).code == 2
    assert team("share", "export", 1, "--out", "b", "--format", "pdf").code == 2
    assert team("share", "export", 1, "--out", "b").code == 2
