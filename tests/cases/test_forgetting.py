"""Forgetting an account in the store, on both engines: the ledger loses words and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from stillwatch.cases import (
    State,
    Store,
    case_accounts,
    change_state,
    comment,
    export_ledger,
    get_case,
    history,
    verify,
)
from stillwatch.cases.access import Person, Role
from stillwatch.cases.forgetting import FORGOTTEN, find_forgotten, forget_accounts
from stillwatch.cases.schema import account_key
from stillwatch.cases.shares import get_share, name_of, propose_share
from stillwatch.errors import StoreBroken
from stillwatch.peers.registry import add_peer, dispute_peer
from tests.cases.checking import check


def test_an_account_is_forgotten(store: Store, tmp_path: Path) -> None:
    """Rows go, figures follow, words are replaced, and the ledger verifies."""
    who = case_accounts(store, 1)[0]
    before = get_case(store, 1)
    comment(store, before.seen, f"{who} once more; {account_key(who)}", "ana")

    def hide(words: str) -> str:
        return words.replace(who, FORGOTTEN)

    assert find_forgotten(store, [who], hide) == {"case_accounts": 1, "ledger": 1}
    done = forget_accounts(store, [who], hide, "dpo", "asked for")
    assert done == {"case_accounts": 1, "ledger": 1}
    after = get_case(store, 1)
    assert after.accounts == before.accounts - 1
    assert who not in case_accounts(store, 1)
    assert [e.act for e in history(store, 1)] == ["open", "comment", "forget"]
    assert list(history(store, 1))[1].detail["text"] == f"{FORGOTTEN} once more; {FORGOTTEN}"
    check(store, tmp_path)
    assert find_forgotten(store, [who], hide) == {}


def test_what_was_written_of_shares_and_peers_loses_the_name(store: Store, tmp_path: Path) -> None:
    """Reasons are texts of people, wherever they are kept."""
    who, ana = case_accounts(store, 1)[0], Person("ana", Role.LEAD)
    case = change_state(store, get_case(store, 1).seen, State.IN_REVIEW, "ana", "look")
    case = change_state(store, case.seen, State.CONFIRMED, "ana", "twins")
    told = {"indicators": [], "tlp": "amber"}
    share = propose_share(store, case.seen, name_of(store, 1), told, ana, f"as {who} says")
    add_peer(store, "al", None, None, "ana")
    dispute_peer(store, "al", f"they told of {who}", "ana")
    forget_accounts(store, [who], lambda words: words.replace(who, FORGOTTEN), "dpo", "asked for")
    assert get_share(store, share.share_id).reason == f"as {FORGOTTEN} says"
    out = tmp_path / "ledger.jsonl"
    _, head = export_ledger(store, out)
    assert verify(out, head).problems == []
    assert who not in out.read_text()
    with store.reading() as held:
        assert held.execute(text("select reason from peers")).scalar() == (
            f"they told of {FORGOTTEN}"
        )


@pytest.mark.parametrize(
    "change",
    [
        "detail = '{}'",
        f"detail = '{FORGOTTEN}', actor = 'eve'",
        f"detail = '{FORGOTTEN}', hash = 'x'",
        f"detail = '{FORGOTTEN}', seq = 99",
    ],
)
def test_nothing_else_can_be_changed(store: Store, change: str) -> None:
    """The database refuses whatever is not a redaction, and any removal."""
    for statement in (f"update ledger set {change} where seq = 1", "delete from ledger"):
        with pytest.raises((StoreBroken, DBAPIError), match="append-only"), store.writing() as held:
            held.execute(text(statement))


def test_a_redaction_that_nobody_told_is_found(store: Store, tmp_path: Path) -> None:
    """What the database lets through, the ledger doesn't, unless an entry says so."""
    with store.writing() as held:
        held.execute(text(f"update ledger set detail = '\"{FORGOTTEN}\"' where seq = 2"))
    with store.writing() as held:
        held.execute(text(f'update ledger set detail = \'{{"a":"{FORGOTTEN}"}}\' where seq = 2'))
    out = tmp_path / "ledger.jsonl"
    _, head = export_ledger(store, out)
    assert [problem.seq for problem in verify(out, head).problems] == [2]
