"""`people` and `tokens`, as an administrator uses them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stillwatch import errors
from stillwatch.cases import Store
from stillwatch.cases.access import find_token, sign_in
from stillwatch.errors import SignInRefused
from tests.cli.conftest import Ran

Run = Callable[..., Ran]
WORDS = "correct horse battery staple"
REFUSED = errors.AccessRefused.exit_code


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store is."""
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    return tmp_path / "cases.db"


@pytest.fixture
def told(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run`, with a line on standard input."""

    def told(line: str, *arguments: object) -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))
        return run(*arguments)

    return told


@pytest.fixture
def house(told: Run) -> Run:
    """`run`, with an administrator, a lead and an analyst."""
    for name, role in (("ada", "administrator"), ("lea", "lead"), ("ana", "analyst")):
        ran = told(f"{WORDS}\n", "people", "add", name, "--role", role, "--password-stdin",
                   "--actor", "ada")  # fmt: skip
        assert (ran.code, ran.out) == (0, f"{name} may come in as {role}\n"), ran.err
    return lambda *arguments: told("", *arguments)


def test_a_first_day(house: Run, told: Run, place: Path) -> None:
    """People come in by the password given, get other roles, are kept out and let in again."""
    assert house("people", "list").out == "ada: administrator\nana: analyst\nlea: lead\n"
    by = ("--actor", "ada")
    assert house("people", "role", "ana", "lead", *by).out == "ana is lead\n"
    assert house("people", "disable", "lea", *by).code == 0
    assert "lea: lead, kept out" in house("people", "list").out
    assert house("people", "enable", "lea", *by).code == 0
    sign_in(Store.open(place), "lea", WORDS, "here")
    ran = house("people", "sign-out", "lea", *by, "--json")
    assert json.loads(ran.out) == {"name": "lea", "ended": 1}
    fresh = "another set of words"
    assert told(fresh, "people", "password", "ana", "--password-stdin", "--actor", "ana").code == 0
    sign_in(Store.open(place), "ana", fresh, "here")
    assert house("people", "add", "ben@x.example", "--no-password", *by).code == 0
    with pytest.raises(SignInRefused):
        sign_in(Store.open(place), "ben@x.example", "", "here")
    people = json.loads(house("people", "list", "--json").out)["people"]
    assert people[2] == {"name": "ben@x.example", "role": "viewer", "enabled": True}


def test_only_an_administrator_administers(house: Run, told: Run) -> None:
    """Whoever is named must be somebody, who may; but for one's own password and tokens."""
    for line in (
        "people add eve --no-password",
        "people role ana viewer",
        "people disable ana",
        "people enable ana",
        "people sign-out ana",
        "people password ana --password-stdin",
        "tokens make ana --label x",
    ):
        ran = told(WORDS, *line.split(), "--actor", "lea")
        assert (ran.code, len(ran.err.splitlines())) == (REFUSED, 1), line
        assert "lea: is lead. This needs the role administrator" in ran.err
        ran = told(WORDS, *line.split(), "--actor", "nobody")
        assert ran.code == errors.UnknownName.exit_code, line
        assert "Name whoever acts by --actor" in ran.err
    house("people", "disable", "lea", "--actor", "ada")
    ran = house("tokens", "make", "lea", "--label", "x", "--actor", "lea")
    assert (ran.code, "lea: is kept out" in ran.err) == (REFUSED, True)
    assert house("people", "role", "ada", "viewer", "--actor", "ada").code == REFUSED
    assert house("people", "disable", "ada", "--actor", "ada").code == REFUSED


def test_tokens(house: Run, place: Path) -> None:
    """Made, used, listed without the secret, and revoked."""
    secret = house("tokens", "make", "ana", "--label", "gateway", "--actor", "ana").out.strip()
    found = find_token(Store.open(place), secret)
    assert found is not None
    assert (found.name, found.role) == ("ana", "viewer")
    other = house("tokens", "make", "lea", "--label", "x\u202e", "--actor", "ada", "--json").out
    shown = house("tokens", "list").out
    assert secret not in shown + other
    assert "1: ana, gateway, viewer, until " in shown
    assert "\u202e" not in shown
    (mine,) = json.loads(house("tokens", "list", "--owner", "ana", "--json").out)["tokens"]
    assert (mine["token_id"], mine["label"]) == (1, "gateway")
    assert house("tokens", "revoke", 2, "--actor", "ana").code == REFUSED
    assert house("tokens", "revoke", 9, "--actor", "ada").code == errors.UnknownName.exit_code
    assert house("tokens", "revoke", 1, "--actor", "ana").out == "token 1 is revoked\n"
    assert find_token(Store.open(place), secret) is None
    assert "viewer, revoked" in house("tokens", "list").out
    assert house("tokens", "list", "--owner", "who").code == errors.UnknownName.exit_code


def test_passwords_are_asked_for_or_read_and_never_arguments(house: Run, told: Run) -> None:
    """Nor is one taken that is weak, cut off, or not there; and none is said back."""
    add = ("people", "add", "eve", "--actor", "ada")
    assert "Use --password-stdin" in house(*add).err
    for line in ("", "short\n", "x" * 5_000_000, "password1234\n"):
        ran = told(line, *add, "--password-stdin")
        assert ran.code == REFUSED
        assert "password1234" not in ran.out + ran.err
    assert house(*add, "--password", WORDS).code == 2
    assert house("people", "add", "eve", "--role", "god", "--actor", "ada").code == 2
    assert "eve" not in house("people", "list").out


def test_the_first_is_an_administrator(told: Run) -> None:
    """A store that knows nobody lets whoever uses it say who."""
    ran = told(WORDS, "people", "add", "ana", "--password-stdin")
    assert (ran.code, "administrator in first" in ran.err) == (REFUSED, True)
