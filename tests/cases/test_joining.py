"""Merging and splitting by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.cases import (
    Seen,
    State,
    Store,
    case_accounts,
    comment,
    get_case,
    history,
    labels,
    merge,
    open_cases,
    split,
)
from stillwatch.errors import CaseChanged, CaseRefused, UnknownName
from tests import fabricated
from tests.cases.checking import check
from tests.cases.test_acts import walk
from tests.cases.test_opening import with_members


def test_merge(store: Store, tmp_path: Path) -> None:
    """One case has it all, the other is closed and points to it; growth goes to the one."""
    both = sorted(case_accounts(store, 1) + case_accounts(store, 2))
    case = merge(store, Seen(2, 1), Seen(1, 1), "ana", "same works")
    assert (case.case_id, case.accounts, case.version) == (2, 258, 2)
    assert case_accounts(store, 2) == both
    emptied = get_case(store, 1)
    assert (emptied.state, emptied.merged_into, emptied.accounts) == (State.CLOSED, 2, 0)
    with pytest.raises(CaseRefused, match="was merged into case 2"):
        comment(store, emptied.seen, "x", "ana")
    assert open_cases(store, fabricated.findings(), "daily").unchanged == 3
    done = open_cases(store, with_members(fabricated.findings(), add=2), "daily")
    assert (done.updated, get_case(store, 2).accounts) == ([2], 260)
    walk(store, 2, State.IN_REVIEW, State.CONFIRMED)
    assert len(labels(store)) == 260
    check(store, tmp_path)


def test_merge_is_refused(store: Store, tmp_path: Path) -> None:
    """With itself, with what was decided, with what changed since."""
    case = walk(store, 3, State.IN_REVIEW, State.CONFIRMED)
    for seen, other in ((Seen(1, 1), Seen(1, 1)), (Seen(1, 1), case.seen), (case.seen, Seen(1, 1))):
        with pytest.raises(CaseRefused):
            merge(store, seen, other, "ana", "why")
    with pytest.raises(CaseChanged, match="case 3"):
        merge(store, Seen(1, 1), Seen(3, 1), "ana", "why")
    assert check(store, tmp_path) == 5


def test_split(store: Store, tmp_path: Path) -> None:
    """The accounts have a case of their own, and stay in it as the campaign grows."""
    accounts = case_accounts(store, 1)
    left, right = split(store, Seen(1, 1), accounts[:7], "ana", "a class")
    assert (left.accounts, right.accounts, right.case_id) == (203, 7, 4)
    assert case_accounts(store, 4) == accounts[:7]
    assert right.state == State.NEW
    assert [entry.act for entry in history(store, 4)] == ["split_off"]
    open_cases(store, with_members(fabricated.findings(), add=2), "daily")
    assert [get_case(store, at).accounts for at in (1, 4)] == [205, 7]
    walk(store, 4, State.IN_REVIEW, State.REJECTED)
    assert [label.account_id for label in labels(store)] == accounts[:7]
    merged = merge(store, get_case(store, 1).seen, get_case(store, 2).seen, "ana", "one")
    assert merged.accounts == 253
    check(store, tmp_path)


def test_split_is_refused(store: Store, tmp_path: Path) -> None:
    """None, all, strangers, or of what was decided."""
    accounts = case_accounts(store, 1)
    for some in ([], accounts):
        with pytest.raises(CaseRefused, match="only lose some"):
            split(store, Seen(1, 1), some, "ana", "why")
    for stranger in ("nobody", "a\0", "\ud800"):
        with pytest.raises(UnknownName, match="holds no account"):
            split(store, Seen(1, 1), [accounts[0], stranger], "ana", "why")
    case = walk(store, 3, State.IN_REVIEW, State.CONFIRMED)
    with pytest.raises(CaseRefused, match="Reopen"):
        split(store, case.seen, case_accounts(store, 3)[:1], "ana", "why")
    assert check(store, tmp_path) == 5
