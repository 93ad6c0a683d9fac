"""Taking back what rules decided, and what rules are told of cases."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import text

from stillwatch.cases import Seen, State, Store, case_accounts, change_state, get_case, split
from stillwatch.cases.access import Person, Role
from stillwatch.cases.export import export_ledger
from stillwatch.cases.facts import Fact, case_facts
from stillwatch.cases.ledger import entries
from stillwatch.cases.opening import open_cases
from stillwatch.cases.reversals import reversals, reverse
from stillwatch.cases.verify import verify
from stillwatch.errors import AccessRefused, CaseRefused
from stillwatch.ladder import Action
from tests import fabricated

LEA, ANA = Person("lea", Role.LEAD), Person("ana", Role.ANALYST)
CAMPAIGN = "cmp-4f1a90c2d7"


def later(days: float = 30) -> dt.datetime:
    """A time to come."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=days)


def take_back(store: Store, account: str = "acc-1", by: Person = LEA, days: float = 30):
    """One decision of a rule on an account."""
    return reverse(store, "d1", account, Action.DENY, "sure", CAMPAIGN, by, "a class", later(days))


def test_a_lead_takes_a_decision_back(store: Store, tmp_path: Path) -> None:
    """It lasts, stands in the ledger by the account's digest, and the ledger verifies."""
    made = take_back(store)
    assert (made.account_id, made.action, made.reversed_by) == ("acc-1", Action.DENY, "lea")
    assert reversals(store) == [made]
    with store.reading() as connection:
        (entry,) = entries(connection, "decision d1")
    assert (entry.act, entry.actor) == ("reverse", "lea")
    assert entry.detail["reason"] == "a class"
    assert "acc-1" not in str(entry.detail)
    _, head = export_ledger(store, tmp_path / "ledger.jsonl")
    assert verify(tmp_path / "ledger.jsonl", head).problems == []


def test_whoever_may_not_and_what_is_not_to_be_done(store: Store) -> None:
    """Less than a lead, twice, in the past, without a reason; nothing is left behind."""
    with pytest.raises(AccessRefused, match="needs the role lead"):
        take_back(store, by=ANA)
    with pytest.raises(CaseRefused, match="time that is past"):
        take_back(store, days=-1)
    with pytest.raises(CaseRefused, match="the reason"):
        reverse(store, "d1", "acc-1", Action.DENY, "sure", None, LEA, " \n", later())
    assert reversals(store) == []
    take_back(store)
    with pytest.raises(CaseRefused, match="was reversed by lea until"):
        take_back(store)
    assert take_back(store, "acc-2").reversal_id == 2


def test_one_that_has_ended_is_over(store: Store) -> None:
    """And the account can be let go again."""
    take_back(store)
    with store.writing() as connection:
        connection.execute(text("update reversals set until = '2020-01-01T00:00:00.000000Z'"))
    assert reversals(store) == []
    assert take_back(store).reversal_id == 2


def test_ids_of_logs_are_kept_whole(store: Store) -> None:
    """NUL, overrides and a megabyte."""
    for account in ("a\x00b", "\u202eevil", "x" * 1_000_000, "'; drop table reversals; --"):
        take_back(store, account)
        assert reversals(store)[0].account_id == account


def confirm(store: Store, case_id: int, to: State = State.CONFIRMED) -> None:
    """Review and decide a case."""
    change_state(store, get_case(store, case_id).seen, State.IN_REVIEW, "lea", "r")
    change_state(store, get_case(store, case_id).seen, to, "lea", "r")


def states(store: Store) -> dict[tuple[str, bool], str]:
    """By campaign, and whether it is about an account."""
    return {
        (fact.campaign_id, fact.account_id is not None): fact.state for fact in case_facts(store)
    }


def test_facts_are_of_campaigns(store: Store) -> None:
    """One each, from open to what people made of it, through an appeal and a close."""
    assert set(states(store).values()) == {"open"}
    assert len(states(store)) == 3
    confirm(store, 1)
    confirm(store, 2, State.REJECTED)
    confirm(store, 3, State.CLOSED)
    by_case = {fact.case_id: fact.state for fact in case_facts(store)}
    assert by_case == {1: "confirmed", 2: "rejected", 3: "closed"}
    change_state(store, get_case(store, 2).seen, State.CLOSED, "lea", "r")
    change_state(store, get_case(store, 1).seen, State.APPEALED, "lea", "r")
    by_case = {fact.case_id: fact.state for fact in case_facts(store)}
    assert by_case == {1: "appealed", 2: "rejected", 3: "closed"}


def test_an_account_that_was_split_off_stands_by_itself(store: Store) -> None:
    """The case is confirmed, the one that was split off it is rejected."""
    seen = get_case(store, 1).seen
    who = case_accounts(store, 1)[0]
    _, apart = split(store, Seen(seen.case_id, seen.version), [who], "lea", "another matter")
    confirm(store, 1)
    confirm(store, apart.case_id, State.REJECTED)
    facts = [fact for fact in case_facts(store) if fact.campaign_id == CAMPAIGN]
    assert sorted(facts, key=lambda fact: fact.case_id) == [
        Fact(CAMPAIGN, None, 1, "confirmed"),
        Fact(CAMPAIGN, who, apart.case_id, "rejected"),
    ]


def test_an_account_that_joined_after_the_decision_is_open(store: Store) -> None:
    """Nobody has looked at it."""
    confirm(store, 1)
    grown = fabricated.findings()
    row = grown.members.slice(0, 1).to_pylist()[0]
    assert row["campaign_id"] == CAMPAIGN
    more = pa.Table.from_pylist([{**row, "account_id": "late"}], grown.members.schema)
    fields = {**vars(grown), "members": pa.concat_tables([grown.members, more])}
    open_cases(store, type(grown)(**fields), "lea")
    facts = [fact for fact in case_facts(store) if fact.account_id is not None]
    assert facts == [Fact(CAMPAIGN, "late", 1, "open")]
