"""Enforcement by two people, on both engines."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stillwatch.cases import (
    Seen,
    State,
    Store,
    case_accounts,
    change_state,
    export_ledger,
    get_case,
    undo,
    verify,
)
from stillwatch.cases.access import Person, Role
from stillwatch.cases.enforcement import (
    ALONE,
    Action,
    Enforcement,
    approve,
    decisions,
    decline,
    lift,
    list_enforcements,
    propose,
    withdraw,
)
from stillwatch.errors import AccessRefused, CaseChanged, CaseRefused, StillwatchError, UnknownName

ANA, LEA, LEO = Person("ana", Role.ANALYST), Person("lea", Role.LEAD), Person("leo", Role.LEAD)
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)


def confirmed(store: Store, case_id: int = 1) -> Seen:
    """A case that was reviewed and confirmed, as it is then."""
    seen = change_state(store, get_case(store, case_id).seen, State.IN_REVIEW, "ana", "mine").seen
    return change_state(store, seen, State.CONFIRMED, "ana", "sure").seen


def proposed(store: Store, by: Person = ANA, accounts: list[str] | None = None) -> Enforcement:
    """A proposal to slow a confirmed case's accounts down."""
    seen = confirmed(store)
    return propose(store, seen, Action.THROTTLE, by, "stop it", accounts, LATER)


def test_the_many_need_a_second_person(store: Store, tmp_path: Path):
    """Whoever proposes; in force only once a lead who isn't them approves."""
    made = proposed(store, LEA)
    case = get_case(store, 1)
    assert (made.accounts, made.exchanges, made.state) == (
        case.accounts,
        case.exchanges,
        "proposed",
    )
    assert decisions(store) == []
    with pytest.raises(AccessRefused, match="by you"):
        approve(store, 1, made.version, LEA, "me too")
    with pytest.raises(AccessRefused, match="needs the role lead"):
        approve(store, 1, made.version, ANA, "yes")
    done = approve(store, 1, made.version, LEO, "yes")
    assert (done.state, done.approved_by) == ("in_force", "leo")
    found = decisions(store)
    assert [d.account_id for d in found] == case_accounts(store, 1)
    assert {(d.action, d.proposed_by, d.approved_by) for d in found} == {("throttle", "lea", "leo")}
    _, head = export_ledger(store, tmp_path / "out")
    assert verify(tmp_path / "out", head).problems == []


def test_a_few_a_lead_may_act_on_alone(store: Store):
    """Up to ten; an analyst may not."""
    some = case_accounts(store, 1)[:ALONE]
    made = proposed(store, LEA, some)
    assert (made.state, made.accounts) == ("in_force", ALONE)
    seen = get_case(store, 1).seen
    other = propose(store, seen, Action.DENY, ANA, "worse", some[:1], LATER)
    assert other.state == "proposed"
    eleven = case_accounts(store, 1)[: ALONE + 1]
    assert propose(store, seen, Action.DENY, LEA, "more", eleven, LATER).state == "proposed"


def test_the_most_severe_counts(store: Store):
    """Of two that are in force for one account."""
    some = case_accounts(store, 1)[:2]
    proposed(store, LEA, some)
    seen = get_case(store, 1).seen
    propose(store, seen, Action.SUSPEND, LEA, "worse", some[:1], LATER)
    propose(store, seen, Action.OBSERVE, LEA, "milder", some, LATER)
    assert {d.account_id: d.action for d in decisions(store)} == {
        some[0]: Action.SUSPEND,
        some[1]: Action.THROTTLE,
    }


@pytest.mark.parametrize("change", ["appeal", "reopen", "undo", "close"])
def test_what_no_decision_carries_is_suspended(store: Store, change: str):
    """And comes back only by a new approval, on a decision that stands."""
    made = proposed(store)
    approve(store, 1, made.version, LEA, "yes")
    seen = get_case(store, 1).seen
    if change == "undo":
        undo(store, seen, "ana", "wrong case")
    else:
        to = {"appeal": State.APPEALED, "reopen": State.IN_REVIEW, "close": State.CLOSED}[change]
        change_state(store, seen, to, "ana", "changed")
    assert decisions(store) == []
    (now,) = list_enforcements(store)
    assert now.state == "suspended"
    with pytest.raises(CaseRefused):
        approve(store, 1, now.version, LEO, "again")
    if change in {"appeal", "reopen"}:
        change_state(store, get_case(store, 1).seen, State.CONFIRMED, "ana", "still")
        assert decisions(store) == []
        approve(store, 1, now.version, LEO, "again")
        assert len(decisions(store)) == get_case(store, 1).accounts


def test_it_ends_when_it_said(store: Store, monkeypatch: pytest.MonkeyPatch):
    """And can't be approved any more."""
    made = proposed(store)
    later = (LATER + dt.timedelta(days=1)).isoformat(timespec="microseconds")
    monkeypatch.setattr("stillwatch.cases.enforcement.now", lambda: later.replace("+00:00", "Z"))
    assert list_enforcements(store)[0].state == "expired"
    with pytest.raises(CaseRefused, match="is expired"):
        approve(store, 1, made.version, LEO, "late")


def test_declined_withdrawn_and_lifted(store: Store):
    """By whom they may be."""
    made = proposed(store)
    with pytest.raises(AccessRefused, match="somebody else"):
        withdraw(store, 1, made.version, LEA, "not mine")
    assert withdraw(store, 1, made.version, ANA, "too soon").state == "withdrawn"
    seen = get_case(store, 1).seen
    two = propose(store, seen, Action.DENY, ANA, "x", None, LATER)
    assert decline(store, 2, two.version, LEA, "no").state == "declined"
    three = propose(store, seen, Action.DENY, ANA, "x", None, LATER)
    four = approve(store, 3, three.version, LEA, "yes")
    assert lift(store, 3, four.version, LEO, "enough").state == "lifted"
    assert decisions(store) == []
    with pytest.raises(CaseRefused, match="is lifted"):
        approve(store, 3, four.version + 1, LEA, "again")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"by": Person("v", Role.VIEWER)}, AccessRefused),
        ({"reason": "  "}, CaseRefused),
        ({"accounts": []}, UnknownName),
        ({"accounts": ["nobody"]}, UnknownName),
        ({"until": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, CaseRefused),
        ({"seen": Seen(1, 1)}, CaseChanged),
        ({"seen": Seen(99, 1)}, UnknownName),
        ({"seen": Seen(2, 1)}, CaseRefused),
    ],
)
def test_what_can_not_be_proposed(store: Store, change: dict, fault: type[StillwatchError]):
    """And nothing is kept of it."""
    told = {"seen": confirmed(store), "action": Action.DENY, "by": ANA, "reason": "x"}
    told |= {"accounts": None, "until": LATER}
    with pytest.raises(fault):
        propose(store, **(told | change))
    assert list_enforcements(store) == []


def test_accounts_that_joined_after_the_decision_are_not_covered(store: Store):
    """The second person signs for those that were looked at."""
    from stillwatch.cases import open_cases
    from tests import fabricated

    made = proposed(store)
    grown = fabricated.findings()
    members = grown.members.to_pylist()
    name = members[0]["campaign_id"]
    import pyarrow as pa

    from stillwatch import tables

    members.append({**members[0], "account_id": "acc-late"})
    open_cases(
        store,
        type(grown)(
            **{
                **grown.__dict__,
                "members": pa.Table.from_pylist(members, schema=tables.MEMBERS),
            }
        ),
        "root",
    )
    assert name == get_case(store, 1).campaign_id
    approve(store, 1, made.version, LEA, "yes")
    assert "acc-late" not in {d.account_id for d in decisions(store)}
    with pytest.raises(UnknownName):
        propose(store, get_case(store, 1).seen, Action.DENY, LEA, "x", ["acc-late"], LATER)


def test_two_at_once(store: Store):
    """One approves, the other is told that somebody was faster."""
    made = proposed(store)

    def act(change) -> str:
        try:
            return change(
                store, 1, made.version, LEA if change is approve else LEO, "at once"
            ).state
        except (CaseChanged, CaseRefused) as fault:
            return type(fault).__name__

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(act, [approve, decline]))
    assert found in (["CaseChanged", "declined"], ["CaseChanged", "in_force"])
