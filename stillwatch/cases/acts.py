"""What a reviewer does to one case. Every act names who acts and the version that they saw.

Each raises `CaseChanged` where somebody acted since, `UnknownName` where there is no such case, and
`CaseRefused` where its state doesn't allow the act or a text can't be kept; then nothing is done.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from sqlalchemy import exists, select

from stillwatch.cases.canonical import canonical
from stillwatch.cases.case import Case, Seen
from stillwatch.cases.change import Change, changing
from stillwatch.cases.schema import MEMBERS
from stillwatch.cases.states import ACTS, OUTCOMES, TRANSITIONS, UNDECIDED, State
from stillwatch.cases.store import Store
from stillwatch.cases.texts import NAME, PROSE, TAG, TAGS, check, check_reason
from stillwatch.cases.times import stamp
from stillwatch.errors import CaseRefused


def change_state(store: Store, seen: Seen, to: State, actor: str, reason: str) -> Case:
    """Review (also: reopen), confirm, reject, appeal or close a case, for a reason."""
    reason = check_reason(reason)
    with changing(store, seen, actor) as change:
        case = change.case
        if to not in TRANSITIONS[case.state]:
            allowed = ", ".join(sorted(ACTS[state] for state in TRANSITIONS[case.state]))
            raise CaseRefused(case, f"is {case.state} and can't become {to}", f"It can: {allowed}")
        standing: dict[str, Any] = {"state": to, "outcome": None, "decided_seq": None}
        if to in OUTCOMES:
            standing.update(outcome=to, decided_seq=change.seq, grown_since=None)
        elif to == State.CLOSED:
            standing.update(_standing(case), state=to)
        else:
            standing.update(grown_since=None)
        standing.update(snoozed_until=None)
        detail = {"from": case.state, "to": to, "reason": reason}
        return change.record(ACTS[to], detail, before=canonical(_standing(case)), **standing)


def undo(store: Store, seen: Seen, actor: str, reason: str) -> Case:
    """Return to the standing before the last change of state, by an act of its own.

    An undo is a change of state too: a second one brings back what the first took away.
    """
    reason = check_reason(reason)
    with changing(store, seen, actor) as change:
        case = change.case
        if case.before is None:
            raise CaseRefused(case, "its state was never changed", "There is nothing to undo")
        standing = json.loads(case.before)
        if standing["decided_seq"] is not None and _joined_since(change, standing["decided_seq"]):
            standing["grown_since"] = standing["grown_since"] or change.at
        detail = {"from": case.state, "to": standing["state"], "reason": reason}
        return change.record("undo", detail, before=canonical(_standing(case)), **standing)


def assign(store: Store, seen: Seen, to: str | None, actor: str) -> Case:
    """Give a case to somebody, or with None to nobody."""
    to = None if to is None else check(to, "the assignee's name", NAME)
    with changing(store, seen, actor) as change:
        return change.record("assign", {"from": change.case.assignee, "to": to}, assignee=to)


def comment(store: Store, seen: Seen, text: str, actor: str) -> Case:
    """Say something about a case; it is kept in the ledger and can't be taken back."""
    text = check(text, "the comment", PROSE)
    with changing(store, seen, actor) as change:
        return change.record("comment", {"text": text})


def tag(store: Store, seen: Seen, name: str, actor: str) -> Case:
    """Put a tag on a case."""
    name = check(name, "the tag", TAG)
    with changing(store, seen, actor) as change:
        tags = change.case.tags
        if name in tags:
            raise CaseRefused(change.case, "has that tag", "Nothing is to be done")
        if len(tags) >= TAGS:
            raise CaseRefused(change.case, f"has {TAGS} tags", "Take one off first")
        return change.record("tag", {"tag": name}, tags=canonical(sorted((*tags, name))))


def untag(store: Store, seen: Seen, name: str, actor: str) -> Case:
    """Take a tag off a case."""
    name = check(name, "the tag", TAG)
    with changing(store, seen, actor) as change:
        tags = [other for other in change.case.tags if other != name]
        if len(tags) == len(change.case.tags):
            raise CaseRefused(change.case, "has no such tag", "Look at the tags that it has")
        return change.record("untag", {"tag": name}, tags=canonical(tags))


def snooze(store: Store, seen: Seen, until: dt.datetime, actor: str) -> Case:
    """Let a case rest until a time, in an undecided state; a time that is past wakes it."""
    with changing(store, seen, actor) as change:
        if change.case.state not in UNDECIDED:
            raise CaseRefused(change.case, f"is {change.case.state}", "Only open cases can rest")
        when = stamp(until)
        return change.record("snooze", {"until": when}, snoozed_until=when)


def _joined_since(change: Change, seq: int) -> bool:
    later = exists().where(MEMBERS.c.case_id == change.case.case_id, MEMBERS.c.added_seq > seq)
    return bool(change.connection.scalar(select(later)))


def _standing(case: Case) -> dict[str, Any]:
    return {
        "state": case.state,
        "outcome": case.outcome,
        "decided_seq": case.decided_seq,
        "grown_since": case.grown_since,
    }
