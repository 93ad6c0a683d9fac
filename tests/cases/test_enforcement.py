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
    open_cases,
    split,
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
    enforced_accounts,
    enforcement_history,
    lift,
    list_enforcements,
    propose,
    withdraw,
)
from stillwatch.cases.schema import account_key
from stillwatch.errors import AccessRefused, CaseChanged, CaseRefused, StillwatchError, UnknownName
from tests import fabricated

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


@pytest.mark.parametrize("change", ["appeal", "reopen", "undo"])
def test_what_no_decision_carries_is_suspended(store: Store, change: str):
    """And comes back only by a new approval, on a decision that stands."""
    made = proposed(store)
    approve(store, 1, made.version, LEA, "yes")
    seen = get_case(store, 1).seen
    if change == "undo":
        undo(store, seen, "ana", "wrong case")
    else:
        to = {"appeal": State.APPEALED, "reopen": State.IN_REVIEW}[change]
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
    monkeypatch.setattr("stillwatch.cases.enforced.now", lambda: later.replace("+00:00", "Z"))
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
    past = enforcement_history(store, 1)
    assert [entry.detail["version"] for entry in past] == [1, 2]


def test_two_leads_approve_at_once(store: Store, address: str):
    """On connections of their own: one is told who was faster, when, and with what."""
    made = proposed(store)

    def act(by: Person) -> str:
        mine = Store.open(address)
        try:
            return approve(mine, 1, made.version, by, "at once").state
        except CaseChanged as fault:
            return str(fault)
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as pool:
        state, told = sorted(pool.map(act, [LEA, LEO]), reverse=True)
    (now,) = list_enforcements(store)
    assert (state, now.version) == ("in_force", 2)
    assert told.startswith(
        f"enforcement 1: {now.approved_by} changed it at {now.approved_at} (approve; it is at "
        "version 2 now"
    )


def test_a_case_that_is_closed_keeps_what_is_in_force(store: Store):
    """Its outcome stays, and so does what rests on it; also what waits may still be approved."""
    made = proposed(store)
    approve(store, 1, made.version, LEA, "yes")
    two = propose(store, get_case(store, 1).seen, Action.DENY, ANA, "worse", None, LATER)
    change_state(store, get_case(store, 1).seen, State.CLOSED, "ana", "all done")
    assert {d.action for d in decisions(store)} == {Action.THROTTLE}
    approve(store, 2, two.version, LEO, "yes")
    undo(store, get_case(store, 1).seen, "ana", "not yet")
    assert {d.action for d in decisions(store)} == {Action.DENY}
    change_state(store, get_case(store, 1).seen, State.APPEALED, "ana", "they asked")
    assert decisions(store) == []
    assert {e.state for e in list_enforcements(store)} == {"suspended"}


def test_a_decision_that_is_restored_restores_nothing_else(store: Store, tmp_path: Path):
    """An undo that is undone: the decision is the same, and still somebody has to approve."""
    made = proposed(store)
    approve(store, 1, made.version, LEA, "yes")
    for _ in range(2):
        undo(store, get_case(store, 1).seen, "ana", "wrong case, or not")
    assert get_case(store, 1).state == State.CONFIRMED
    assert decisions(store) == []
    past = [(e.act, e.actor, e.detail.get("because")) for e in enforcement_history(store, 1)]
    assert past[1:] == [("approve", "lea", None), ("suspend", "ana", "undo")]
    assert approve(store, 1, 3, LEO, "again").state == "in_force"
    assert len(decisions(store)) == made.accounts
    _, head = export_ledger(store, tmp_path / "out")
    assert verify(tmp_path / "out", head).problems == []


def test_accounts_that_left_the_case_are_not_acted_on(store: Store):
    """A proposal from before can't be approved on a decision that doesn't speak of all of them."""
    made = proposed(store)
    case = change_state(store, get_case(store, 1).seen, State.IN_REVIEW, "ana", "a class in it")
    freed = case_accounts(store, 1)[:7]
    kept, _ = split(store, case.seen, freed, "ana", "a class")
    change_state(store, kept.seen, State.CONFIRMED, "ana", "the others")
    with pytest.raises(CaseRefused, match="about 7 accounts that the decision doesn't cover"):
        approve(store, 1, made.version, LEA, "yes")
    assert decisions(store) == []
    fresh = propose(store, get_case(store, 1).seen, Action.DENY, ANA, "the rest", None, LATER)
    approve(store, 2, fresh.version, LEA, "yes")
    assert {d.account_id for d in decisions(store)}.isdisjoint(freed)


def test_many_small_acts_are_a_large_one(store: Store):
    """A lead can't take a case apart ten by ten; on the same accounts they may do more."""
    accounts = case_accounts(store, 1)
    proposed(store, LEA, accounts[:ALONE])
    seen = get_case(store, 1).seen
    more = propose(store, seen, Action.DENY, LEA, "more", accounts[ALONE : ALONE + 1], LATER)
    other = propose(store, seen, Action.DENY, LEO, "more", accounts[20:22], LATER)
    worse = propose(store, seen, Action.DENY, LEA, "worse", accounts[: ALONE - 1], LATER)
    assert [e.state for e in (more, other, worse)] == ["proposed", "proposed", "in_force"]
    lift(store, 1, 1, LEO, "enough")
    lift(store, 4, 1, LEO, "enough")
    alone = propose(store, seen, Action.DENY, LEA, "more", accounts[20:30], LATER)
    assert alone.state == "in_force"


def test_of_two_as_severe_the_longer_counts(store: Store):
    """Whichever was first."""
    some = case_accounts(store, 1)[:3]
    seen = confirmed(store)
    for days, accounts in ((5, some), (9, some[:2]), (7, some[1:])):
        until = LATER + dt.timedelta(days=days)
        propose(store, seen, Action.DENY, LEA, f"{days}", accounts, until)
    assert [d.reason for d in decisions(store)] == ["9", "9", "7"]


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 10**30])
def test_no_such_enforcement(store: Store, number: int):
    """Any number."""
    proposed(store)
    for act in (approve, decline, withdraw, lift):
        with pytest.raises(UnknownName, match="go from 1 to 1"):
            act(store, number, 1, LEA, "x")
    for read in (enforced_accounts, enforcement_history):
        with pytest.raises(UnknownName):
            read(store, number)


def test_hostile_accounts_are_kept_letter_for_letter(address: str):
    """Whatever a log calls them: NUL characters, backslashes, more than an index takes."""
    hostile = "\x1b[2J\0\\0<script>=cmd|'!A0\u202e" + "x" * 5_000
    store = Store.open(address, create=True)
    open_cases(store, fabricated.findings(hostile), "setup")
    made = proposed(store)
    approve(store, 1, made.version, LEA, "yes")
    found = [d.account_id for d in decisions(store)]
    assert found == case_accounts(store, 1) == enforced_accounts(store, 1)
    assert any("\0" in account for account in found)
    some = [account for account in found if "\0" in account][:1]
    one = propose(store, get_case(store, 1).seen, Action.SUSPEND, LEA, "x", some, LATER)
    assert (one.state, one.accounts) == ("in_force", 1)
    assert account_key(some[0]) != account_key(some[0].replace("\0", "\\0"))
    store.close()
