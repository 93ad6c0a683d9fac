"""An account leaves the store: rows of it go, and texts that name it lose the name.

The ledger is append-only and people write into it, so it is redacted: the words that name the
account are replaced in place, the entry keeps its hash, and one more entry, `redact`, says which
was touched and digests what it says now. The chain stays whole, and nothing else can be changed
under this cover (`verify`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from stillwatch.cases import ledger
from stillwatch.cases.canonical import canonical, digest
from stillwatch.cases.change import Change, totals
from stillwatch.cases.reading import find_case
from stillwatch.cases.schema import (
    CASES,
    ENFORCED,
    ENFORCEMENTS,
    LEDGER,
    MEMBERS,
    PEERS,
    REVERSALS,
    SHARES,
    TOLD_BY_PEERS,
    account_key,
)
from stillwatch.cases.store import Store
from stillwatch.cases.texts import check_actor, check_reason
from stillwatch.cases.times import now

FORGOTTEN = "[forgotten]"
"""What stands in the ledger where an account stood; its guards know it."""

Hide = Callable[[str], str]
"""Takes the account's names out of a text."""

_TEXTS = (
    (CASES, "summary"),
    (CASES, "tags"),
    (ENFORCEMENTS, "reason"),
    (REVERSALS, "reason"),
    (SHARES, "reason"),
    (PEERS, "reason"),
    (TOLD_BY_PEERS, "reason"),
)


def find_forgotten(store: Store, accounts: Collection[str], hide: Hide) -> dict[str, int]:
    """What `forget_accounts` would touch: rows by table."""
    keys = [account_key(account) for account in accounts]
    with store.reading() as connection:
        found = {
            table.name: len(connection.execute(select(table).where(_theirs(table, keys))).all())
            for table in (MEMBERS, ENFORCED, REVERSALS)
        }
        found["ledger"] = sum(
            _redacted(entry.detail, keys, hide) != entry.detail
            for entry in ledger.entries(connection)
        )
    return {name: count for name, count in found.items() if count}


def forget_accounts(
    store: Store, accounts: Collection[str], hide: Hide, actor: str, reason: str
) -> dict[str, int]:
    """Take accounts out of every case, enforcement and reversal, and out of the ledger's texts.

    What is in force for them ends. One transaction; the rows touched, by table. Raises
    `CaseRefused` where actor or reason can't be kept.
    """
    actor, reason, at = check_actor(actor), check_reason(reason), now()
    keys = [account_key(account) for account in accounts]
    with store.writing() as connection:
        mine = select(MEMBERS.c.case_id).where(MEMBERS.c.account_key.in_(keys)).distinct()
        cases = sorted(connection.scalars(mine))
        done = {
            table.name: connection.execute(delete(table).where(_theirs(table, keys))).rowcount
            for table in (MEMBERS, ENFORCED, REVERSALS)
        }
        for case_id in cases:
            figures, who = totals(connection, case_id)
            change = Change(connection, find_case(connection, case_id), actor, at)
            detail = {"reason": reason, "accounts": figures["accounts"], "accounts_digest": who}
            change.record("forget", detail, **figures)
        for table, column in _TEXTS:
            done[table.name] = done.get(table.name, 0) + _hide_in(connection, table, column, hide)
        done["ledger"] = _redact(connection, keys, hide, actor, reason, at)
    return {name: count for name, count in done.items() if count}


def _theirs(table: Table, keys: list[str]) -> Any:
    return table.c.account_key.in_(keys)


def _hide_in(connection: Connection, table: Table, column: str, hide: Hide) -> int:
    primary = tuple(table.primary_key.columns)
    changed = 0
    written = select(table.c[column], *primary).where(table.c[column].is_not(None))
    for text, *row in connection.execute(written).all():
        kept = hide(text)
        if kept != text:
            changed += 1
            same = [name == value for name, value in zip(primary, row, strict=True)]
            connection.execute(update(table).where(*same).values({column: kept}))
    return changed


def _redact(
    connection: Connection, keys: list[str], hide: Hide, actor: str, reason: str, at: str
) -> int:
    touched = [
        (entry, kept)
        for entry in list(ledger.entries(connection))
        if (kept := _redacted(entry.detail, keys, hide)) != entry.detail
    ]
    for entry, kept in touched:
        connection.execute(
            update(LEDGER).where(LEDGER.c.seq == entry.seq).values(detail=canonical(kept))
        )
        detail = {"hash": entry.hash, "says": digest(kept), "reason": reason}
        ledger.append(connection, at, actor, ledger.REDACT, ledger.entry_named(entry.seq), detail)
    return len(touched)


def _redacted(value: Any, keys: list[str], hide: Hide) -> Any:
    if isinstance(value, str):
        for key in keys:
            value = value.replace(key, FORGOTTEN)
        return hide(value)
    if isinstance(value, dict):
        return {name: _redacted(item, keys, hide) for name, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, keys, hide) for item in value]
    return value
