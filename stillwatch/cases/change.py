"""One act in progress: the case it is about, checked against what the actor saw.

An act is one transaction: the case's row and the ledger's entry are written together or not at
all. The row changes only where its version is still the one that was seen, and every act adds one
to it, so that a case's version is the number of its entries in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, select, update

from stillwatch.cases import ledger
from stillwatch.cases.canonical import digest
from stillwatch.cases.case import Case, Seen
from stillwatch.cases.reading import find_case
from stillwatch.cases.schema import CASES, LEDGER, MEMBERS
from stillwatch.cases.store import Store
from stillwatch.cases.suspending import suspend, take_back
from stillwatch.cases.texts import check_actor
from stillwatch.cases.times import now
from stillwatch.errors import CaseChanged, CaseRefused


class Change:
    """An act by `actor` on `case`, inside a transaction that holds the right to write."""

    def __init__(self, connection: Connection, case: Case, actor: str, at: str) -> None:
        self.connection, self.case, self.actor, self.at = connection, case, actor, at

    @property
    def seq(self) -> int:
        """The number that the act's entry in the ledger will have."""
        return (self.connection.scalar(select(func.max(LEDGER.c.seq))) or 0) + 1

    def record(self, act: str, detail: dict[str, Any], **columns: Any) -> Case:
        """Write the entry and the row's new `columns`; the case as it stands then."""
        case, version = self.case, self.case.version + 1
        subject = ledger.subject_of(case.case_id)
        told = {**detail, "version": version}
        ledger.append(self.connection, self.at, self.actor, act, subject, told)
        done = self.connection.execute(
            update(CASES)
            .where(CASES.c.case_id == case.case_id, CASES.c.version == case.version)
            .values(version=version, changed_at=self.at, changed_by=self.actor, **columns)
        )
        if done.rowcount != 1:
            raise _changed(self.connection, case.seen)
        self.case = find_case(self.connection, case.case_id)
        if case.outcome and self.case.decided_seq != case.decided_seq:
            suspend(self.connection, case.case_id, self.at, self.actor, act)
            take_back(self.connection, case.case_id, self.at, self.actor, act)
        return self.case


@contextmanager
def changing(store: Store, seen: Seen, actor: str) -> Iterator[Change]:
    """Begin an act on the case that was seen.

    Raises `UnknownName`, `CaseChanged` where somebody acted on it since, `CaseRefused` where it
    was merged into another.
    """
    actor = check_actor(actor)
    with store.writing() as connection:
        yield Change(connection, check_seen(connection, seen), actor, now())


def check_seen(connection: Connection, seen: Seen) -> Case:
    """The case that was seen, where it may still be acted on."""
    case = find_case(connection, seen.case_id)
    if case.version != seen.version:
        raise _changed(connection, seen)
    if case.merged_into is not None:
        raise CaseRefused(
            case, f"was merged into case {case.merged_into}", "Act on that one instead"
        )
    return case


def totals(connection: Connection, case_id: int) -> tuple[dict[str, Any], str]:
    """The figures of the accounts that a case holds, as columns, and a digest of who they are."""
    here = MEMBERS.c.case_id == case_id
    row = connection.execute(
        select(
            func.coalesce(func.sum(MEMBERS.c.exchanges), 0).label("exchanges"),
            func.min(MEMBERS.c.first_ts).label("first_ts"),
            func.max(MEMBERS.c.last_ts).label("last_ts"),
        ).where(here)
    ).one()
    keys = sorted(set(connection.scalars(select(MEMBERS.c.account_key).where(here))))
    figures = {
        "accounts": len(keys),
        "exchanges": int(row.exchanges),
        "first_ts": row.first_ts,
        "last_ts": row.last_ts,
    }
    return figures, digest(keys)


def _changed(connection: Connection, seen: Seen) -> CaseChanged:
    case = find_case(connection, seen.case_id)
    last = connection.scalar(
        select(LEDGER.c.act)
        .where(LEDGER.c.subject == ledger.subject_of(case.case_id))
        .order_by(LEDGER.c.seq.desc())
        .limit(1)
    )
    return CaseChanged(
        case,
        f"{case.changed_by} changed it at {case.changed_at} ({last}; it is at version "
        f"{case.version} now, this act is based on {seen.version}), and nothing was done",
        f"Look with `stillwatch cases show {case.case_id}`, and act again if it still holds",
    )
