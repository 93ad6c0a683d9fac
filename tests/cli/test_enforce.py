"""`enforce`, as two reviewers use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillwatch import errors
from stillwatch.cases import Store, case_accounts
from stillwatch.cases.access import Role, add_person, disable
from tests import fabricated
from tests.cli.conftest import Ran

Run = Callable[..., Ran]
WHY = ("--reason", "twins, all of them")


@pytest.fixture
def confirmed(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run`, with a store whose first case is confirmed, at version 3."""
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    run("cases", "open", folder)
    run("cases", "act", 1, "review", "--seen", 1, *WHY)
    assert run("cases", "act", 1, "confirm", "--seen", 2, *WHY).code == 0
    return run


@pytest.fixture
def team(confirmed: Run, tmp_path: Path) -> Run:
    """The same, where the store knows people."""
    store = Store.open(tmp_path / "cases.db")
    for name, role in (("ada", Role.ADMINISTRATOR), ("lea", Role.LEAD), ("ana", Role.ANALYST)):
        add_person(store, name, role, "ada")
    store.close()
    return confirmed


def document(ran: Ran) -> Any:
    """What a command said with --json."""
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_two_people(team: Run) -> None:
    """One proposes and sees how much it is, another looks and approves; a gateway asks."""
    ran = team("enforce", "propose", 1, "throttle", "--all", "--seen", 3, *WHY, "--actor", "ana")
    assert ran.out.startswith(
        "enforcement 1: proposed, version 1; throttle, 210 accounts with 118,440 exchanges of "
        "case 1, until 20"
    )
    assert document(team("enforce", "decisions", "--json")) == {"decisions": []}
    ran = team("enforce", "approve", 1, "--seen", 1, *WHY, "--actor", "ana")
    assert (ran.code, "needs the role lead" in ran.err) == (errors.AccessRefused.exit_code, True)
    assert "proposed by ana" in team("enforce", "list", "--waiting").out
    shown = team("enforce", "show", 1).out
    assert "propose   ana: twins, all of them" in shown
    assert len(document(team("enforce", "show", 1, "--json"))["accounts"]) == 210
    ran = team("enforce", "approve", 1, "--seen", 1, *WHY, "--actor", "lea")
    assert "in force, version 2" in ran.out
    assert "approved by lea" in ran.out
    late = team("enforce", "decline", 1, "--seen", 1, *WHY, "--actor", "lea")
    assert late.code == errors.CaseChanged.exit_code
    assert "lea changed it" in late.err
    assert team("enforce", "list", "--waiting").out == ""
    lines = team("enforce", "decisions").out.splitlines()
    assert len(lines) == 210
    assert lines[0].startswith("throttle until 20")
    ran = team("enforce", "lift", 1, "--seen", 2, *WHY, "--actor", "ana")
    assert ran.code == errors.AccessRefused.exit_code
    assert "lifted" in team("enforce", "lift", 1, "--seen", 2, *WHY, "--actor", "lea").out


def test_whoever_is_not_somebody_may_nothing(team: Run, tmp_path: Path) -> None:
    """In a store that knows people: strangers, and those who left."""
    disable(Store.open(tmp_path / "cases.db"), "lea", "ada")
    propose = ("enforce", "propose", 1, "deny", "--all", "--seen", 3, *WHY)
    for actor, code in (("lea", errors.AccessRefused), ("eve", errors.UnknownName)):
        ran = team(*propose, "--actor", actor)
        assert (ran.code, len(ran.err.splitlines())) == (code.exit_code, 1)
    assert team("enforce", "list").out == ""


def test_a_store_of_one(confirmed: Run) -> None:
    """Without people a name is enough; the many still need two names."""
    propose = ("enforce", "propose", 1, "deny", "--seen", 3, *WHY, "--actor", "me")
    assert "proposed, version 1" in confirmed(*propose, "--all").out
    own = confirmed("enforce", "approve", 1, "--seen", 1, *WHY, "--actor", "me")
    assert own.code == errors.AccessRefused.exit_code
    assert confirmed("enforce", "approve", 1, "--seen", 1, *WHY, "--actor", "you").code == 0
    account = document(confirmed("enforce", "show", 1, "--json"))["accounts"][0]
    assert "in force, version 1" in confirmed(*propose, "--account", account).out
    shown = confirmed("cases", "act", 1, "appeal", "--seen", 3, *WHY, "--actor", "me")
    assert shown.code == 0
    assert "because of appeal" in confirmed("enforce", "show", 1).out
    assert confirmed("enforce", "decisions").out == ""


def test_wrong_lines(confirmed: Run) -> None:
    """Nobody acts on everybody by leaving something out."""
    propose = ("enforce", "propose", 1, "deny", "--seen", 3, *WHY)
    for line in (propose, (*propose, "--all", "--account", "x"), (*propose, "--all", "--days", 0)):
        assert confirmed(*line).code == 2
    assert confirmed("enforce", "propose", 1, "ban", "--all", "--seen", 3, *WHY).code == 2
    ran = confirmed(*propose, "--account", "nobody")
    assert (ran.code, "covers no account" in ran.err) == (errors.UnknownName.exit_code, True)
    for act in ("approve", "decline", "withdraw", "lift"):
        ran = confirmed("enforce", act, 10**12, "--seen", 1, *WHY)
        assert (ran.code, len(ran.err.splitlines())) == (errors.UnknownName.exit_code, 1)
    assert confirmed("enforce", "show", 7).code == errors.UnknownName.exit_code


HOSTILE = "\x1b[2J\x1b]0;x\x07\u202e[red]<script>\x9b1m\u2028"


def test_hostile_text_is_inert(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal gets no control character of a log's or a reviewer's."""
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    folder = fabricated.findings(HOSTILE).save(tmp_path / "findings")
    by = ("--reason", HOSTILE, "--actor", HOSTILE)
    run("cases", "open", folder)
    run("cases", "act", 1, "review", "--seen", 1, *by)
    run("cases", "act", 1, "confirm", "--seen", 2, *by)
    account = case_accounts(Store.open(tmp_path / "cases.db"), 1)[0]
    assert "\x1b" in account
    said = [
        run("enforce", "propose", 1, "deny", "--account", account, "--seen", 3, *by),
        run("enforce", "approve", 1, "--seen", 9, *by),
        run("enforce", "propose", 1, HOSTILE, "--all", "--seen", 3, *by),
        run("enforce", "list"),
        run("enforce", "show", 1),
        run("enforce", "show", 1, "--json"),
        run("enforce", "decisions"),
        run("people", "disable", HOSTILE),
    ]
    assert [ran.code for ran in said] == [0, 13, 2, 0, 0, 0, 0, 8]
    for ran in said:
        assert not set("\x1b\x07\x9b\u202e\u2028") & set(ran.out + ran.err), ran
