"""What reviewers do: states and their table, undo, tags, snooze, labels, hostile text."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import pytest

from stillwatch.cases import (
    Case,
    Seen,
    State,
    Store,
    assign,
    case_accounts,
    change_state,
    comment,
    get_case,
    history,
    labels,
    snooze,
    tag,
    undo,
    untag,
)
from stillwatch.cases.states import TRANSITIONS
from stillwatch.errors import CaseChanged, CaseRefused, UnknownName
from tests.cases.checking import check

ROADS = {
    State.NEW: [],
    State.IN_REVIEW: [State.IN_REVIEW],
    State.CONFIRMED: [State.IN_REVIEW, State.CONFIRMED],
    State.REJECTED: [State.IN_REVIEW, State.REJECTED],
    State.APPEALED: [State.IN_REVIEW, State.CONFIRMED, State.APPEALED],
    State.CLOSED: [State.IN_REVIEW, State.CONFIRMED, State.CLOSED],
}


def walk(store: Store, case_id: int, *states: State) -> Case:
    """Take a case through states."""
    case = get_case(store, case_id)
    for state in states:
        case = change_state(store, case.seen, state, "ana", f"to {state}")
    return case


@pytest.mark.parametrize("state", State)
def test_states_and_their_table(store: Store, state: State, tmp_path: Path) -> None:
    """From each state, what the table allows is done, and all else refused without a trace."""
    case = walk(store, 1, *ROADS[state])
    assert case.state == state
    for to in State:
        if to in TRANSITIONS[state]:
            done = change_state(store, case.seen, to, "ana", "try")
            assert done.state == to
            back = undo(store, done.seen, "bela", "untry")
            assert (back.state, back.outcome) == (case.state, case.outcome)
            case = back
        else:
            with pytest.raises(CaseRefused, match=f"is {state} and can't become {to}"):
                change_state(store, case.seen, to, "ana", "try")
    check(store, tmp_path)


def test_undo_is_an_act(store: Store) -> None:
    """It adds to the history, gives the outcome back, and can be undone."""
    case = walk(store, 1, State.IN_REVIEW, State.CONFIRMED)
    decided = labels(store)
    assert len(decided) == 210
    case = undo(store, case.seen, "bela", "wrong case")
    assert (case.state, labels(store)) == (State.IN_REVIEW, [])
    case = undo(store, case.seen, "bela", "right after all")
    assert (case.state, labels(store)) == (State.CONFIRMED, decided)
    acts = [entry.act for entry in history(store, 1)]
    assert acts == ["open", "review", "confirm", "undo", "undo"]
    with pytest.raises(CaseRefused, match="never changed"):
        undo(store, get_case(store, 2).seen, "bela", "nothing")


def test_labels(store: Store) -> None:
    """Decisions that stand, with who and when; not under appeal, still when closed."""
    assert labels(store) == []
    case = walk(store, 3, State.IN_REVIEW, State.REJECTED)
    walk(store, 2, State.IN_REVIEW, State.CONFIRMED, State.APPEALED)
    found = labels(store)
    assert [label.account_id for label in found] == case_accounts(store, 3)
    assert {(label.outcome, label.by, label.at) for label in found} == {
        ("rejected", "ana", case.changed_at)
    }
    walk(store, 3, State.CLOSED)
    assert labels(store) == found
    walk(store, 2, State.CONFIRMED)
    assert len(labels(store)) == 18 + 48


def test_small_acts(store: Store, tmp_path: Path) -> None:
    """Assignment, comments, tags, snooze."""
    case = assign(store, get_case(store, 1).seen, " ana ", "ana")
    case = tag(store, case.seen, "urgent", "ana")
    case = tag(store, case.seen, "coding", "ana")
    case = comment(store, case.seen, "look\nhere", "ana")
    case = snooze(store, case.seen, dt.datetime(2030, 1, 1, tzinfo=dt.UTC), "ana")
    assert (case.assignee, case.tags) == ("ana", ("coding", "urgent"))
    assert case.snoozed_until == "2030-01-01T00:00:00.000000Z"
    for refused, name in ((tag, "urgent"), (untag, "other")):
        with pytest.raises(CaseRefused):
            refused(store, case.seen, name, "ana")
    case = untag(store, case.seen, "urgent", "ana")
    case = assign(store, case.seen, None, "ana")
    assert (case.assignee, case.tags) == (None, ("coding",))
    assert [entry.detail.get("text") for entry in history(store, 1)][4] == "look\nhere"
    case = change_state(store, case.seen, State.IN_REVIEW, "ana", "now")
    assert case.snoozed_until is None
    case = change_state(store, case.seen, State.CONFIRMED, "ana", "now")
    with pytest.raises(CaseRefused, match="Only open cases"):
        snooze(store, case.seen, dt.datetime(2030, 1, 1, tzinfo=dt.UTC), "ana")
    check(store, tmp_path)


def test_a_stale_version(store: Store) -> None:
    """Says who, when, what, and what to do; and does nothing."""
    seen = get_case(store, 1).seen
    done = assign(store, seen, "ana", "ana")
    with pytest.raises(CaseChanged) as refused:
        comment(store, seen, "late", "bela")
    words = str(refused.value)
    for part in ("case 1", "ana changed it", done.changed_at, "assign", "cases show 1"):
        assert part in words
    assert get_case(store, 1) == done
    with pytest.raises(CaseChanged):
        comment(store, Seen(1, 99), "early", "bela")


@pytest.mark.parametrize("number", [0, -1, 4, 2**31, 10**30])
def test_no_such_case(store: Store, number: int) -> None:
    """Any number."""
    with pytest.raises(UnknownName, match="Cases go from 1 to 3"):
        comment(store, Seen(number, 1), "x", "ana")


HOSTILE = [
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\x1b]0;owned\x07\x1b[2J",
    "'; drop table ledger; --",
    "=cmd|' /C calc'!A0",
    "é" * 64,
    "\\0 \\x00 \\",
    "a\u0300\u0301\u0302\u0303\u0304\u0305",
]
REFUSED = ["", " \n", "a\0b", "\ud800", "x" * 1_000_000]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_kept_letter_for_letter(store: Store, text: str, tmp_path: Path) -> None:
    """In every field that people write."""
    case = assign(store, get_case(store, 1).seen, text, text)
    case = tag(store, case.seen, text[:64], text)
    case = comment(store, case.seen, text, text)
    case = change_state(store, case.seen, State.IN_REVIEW, text, text)
    assert (case.assignee, case.tags, case.changed_by) == (text, (text[:64],), text)
    past = list(history(store, 1))
    assert past[-1].detail["reason"] == past[-2].detail["text"] == text
    check(store, tmp_path)
    assert (tmp_path / "ledger.jsonl").read_bytes().isascii()
    assert b"\x1b" not in (tmp_path / "ledger.jsonl").read_bytes()


@pytest.mark.parametrize("text", REFUSED, ids=["empty", "blank", "nul", "surrogate", "megabyte"])
def test_text_that_is_refused(store: Store, text: str, tmp_path: Path) -> None:
    """In every field that people write, with a reason, and nothing is done."""
    seen = get_case(store, 1).seen
    for refused in (
        lambda: assign(store, seen, text, "ana"),
        lambda: assign(store, seen, "ana", text),
        lambda: tag(store, seen, text, "ana"),
        lambda: untag(store, seen, text, "ana"),
        lambda: comment(store, seen, text, "ana"),
        lambda: change_state(store, seen, State.IN_REVIEW, "ana", text),
        lambda: undo(store, seen, "ana", text),
    ):
        with pytest.raises(CaseRefused, match=r"is empty|NUL|surrogate|1,000,000 characters"):
            refused()
    assert check(store, tmp_path) == 3


def test_the_table_reaches_every_state() -> None:
    """And leaves every state."""
    reached = set(itertools.chain.from_iterable(TRANSITIONS.values())) | {State.NEW}
    assert reached == set(State) == {state for state in State if TRANSITIONS[state]}
