"""Shares as they stand: what is told to others about cases, and what was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select

from stillwatch.cases.canonical import digest
from stillwatch.cases.ledger import Entry, entries
from stillwatch.cases.schema import SHARES
from stillwatch.cases.store import Store
from stillwatch.cases.suspending import share_subject
from stillwatch.errors import LedgerBroken, UnknownName


class ShareState(StrEnum):
    """Where a share stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REPLACED = "replaced"
    REVOKED = "revoked"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Share:
    """One of them. `name` is what others know the campaign by; times are text, UTC."""

    share_id: int
    case_id: int
    version: int
    state: ShareState
    name: str
    digest: str
    indicators: int
    tlp: str
    reason: str
    decided_seq: int
    proposed_by: str
    proposed_at: str
    approved_by: str | None
    approved_at: str | None
    changed_at: str

    @classmethod
    def of(cls, row: Row[Any]) -> Share:
        """The share of a row of the table."""
        fields = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**fields, "state": ShareState(row.state)})

    def __str__(self) -> str:
        return f"share {self.share_id}"


def find_share(connection: Connection, share_id: int) -> Share:
    """The share of that number; raises `UnknownName`."""
    highest = connection.scalar(select(func.max(SHARES.c.share_id))) or 0
    # the comparison keeps numbers away from the database that no column can hold
    if not 0 < share_id <= highest:
        todo = f"They go from 1 to {highest}" if highest else "There are none yet"
        raise UnknownName(f"share {share_id}", "there is no such share", todo)
    found = select(SHARES).where(SHARES.c.share_id == share_id)
    return Share.of(connection.execute(found).one())


def get_share(store: Store, share_id: int) -> Share:
    """The share of that number; raises `UnknownName`."""
    with store.reading() as connection:
        return find_share(connection, share_id)


def list_shares(store: Store, case_id: int | None = None) -> list[Share]:
    """All of them, or those of a case, the earliest first."""
    rows = select(SHARES).order_by(SHARES.c.share_id)
    if case_id is not None:
        rows = rows.where(SHARES.c.case_id == case_id)
    with store.reading() as connection:
        return [Share.of(row) for row in connection.execute(rows)]


def shared_content(store: Store, share_id: int) -> dict[str, Any]:
    """What a share tells, as it was proposed.

    Raises `UnknownName`, and `LedgerBroken` where it is not what the ledger says was proposed.
    """
    with store.reading() as connection:
        share = find_share(connection, share_id)
        text = connection.scalar(select(SHARES.c.told).where(SHARES.c.share_id == share_id))
        first = next(entries(connection, share_subject(share_id)), None)
    try:
        told = json.loads(text or "")
        same = digest(told) == share.digest == (first.detail.get("digest") if first else None)
    except (ValueError, TypeError):
        told, same = {}, False
    if not same:
        raise LedgerBroken(
            share,
            "is not what was proposed: the ledger has another digest",
            "Look into who wrote to the database; nothing of it may leave",
        )
    return told


def share_history(store: Store, share_id: int) -> list[Entry]:
    """What the ledger has on a share, oldest first; raises `UnknownName`."""
    with store.reading() as connection:
        find_share(connection, share_id)
        return list(entries(connection, share_subject(share_id)))
