"""Statuses: what became of what a peer sent, for it to look up (TAXII 2.1, section 4.3.1)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, insert, select

from stillwatch.cases.schema import PEER_STATUSES
from stillwatch.cases.times import now

if TYPE_CHECKING:
    from stillwatch.cases.store import Store
    from stillwatch.peers.objects import StixObject
    from stillwatch.peers.registry import Peer

NO_ID = "unknown--00000000-0000-4000-8000-000000000000"
"""What an object is called that has no id of its own."""
MOST_KEPT = 1_000
"""Statuses of one peer that are kept; the oldest go."""
_WAITS = "kept until a person here has looked at it"


def keep(
    store: Store, peer: Peer, good: list[StixObject], bad: list[dict[str, str]]
) -> dict[str, Any]:
    """The status of one request, kept: objects that were taken, and those that weren't."""
    at, identity = now(), str(uuid.uuid4())
    document: dict[str, Any] = {
        "id": identity,
        "status": "complete",
        "request_timestamp": at,
        "total_count": len(good) + len(bad),
        "success_count": len(good),
        "failure_count": len(bad),
        "pending_count": 0,
    }
    if good:
        document["successes"] = [
            {"id": one.id, "version": one.version, "message": _WAITS} for one in good
        ]
    if bad:
        document["failures"] = [{**one, "version": at} for one in bad]
    with store.writing(lock_ledger=False) as connection:
        connection.execute(
            insert(PEER_STATUSES).values(
                status_id=identity, peer=peer.name, at=at, body=json.dumps(document)
            )
        )
        mine = PEER_STATUSES.c.peer == peer.name
        oldest = connection.scalar(
            select(PEER_STATUSES.c.at)
            .where(mine)
            .order_by(PEER_STATUSES.c.at.desc())
            .offset(MOST_KEPT)
            .limit(1)
        )
        if oldest is not None:
            connection.execute(
                delete(PEER_STATUSES).where(and_(mine, PEER_STATUSES.c.at <= oldest))
            )
    return document


def find(store: Store, peer: Peer, status_id: str) -> str | None:
    """The status of one of a peer's requests, as JSON."""
    if "\0" in status_id:
        return None
    mine = and_(PEER_STATUSES.c.status_id == status_id, PEER_STATUSES.c.peer == peer.name)
    with store.reading() as connection:
        return connection.scalar(select(PEER_STATUSES.c.body).where(mine))
