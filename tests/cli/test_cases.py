"""`cases` and `ledger`, as a reviewer uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillwatch import errors
from tests import fabricated
from tests.cli.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def opened(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run`, with a store that has three cases."""
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    ran = run("cases", "open", folder, "--actor", "setup")
    assert (ran.code, ran.out) == (0, "opened: 1, 2, 3\nunchanged: 0\n")
    return run


def document(ran: Ran) -> Any:
    """What a command said with --json."""
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_a_review(opened: Run) -> None:
    """From the list to a decision, back, and what is left of it."""
    words = opened("cases", "list").out
    assert "118,440" in words
    why = ("--reason", "twins", "--actor", "ana")
    assert opened("cases", "act", 1, "review", "--seen", 1, *why).out == (
        "case 1: in_review, version 2\n"
    )
    opened("cases", "act", 1, "confirm", "--seen", 2, *why)
    assert opened("cases", "act", 1, "undo", "--seen", 3, *why).code == 0
    shown = document(opened("cases", "show", 1, "--json"))
    assert shown["case"]["state"] == "in_review"
    assert len(shown["accounts"]) == 210
    assert [entry["act"] for entry in shown["history"]] == ["open", "review", "confirm", "undo"]
    words = opened("cases", "show", 1).out
    assert "confirm" in words
    assert "ana: from in_review; reason twins; to confirmed" in words


def test_all_acts(opened: Run) -> None:
    """Each of the small ones, merge and split."""
    account = document(opened("cases", "show", 1, "--json"))["accounts"][0]
    version = 1
    for what in (
        ("assign", "ana"),
        ("tag", "urgent"),
        ("tag", "odd"),
        ("untag", "odd"),
        ("comment", "look"),
        ("snooze", "2090-01-01"),
        ("merge", "2@1", "--reason", "one"),
        ("split", account, "--reason", "two"),
    ):
        ran = opened("cases", "act", 1, *what, "--seen", version, "--json")
        version = document(ran)["cases"][0]["version"]
    (third, fourth) = document(opened("cases", "list", "--json"))["cases"]
    assert (third["case_id"], fourth["case_id"], fourth["accounts"]) == (3, 4, 1)
    assert "2 closed or at rest: add --all" in opened("cases", "list").out
    assert len(document(opened("cases", "list", "--all", "--json"))["cases"]) == 4
    (first,) = document(opened("cases", "list", "--all", "--tag", "urgent", "--json"))["cases"]
    assert (first["assignee"], first["accounts"]) == ("ana", 257)
    for what in (("assign",), ("snooze", "2020-01-01")):
        opened("cases", "act", 1, *what, "--seen", version)
        version += 1
    assert "urgent" in opened("cases", "list").out
    for at, what in enumerate(("review", "reject", "close", "appeal", "confirm")):
        ran = opened("cases", "act", 3, what, "--seen", at + 1, "--reason", "so")
        assert ran.code == 0, ran.err
    found = document(opened("cases", "list", "--outcome", "confirmed", "--json"))["cases"]
    assert [case["case_id"] for case in found] == [3]


def test_refusals(opened: Run) -> None:
    """Each with its exit code and one line."""
    assert opened("cases", "act", 1, "assign", "ana", "--seen", 1, "--actor", "ana").code == 0
    for line, code, words in (
        ("act 1 assign bela --seen 1", errors.CaseChanged.exit_code, "ana changed it"),
        ("act 1 close --seen 2 --reason x", errors.CaseRefused.exit_code, "can't become closed"),
        ("act 1 review --seen 2", errors.CaseRefused.exit_code, "reason: is empty"),
        ("show 9", errors.UnknownName.exit_code, "no such case"),
        ("list --store mysql://x", errors.StoreBroken.exit_code, "no engine of ours"),
        ("list --store nowhere.db", errors.InputNotFound.exit_code, "no store of cases"),
    ):
        ran = opened("cases", *line.split())
        assert ran.code == code, ran.err
        assert words in ran.err
        assert len(ran.err.splitlines()) == 1
    for line in (
        "act 1 comment --seen 2",
        "act 1 review x --seen 2",
        "act 1 merge 2 --seen 2",
        "act 1 snooze soon --seen 2",
        "act 1 shout --seen 2",
        "act 1 comment x",
        "list --state odd",
    ):
        assert opened("cases", *line.split()).code == 2, line


def test_ledger(opened: Run, tmp_path: Path) -> None:
    """Exported, verified, tampered with, and told where."""
    out = tmp_path / "ledger.jsonl"
    head = document(opened("ledger", "export", "--out", out, "--json"))["head"]
    ran = opened("ledger", "verify", out, "--head", head)
    assert (ran.code, ran.out) == (0, f"3 entries, unbroken; head {head}\n")
    out.write_bytes(out.read_bytes().replace(b"setup", b"se\\u001b", 1))
    ran = opened("ledger", "verify", out)
    assert ran.code == errors.LedgerBroken.exit_code
    assert ran.out == "line 1, entry 1: what it says was changed: it doesn't fit its hash\n"
    assert "the first at line 1" in ran.err
    ran = opened("ledger", "verify", out, "--json")
    assert ran.code == errors.LedgerBroken.exit_code
    assert json.loads(ran.out)["problems"][0]["line"] == 1
    assert opened("ledger", "verify", tmp_path / "none").code == errors.InputNotFound.exit_code
    ran = opened("ledger", "verify", out, "--head", "0" * 64)
    assert "not with the head that was given" in ran.out


HOSTILE = "\x1b[2J\x1b]0;x\x07\u202e[red]<script>\x9b1m\u2028"


def test_hostile_text_is_inert(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever logs and reviewers wrote, the terminal gets no control character of theirs."""
    monkeypatch.setenv("STILLWATCH_STORE", str(tmp_path / "cases.db"))
    folder = fabricated.findings(HOSTILE).save(tmp_path / "findings")
    run("cases", "open", folder, "--actor", HOSTILE)
    why = ("--reason", HOSTILE, "--actor", HOSTILE)
    said = [
        run("cases", "act", 1, "assign", HOSTILE, "--seen", 1, *why),
        run("cases", "act", 1, "tag", HOSTILE, "--seen", 2, *why),
        run("cases", "act", 1, "comment", HOSTILE * 100, "--seen", 3, *why),
        run("cases", "act", 1, "review", "--seen", 4, *why),
        run("cases", "act", 1, "review", "--seen", 4, *why),
        run("cases", "act", 1, "split", HOSTILE, "--seen", 5, *why),
        run("cases", "act", 1, "tag", HOSTILE, "--seen", 5, *why),
        run("cases", "list"),
        run("cases", "list", "--json"),
        run("cases", "list", "--state", HOSTILE),
        run("cases", "show", 1),
        run("cases", "show", 1, "--json"),
        run("ledger", "export", "--out", tmp_path / "out"),
    ]
    assert [ran.code for ran in said] == [0, 0, 0, 0, 13, 8, 14, 0, 0, 2, 0, 0, 0]
    for ran in said:
        assert not set("\x1b\x07\x9b\u202e\u2028") & set(ran.out + ran.err), ran
    assert "[red]" in said[-3].out
    assert (tmp_path / "out").read_bytes().isascii()
