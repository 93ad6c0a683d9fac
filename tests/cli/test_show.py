"""`show`, `explain` and `page` over findings made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stillwatch.findings import read_findings
from tests import fabricated
from tests.cli.conftest import Ran

Run = Callable[..., Ran]


def flat(text: str) -> str:
    """`text` with its white space made single, so that wrapping doesn't matter."""
    return " ".join(text.split())


def test_all_campaigns_with_aims_and_reasons(run: Run, folder: Path) -> None:
    """The table says what each is after and why it was found; networks stand apart."""
    words = flat(run("show", folder).out)
    assert "3 campaigns found" in words
    assert "Coding, tool use and agentic reasoning" in words
    assert "210 accounts draw their prompts from one distribution" in words
    found, apart = words.split("Networks that share access, not flagged")
    assert "Reasoning traces and grading" in found
    assert "Shared access, mostly ordinary chat and coding" in apart


@pytest.mark.parametrize("name", ["cmp-09d5ce11f4", "cmp-09", "3"])
def test_one_campaign_in_full(name: str, run: Run, folder: Path) -> None:
    """By identity, by its first letters, or by number."""
    words = flat(run("show", folder, name, "--members", 2).out)
    assert words.startswith("Campaign 3: Reasoning traces and grading cmp-09d5ce11f4")
    assert "A fleet of one owner would explain 40% of the evidence" in words
    assert "Would explain none of the evidence: a class of students." in words
    assert "Members (2 surest of 18)" in words


@pytest.mark.parametrize("name", ["cmp-", "nothing", "9"])
def test_a_campaign_that_is_not_there(name: str, run: Run, folder: Path) -> None:
    """Unknown or ambiguous names are refused with the names that are known."""
    ran = run("show", folder, name)
    assert ran.code == 8
    assert "cmp-09d5ce11f4" in ran.err


def test_machines_get_all_of_it(run: Run, folder: Path) -> None:
    """`--json` holds the tables, row for row, and nothing else on standard output."""
    found = read_findings(folder)
    whole = json.loads(run("show", folder, "--json").out)
    assert [row["campaign_id"] for row in whole["campaigns"]] == found.campaigns[
        "campaign_id"
    ].to_pylist()
    assert whole["campaigns"][0]["capabilities"]["coding"] == 0.46
    one = json.loads(run("show", folder, "1", "--json").out)
    assert len(one["members"]) == 210
    assert {row["kind"] for row in one["evidence"]} >= {"exchangeability", "rival", "membership"}


def test_explaining_a_member(run: Run, folder: Path) -> None:
    """Verdict, campaign, evidence for and against with odds, twins, objects and figures."""
    account = read_findings(folder).members["account_id"][0].as_py()
    words = flat(run("explain", folder, account).out)
    assert f"Account {account}: flagged, a member of a campaign" in words
    assert "in Campaign 1 (cmp-4f1a90c2d7), after coding, tool use and agentic reasoning" in words
    support, against = words.split("Against membership")
    assert "Its nearest account is at distance 0.0004." in support
    assert "Its exchanges fit the campaign's content 10^6 times better." in support
    assert "5 to 1 against It came back to 3% of its answers." in against
    assert "acc-near" in against
    assert "follow up share: 0.013" in against


def test_explaining_others(run: Run, folder: Path) -> None:
    """An account alone, one explained otherwise, and one of a network: none is flagged."""
    accounts = read_findings(folder).accounts.to_pylist()
    said = {
        "alone": "not flagged; no group of accounts explains it",
        "rival:popular_software": "not flagged; explained as popular software",
        "network": "not flagged; shares access in a network",
    }
    for verdict, words in said.items():
        account = next(row["account_id"] for row in accounts if row["verdict"] == verdict)
        assert words in flat(run("explain", folder, account).out)


def test_explaining_for_machines(run: Run, folder: Path) -> None:
    """The standing with its detail decoded, memberships and evidence."""
    account = read_findings(folder).members["account_id"][0].as_py()
    told = json.loads(run("explain", folder, account, "--json").out)
    assert told["verdict"] == "member"
    assert told["for"][0]["weight"] == 6.1
    assert told["memberships"][0]["campaign_id"] == "cmp-4f1a90c2d7"
    assert told["evidence"][0]["detail"]["says"].startswith("Its exchanges fit")


def test_an_account_that_is_not_there(run: Run, folder: Path) -> None:
    """The nearest ids are offered."""
    account = read_findings(folder).members["account_id"][0].as_py()
    ran = run("explain", folder, account + "x")
    assert ran.code == 8
    assert f"Did you mean {account}" in ran.err


def test_nothing_found_is_said(run: Run, tmp_path: Path) -> None:
    """A log without campaigns has an answer too."""
    ran = run("show", fabricated.empty().save(tmp_path / "none"))
    assert ran.code == 0
    assert "No campaign found." in ran.out


def test_hostile_text_does_nothing_on_a_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escapes of a log are shown, not obeyed, and Rich's markup is only letters."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    hostile = "\x1b]0;owned\x07[red]R[/red]\u202e\u2066\u200b\n\r"
    folder = fabricated.findings(hostile=hostile).save(tmp_path / "hostile")
    account = read_findings(folder).members["account_id"][0].as_py()
    assert hostile in account
    for arguments in (["show"], ["show", "1"], ["explain", account], ["explain", account + "x"]):
        ran = run(arguments[0], folder, *arguments[1:])
        both = ran.out + ran.err
        assert not set("\x07\u202e\u2066\u200b\r") & set(both)
        assert "\x1b]" not in both
        assert "[red]R[/red]" in flat(both).replace(" ", "")
    assert run("explain", folder, account, "--json").out.isascii()


def test_page(run: Run, folder: Path, tmp_path: Path) -> None:
    """The page is written, and its address named."""
    ran = run("page", folder, "--out", tmp_path / "page.html")
    assert ran.out.strip() == (tmp_path / "page.html").as_uri()
    assert "3 campaigns found" in (tmp_path / "page.html").read_text()
