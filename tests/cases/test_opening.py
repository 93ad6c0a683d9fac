"""Cases follow findings: never a twin, decided ones stay decided, hostile text is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stillwatch.cases import (
    State,
    Store,
    case_accounts,
    get_case,
    history,
    labels,
    list_cases,
    open_cases,
    undo,
)
from stillwatch.errors import CaseRefused, FindingsBroken
from stillwatch.findings import Findings
from tests import fabricated
from tests.cases.checking import check
from tests.cases.test_acts import walk

FIRST = "cmp-4f1a90c2d7"


def with_members(findings: Findings, drop: int = 0, add: int = 0) -> Findings:
    """The first campaign with some accounts fewer, and some more."""
    here = pc.field("campaign_id") == FIRST
    mine = findings.members.filter(here).slice(drop)
    new = [{**mine.slice(0, 1).to_pylist()[0], "account_id": f"new-{at}"} for at in range(add)]
    rest = findings.members.filter(~here)
    members = pa.concat_tables([mine, pa.Table.from_pylist(new, schema=rest.schema), rest])
    return dataclasses.replace(findings, members=members)


def with_column(findings: Findings, name: str, value: object) -> Findings:
    """Campaigns with one column set."""
    rows = [{**row, name: value} for row in findings.campaigns.to_pylist()]
    made = pa.Table.from_pylist(rows, schema=findings.campaigns.schema)
    return dataclasses.replace(findings, campaigns=made)


def test_one_case_a_campaign(store: Store, tmp_path: Path) -> None:
    """Networks have none; the same findings again change nothing and leave no entry."""
    found = fabricated.findings()
    assert [case.accounts for case in list_cases(store)] == [210, 48, 18]
    members = found.members.filter(pc.field("campaign_id") == FIRST)
    assert case_accounts(store, 1) == sorted(members["account_id"].to_pylist())
    done = open_cases(store, found, "again")
    assert (done.opened, done.updated, done.grown, done.unchanged) == ([], [], [], 3)
    assert check(store, tmp_path) == 3


def test_an_open_case_follows(store: Store, tmp_path: Path) -> None:
    """Accounts come and go, the words and the confidence change, the number stays."""
    found = with_members(fabricated.findings(), drop=10, add=3)
    done = open_cases(store, with_column(found, "summary", "Other words."), "daily")
    assert (done.opened, done.updated, done.unchanged) == ([], [1, 2, 3], 0)
    case = get_case(store, 1)
    assert (case.accounts, case.summary, case.version) == (203, "Other words.", 2)
    last = list(history(store, 1))[-1]
    assert (last.act, last.detail["added"], last.detail["removed"]) == ("update", 3, 10)
    check(store, tmp_path)


@pytest.mark.parametrize("closed", [False, True])
def test_a_decided_case_stays_decided(store: Store, closed: bool, tmp_path: Path) -> None:
    """It is marked as grown; its decision speaks of those who were there; a review starts anew."""
    states = (State.IN_REVIEW, State.REJECTED, State.CLOSED)
    before = walk(store, 1, *states[: 3 if closed else 2])
    decided = labels(store)
    done = open_cases(store, with_members(fabricated.findings(), drop=5, add=2), "daily")
    assert (done.grown, done.updated) == ([1], [])
    case = get_case(store, 1)
    assert (case.state, case.outcome, case.accounts) == (before.state, State.REJECTED, 212)
    assert case.grown_since == case.changed_at
    assert labels(store) == decided
    assert list(history(store, 1))[-1].act == "grow"
    case = walk(store, 1, State.IN_REVIEW, State.CONFIRMED)
    assert (case.grown_since, len(labels(store))) == (None, 212)
    check(store, tmp_path)


def test_growth_between_undo_and_undo(store: Store) -> None:
    """A decision that is brought back is marked as older than the accounts that joined since."""
    case = walk(store, 1, State.IN_REVIEW, State.CONFIRMED)
    undo(store, case.seen, "ana", "wait")
    open_cases(store, with_members(fabricated.findings(), add=2), "daily")
    case = undo(store, get_case(store, 1).seen, "ana", "no, go on")
    assert (case.accounts, case.grown_since is None, len(labels(store))) == (212, False, 210)


HOSTILE = [
    "<script>",
    "\u202e\x1b[2J",
    "nul\0 and \\ and \\0",
    "line\n" * 3,
    pytest.param("x" * 1_000_000, id="megabyte"),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_of_logs(address: str, hostile: str, tmp_path: Path) -> None:
    """Account ids and summaries come back letter for letter, whatever they hold."""
    members = fabricated.findings().members.slice(0, 5).to_pylist()
    rows = [{**row, "account_id": f"{row['account_id']}{hostile}"} for row in members]
    found = with_column(fabricated.findings(), "summary", hostile)
    table = pa.Table.from_pylist(rows, schema=found.members.schema)
    found = dataclasses.replace(found, members=table)
    store = Store.open(address, create=True)
    open_cases(store, found, "ana")
    assert open_cases(store, found, "ana").unchanged == 3
    assert case_accounts(store, 1) == sorted(row["account_id"] for row in rows)
    assert get_case(store, 1).summary == hostile
    check(store, tmp_path)
    store.close()


def test_names_and_figures_that_are_refused(address: str) -> None:
    """A campaign's id is a name; a confidence is a number. Nothing is opened otherwise."""
    store = Store.open(address, create=True)
    with pytest.raises(CaseRefused, match="NUL"):
        open_cases(store, with_column(fabricated.findings(), "campaign_id", "a\0"), "ana")
    with pytest.raises(FindingsBroken, match="no number"):
        open_cases(store, with_column(fabricated.findings(), "confidence", float("nan")), "ana")
    assert list_cases(store) == []
    store.close()
