"""What is done to the accounts of a confirmed case: above a few of them, by two people.

An enforcement rests on the decision that it was proposed on. Where that falls (the case is
reopened, under appeal, or taken back), what was in force is suspended by itself (`suspending`), and
only a new approval, on a decision that covers the same accounts, brings it back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.access.people import Person
from stillwatch.cases.access.roles import Role, may
from stillwatch.cases.canonical import digest
from stillwatch.cases.case import Case, Seen
from stillwatch.cases.change import check_seen
from stillwatch.cases.enforced import (
    Decision,
    Enforcement,
    Standing,
    decisions,
    enforced_accounts,
    enforcement_history,
    find_enforcement,
    list_enforcements,
)
from stillwatch.cases.reading import find_case
from stillwatch.cases.schema import ENFORCED, ENFORCEMENTS, MEMBERS, account_key
from stillwatch.cases.states import State
from stillwatch.cases.store import Store
from stillwatch.cases.suspending import subject_of
from stillwatch.cases.texts import check_reason
from stillwatch.cases.times import now, stamp
from stillwatch.errors import AccessRefused, CaseChanged, CaseRefused, UnknownName
from stillwatch.ladder import Action

__all__ = [
    "ALONE",
    "Action",
    "Decision",
    "Enforcement",
    "Standing",
    "approve",
    "decisions",
    "decline",
    "enforced_accounts",
    "enforcement_history",
    "lift",
    "list_enforcements",
    "propose",
    "withdraw",
]

ALONE = 10
"""Accounts of a case up to which a lead may act without a second person: all such acts that are in
force count together, or many small ones would do what a large one may not."""


def propose(
    store: Store,
    seen: Seen,
    action: Action,
    by: Person,
    reason: str,
    accounts: Collection[str] | None,
    until: dt.datetime,
) -> Enforcement:
    """Ask for an action on accounts of a confirmed case: those named, or all that it covers.

    A lead's own is in force at once where it is about no more than `ALONE`. Raises what acts on
    cases do, `UnknownName` for an account that the decision doesn't cover, and `AccessRefused`.
    """
    reason, end = check_reason(reason), stamp(until)
    _refuse_less(by, Role.ANALYST)
    with store.writing() as connection:
        case, at = check_seen(connection, seen), now()
        if case.state != State.CONFIRMED or case.decided_seq is None:
            raise CaseRefused(case, f"is {case.state}", "Only confirmed cases are acted on")
        if end <= at:
            raise CaseRefused(
                case, "can't be acted on until a time that is past", "Say a later one"
            )
        rows = _covered(connection, case, accounts)
        number = (connection.scalar(select(func.max(ENFORCEMENTS.c.enforcement_id))) or 0) + 1
        keys = {row.account_key for row in rows}
        alone = may(by.role, Role.LEAD) and len(keys | _acted_on_alone(connection, case)) <= ALONE
        connection.execute(
            insert(ENFORCEMENTS).values(
                enforcement_id=number,
                case_id=case.case_id,
                version=1,
                state=Standing.IN_FORCE if alone else Standing.PROPOSED,
                action=action,
                reason=reason,
                accounts=len(rows),
                exchanges=sum(row.exchanges for row in rows),
                decided_seq=case.decided_seq,
                until=end,
                proposed_by=by.name,
                proposed_at=at,
                approved_by=by.name if alone else None,
                approved_at=at if alone else None,
            )
        )
        connection.execute(
            insert(ENFORCED),
            [
                {
                    "enforcement_id": number,
                    "account_key": row.account_key,
                    "account_id": row.account_id,
                }
                for row in rows
            ],
        )
        detail = {
            "case": case.case_id,
            "action": action,
            "accounts": len(rows),
            "accounts_digest": digest(sorted(keys)),
            "until": end,
            "in_force": alone,
            "reason": reason,
            "version": 1,
        }
        ledger.append(connection, at, by.name, "propose", subject_of(number), detail)
        return find_enforcement(connection, number)


def approve(store: Store, enforcement_id: int, seen: int, by: Person, reason: str) -> Enforcement:
    """Be the second person: it is in force from now on.

    Raises `AccessRefused` for whoever proposed it and for less than a lead, `CaseChanged` where
    somebody was faster, `CaseRefused` where it doesn't wait or no decision carries it.
    """
    with _changing(store, enforcement_id, seen, by, Role.LEAD, reason) as change:
        found = change.found
        change.must_be(Standing.PROPOSED, Standing.SUSPENDED)
        if by.name == found.proposed_by:
            raise AccessRefused(found, "was proposed by you", "Somebody else must approve it")
        case = find_case(change.connection, found.case_id)
        if case.outcome != State.CONFIRMED:
            raise CaseRefused(case, f"is {case.state}", "Only confirmed cases are acted on")
        mine = ENFORCED.c.enforcement_id == found.enforcement_id
        about = set(change.connection.scalars(select(ENFORCED.c.account_key).where(mine)))
        left = about - {row.account_key for row in _covered(change.connection, case, None)}
        if left:
            raise CaseRefused(
                found,
                f"is about {len(left):,} accounts that the decision doesn't cover any more",
                "Decline it, and propose a new one",
            )
        change.to(
            "approve",
            Standing.IN_FORCE,
            approved_by=by.name,
            approved_at=change.at,
            decided_seq=case.decided_seq,
        )
    return change.found


def decline(store: Store, enforcement_id: int, seen: int, by: Person, reason: str) -> Enforcement:
    """Say no; raises as `approve` does."""
    with _changing(store, enforcement_id, seen, by, Role.LEAD, reason) as change:
        change.must_be(Standing.PROPOSED, Standing.SUSPENDED)
        change.to("decline", Standing.DECLINED)
    return change.found


def withdraw(store: Store, enforcement_id: int, seen: int, by: Person, reason: str) -> Enforcement:
    """Take one's own proposal back; raises as `approve` does."""
    with _changing(store, enforcement_id, seen, by, Role.ANALYST, reason) as change:
        change.must_be(Standing.PROPOSED)
        if by.name != change.found.proposed_by:
            raise AccessRefused(change.found, "was proposed by somebody else", "A lead can decline")
        change.to("withdraw", Standing.WITHDRAWN)
    return change.found


def lift(store: Store, enforcement_id: int, seen: int, by: Person, reason: str) -> Enforcement:
    """End one that is in force; raises as `approve` does."""
    with _changing(store, enforcement_id, seen, by, Role.LEAD, reason) as change:
        change.must_be(Standing.IN_FORCE, Standing.SUSPENDED)
        change.to("lift", Standing.LIFTED)
    return change.found


def _covered(connection: Connection, case: Case, accounts: Collection[str] | None) -> list[Any]:
    """Rows of the accounts that the decision covers, one each: all, or those named."""
    here = (MEMBERS.c.case_id == case.case_id) & (MEMBERS.c.added_seq <= case.decided_seq)
    rows = connection.execute(
        select(
            MEMBERS.c.account_key,
            func.min(MEMBERS.c.account_id).label("account_id"),
            func.sum(MEMBERS.c.exchanges).label("exchanges"),
        )
        .where(here)
        .group_by(MEMBERS.c.account_key)
        .order_by(MEMBERS.c.account_key)
    ).all()
    if accounts is None:
        if not rows:
            raise CaseRefused(case, "covers no account", "There is nobody to act on")
        return [*rows]
    wanted = {account_key(account): account for account in accounts}
    missing = sorted(wanted[key] for key in wanted.keys() - {row.account_key for row in rows})
    if missing or not wanted:
        name = missing[0] if missing else ""
        raise UnknownName(case, f"covers no account {name!r}", "Name accounts that it covers")
    return [row for row in rows if row.account_key in wanted]


def _acted_on_alone(connection: Connection, case: Case) -> set[str]:
    """Keys of the case's accounts for which something is in force that one person signed for."""
    lone = (
        (ENFORCEMENTS.c.case_id == case.case_id)
        & (ENFORCEMENTS.c.state == Standing.IN_FORCE)
        & (ENFORCEMENTS.c.approved_by == ENFORCEMENTS.c.proposed_by)
        & (ENFORCEMENTS.c.until > now())
    )
    numbers = select(ENFORCEMENTS.c.enforcement_id).where(lone)
    held = select(ENFORCED.c.account_key).where(ENFORCED.c.enforcement_id.in_(numbers))
    return set(connection.scalars(held))


def _refuse_less(by: Person, least: Role) -> None:
    if not may(by.role, least):
        raise AccessRefused(by.name, f"is {by.role}", f"This needs the role {least}")


class _Change:
    """One act on an enforcement, inside the transaction that writes."""

    def __init__(
        self, connection: Connection, found: Enforcement, by: Person, reason: str, at: str
    ) -> None:
        self.connection, self.found, self.at = connection, found, at
        self._by, self._reason = by, reason

    def must_be(self, *allowed: Standing) -> None:
        """Raise `CaseRefused` where it stands otherwise."""
        if self.found.state not in allowed:
            raise CaseRefused(
                self.found,
                f"is {self.found.state.replace('_', ' ')}",
                "Look at it again",
            )

    def to(self, act: str, state: Standing, **columns: Any) -> None:
        """Write the new standing and the ledger's entry."""
        number, version = self.found.enforcement_id, self.found.version + 1
        self.connection.execute(
            update(ENFORCEMENTS)
            .where(ENFORCEMENTS.c.enforcement_id == number)
            .values(version=version, state=state, **columns)
        )
        detail = {
            "case": self.found.case_id,
            "from": self.found.state,
            "to": state,
            "accounts": self.found.accounts,
            "reason": self._reason,
            "version": version,
        }
        ledger.append(self.connection, self.at, self._by.name, act, subject_of(number), detail)
        self.found = find_enforcement(self.connection, number)


@contextmanager
def _changing(
    store: Store, enforcement_id: int, seen: int, by: Person, least: Role, reason: str
) -> Iterator[_Change]:
    reason = check_reason(reason)
    _refuse_less(by, least)
    with store.writing() as connection:
        found = find_enforcement(connection, enforcement_id)
        if found.version != seen:
            last = list(ledger.entries(connection, subject_of(enforcement_id)))[-1]
            raise CaseChanged(
                found,
                f"{last.actor} changed it at {last.at} ({last.act}; it is at version "
                f"{found.version} now, this act is based on {seen}), and nothing was done",
                "Look at it again, and act if it still holds",
            )
        yield _Change(connection, found, by, reason, now())
