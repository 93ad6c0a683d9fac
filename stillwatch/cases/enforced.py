"""Enforcements as they stand, and what is in force for which account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select

from stillwatch.cases.ledger import Entry, entries
from stillwatch.cases.schema import ENFORCED, ENFORCEMENTS
from stillwatch.cases.store import Store
from stillwatch.cases.suspending import subject_of
from stillwatch.cases.times import now
from stillwatch.errors import UnknownName
from stillwatch.ladder import Action


class Standing(StrEnum):
    """Where an enforcement stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LIFTED = "lifted"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Enforcement:
    """One of them. `accounts` and `exchanges` are how much it is about; times are text, UTC."""

    enforcement_id: int
    case_id: int
    version: int
    state: Standing
    action: Action
    reason: str
    accounts: int
    exchanges: int
    until: str
    proposed_by: str
    proposed_at: str
    approved_by: str | None
    approved_at: str | None

    @classmethod
    def of(cls, row: Row[Any], at: str) -> Enforcement:
        """The enforcement of a row of the table, as it stands at a time."""
        fields = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        state = Standing(row.state)
        if state in {Standing.PROPOSED, Standing.IN_FORCE, Standing.SUSPENDED} and row.until <= at:
            state = Standing.EXPIRED
        return cls(**{**fields, "state": state, "action": Action(row.action)})

    def __str__(self) -> str:
        return f"enforcement {self.enforcement_id}"


class Decision(NamedTuple):
    """What is in force for one account."""

    account_id: str
    action: Action
    until: str
    since: str
    reason: str
    case_id: int
    enforcement_id: int
    proposed_by: str
    approved_by: str


def find_enforcement(connection: Connection, enforcement_id: int) -> Enforcement:
    """The enforcement of that number; raises `UnknownName`."""
    highest = connection.scalar(select(func.max(ENFORCEMENTS.c.enforcement_id))) or 0
    mine = ENFORCEMENTS.c.enforcement_id == enforcement_id
    # the comparison keeps numbers away from the database that no column can hold
    if not 0 < enforcement_id <= highest:
        todo = f"They go from 1 to {highest}" if highest else "There are none yet"
        raise UnknownName(f"enforcement {enforcement_id}", "there is no such enforcement", todo)
    return Enforcement.of(connection.execute(select(ENFORCEMENTS).where(mine)).one(), now())


def list_enforcements(store: Store) -> list[Enforcement]:
    """All of them, the latest first, as they stand now."""
    latest = ENFORCEMENTS.c.enforcement_id.desc()
    with store.reading() as connection:
        rows = connection.execute(select(ENFORCEMENTS).order_by(latest)).all()
    time = now()
    return [Enforcement.of(row, time) for row in rows]


def enforced_accounts(store: Store, enforcement_id: int) -> list[str]:
    """The ids of the accounts that an enforcement is about, in order; raises `UnknownName`."""
    with store.reading() as connection:
        find_enforcement(connection, enforcement_id)
        mine = ENFORCED.c.enforcement_id == enforcement_id
        return sorted(connection.scalars(select(ENFORCED.c.account_id).where(mine)))


def enforcement_history(store: Store, enforcement_id: int) -> list[Entry]:
    """What the ledger has on an enforcement, oldest first; raises `UnknownName`."""
    with store.reading() as connection:
        find_enforcement(connection, enforcement_id)
        return list(entries(connection, subject_of(enforcement_id)))


def decisions(store: Store) -> list[Decision]:
    """What is in force now, by account: the most severe of each, and of those the longest."""
    time = now()
    in_force = (ENFORCEMENTS.c.state == Standing.IN_FORCE) & (ENFORCEMENTS.c.until > time)
    with store.reading() as connection:
        rows = connection.execute(select(ENFORCEMENTS).where(in_force)).all()
        accounts = connection.execute(
            select(ENFORCED)
            .join(ENFORCEMENTS, ENFORCEMENTS.c.enforcement_id == ENFORCED.c.enforcement_id)
            .where(in_force)
        ).all()
    current = [Enforcement.of(row, time) for row in rows]
    current.sort(key=lambda e: (e.action.severity, e.until, e.enforcement_id))
    rank = {e.enforcement_id: i for i, e in enumerate(current)}
    found: dict[str, tuple[int, str]] = {}
    for row in accounts:
        mine = rank[row.enforcement_id], row.account_id
        found[row.account_key] = max(found.get(row.account_key, mine), mine)
    return sorted(_decision(account_id, current[at]) for at, account_id in found.values())


def _decision(account_id: str, of: Enforcement) -> Decision:
    return Decision(
        account_id,
        of.action,
        of.until,
        of.approved_at or "",
        of.reason,
        of.case_id,
        of.enforcement_id,
        of.proposed_by,
        of.approved_by or "",
    )
