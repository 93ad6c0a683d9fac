"""Shares: two people, one telling at a time, and nothing that a fallen decision still carries."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from stillwatch.cases import Case, State, Store, change_state, get_case, undo
from stillwatch.cases.access import Person, Role
from stillwatch.cases.shares import (
    Share,
    ShareState,
    approve_share,
    decline_share,
    get_share,
    name_of,
    propose_share,
    record_export,
    revoke_share,
    share_history,
    shared_content,
    withdraw_share,
)
from stillwatch.errors import (
    AccessRefused,
    CaseChanged,
    CaseRefused,
    LedgerBroken,
    UnknownName,
)

ANA, BO = Person("ana", Role.ANALYST), Person("bo", Role.ANALYST)
LEA, VI = Person("lea", Role.LEAD), Person("vi", Role.VIEWER)
TOLD: dict[str, Any] = {"indicators": [{"kind": "prefix"}], "tlp": "amber"}


@pytest.fixture
def case(store: Store) -> Case:
    """A confirmed case."""
    return _confirm(store, 1)


def _confirm(store: Store, number: int) -> Case:
    seen = get_case(store, number)
    if seen.state != State.IN_REVIEW:
        seen = change_state(store, seen.seen, State.IN_REVIEW, "ana", "look")
    return change_state(store, seen.seen, State.CONFIRMED, "ana", "twins")


def _propose(store: Store, case: Case, told: dict[str, Any] = TOLD) -> Share:
    return propose_share(store, case.seen, name_of(store, case.case_id), told, ANA, "peers")


def _approve(store: Store, share: Share) -> Share:
    return approve_share(store, share.share_id, share.version, share.digest[:12], LEA, "read it")


def test_a_second_person_approves(store: Store, case: Case) -> None:
    """The one who proposed can't, nor can who may not."""
    share = _propose(store, case)
    assert (share.state, share.indicators, share.tlp) == (ShareState.PROPOSED, 1, "amber")
    own = propose_share(store, case.seen, name_of(store, 1), TOLD, LEA, "mine")
    with pytest.raises(AccessRefused, match="proposed by you"):
        _approve(store, own)
    with pytest.raises(AccessRefused, match="needs the role lead"):
        approve_share(store, share.share_id, 1, share.digest, BO, "ok")
    with pytest.raises(AccessRefused, match="needs the role analyst"):
        propose_share(store, case.seen, "n", TOLD, VI, "ok")
    done = _approve(store, share)
    assert (done.state, done.approved_by) == (ShareState.APPROVED, "lea")
    assert [entry.act for entry in share_history(store, share.share_id)] == ["propose", "approve"]


def test_who_approves_names_what_they_looked_at(store: Store, case: Case) -> None:
    """By enough of its digest, and by its version."""
    share = _propose(store, case)
    for wrong in ("", share.digest[:11], "0" * 64):
        with pytest.raises(CaseRefused, match="something else"):
            approve_share(store, share.share_id, 1, wrong, LEA, "ok")
    with pytest.raises(CaseChanged):
        approve_share(store, share.share_id, 2, share.digest, LEA, "ok")
    assert get_share(store, share.share_id).state == ShareState.PROPOSED


def test_only_confirmed_cases_are_told_of(store: Store) -> None:
    """Not while a person still looks."""
    with pytest.raises(CaseRefused, match="Only confirmed cases"):
        _propose(store, get_case(store, 1))


def test_what_is_declined_or_withdrawn_stays_inside(store: Store, case: Case) -> None:
    """And can't be approved later."""
    declined, withdrawn = _propose(store, case), _propose(store, case)
    assert decline_share(store, declined.share_id, 1, LEA, "no").state == ShareState.DECLINED
    with pytest.raises(AccessRefused, match="somebody else"):
        withdraw_share(store, withdrawn.share_id, 1, BO, "no")
    assert withdraw_share(store, withdrawn.share_id, 1, ANA, "no").state == ShareState.WITHDRAWN
    for share in (declined, withdrawn):
        with pytest.raises(CaseRefused, match="Look at it again"):
            approve_share(store, share.share_id, 2, share.digest, LEA, "ok")
        with pytest.raises(CaseRefused, match="Only what was approved"):
            record_export(store, share.share_id, ANA, "stix", "0" * 64, 1)


def test_a_later_telling_replaces_the_earlier_under_the_same_name(store: Store, case: Case) -> None:
    """Peers know the campaign by one name as long as it is told of."""
    first = _approve(store, _propose(store, case))
    second = _approve(store, _propose(store, case, {**TOLD, "tlp": "green"}))
    assert first.name == second.name
    assert get_share(store, first.share_id).state == ShareState.REPLACED
    assert get_share(store, second.share_id).state == ShareState.APPROVED
    other = _confirm(store, 2)
    assert name_of(store, other.case_id) != first.name


def test_what_is_revoked_is_void_for_good(store: Store, case: Case) -> None:
    """What is told anew has another name; an open proposal under the old one can't go on."""
    share = _approve(store, _propose(store, case))
    open_one = _propose(store, case)
    assert revoke_share(store, share.share_id, 2, BO, "a class").state == ShareState.REVOKED
    with pytest.raises(CaseRefused, match="revoked since"):
        _approve(store, open_one)
    assert _approve(store, _propose(store, case)).name != share.name


@pytest.mark.parametrize("fall", ["review", "appeal", "undo"])
def test_what_is_told_falls_with_its_decision(store: Store, case: Case, fall: str) -> None:
    """Whichever way the decision falls; a new decision doesn't bring it back."""
    share, waits = _approve(store, _propose(store, case)), _propose(store, case)
    case = get_case(store, case.case_id)
    if fall == "undo":
        undo(store, case.seen, "ana", "too soon")
    else:
        to = State.IN_REVIEW if fall == "review" else State.APPEALED
        change_state(store, case.seen, to, "ana", "again")
    fallen = get_share(store, share.share_id)
    assert fallen.state == ShareState.REVOKED
    assert share_history(store, share.share_id)[-1].detail["because"] == fall
    with pytest.raises(CaseRefused, match="decision that is gone"):
        _approve(store, waits)
    if fall != "appeal":
        again = _confirm(store, case.case_id)
        assert get_share(store, share.share_id).state == ShareState.REVOKED
        assert _approve(store, _propose(store, again)).name != share.name


def test_what_somebody_wrote_into_the_database_does_not_leave(store: Store, case: Case) -> None:
    """Neither other content nor another digest passes: the ledger has what was proposed."""
    share = _approve(store, _propose(store, case))
    assert shared_content(store, share.share_id) == TOLD
    with store.writing() as connection:
        connection.execute(text("""update shares set told = '{"indicators":[],"tlp":"clear"}'"""))
    with pytest.raises(LedgerBroken, match="not what was proposed"):
        shared_content(store, share.share_id)
    with store.writing() as connection:
        connection.execute(text("update shares set told = '{'"))
    with pytest.raises(LedgerBroken):
        shared_content(store, share.share_id)


def test_an_export_is_in_the_ledger(store: Store, case: Case) -> None:
    """With the bytes that left."""
    share = _approve(store, _propose(store, case))
    record_export(store, share.share_id, BO, "stix", "ab" * 32, 17)
    last = share_history(store, share.share_id)[-1]
    assert (last.act, last.actor, last.detail["sha256"]) == ("export", "bo", "ab" * 32)
    with pytest.raises(UnknownName, match="They go from 1 to 1"):
        get_share(store, 2**70)
