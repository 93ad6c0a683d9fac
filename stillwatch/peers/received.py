"""What peers told, as it is kept: pending until a person takes it in, disputed when one must.

What we pull from a peer that somebody here added is evidence at once. What a peer sends us of its
own accord waits for a person. Both can be disputed later, one object or a peer as a whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.schema import PEER_PULLS, PEERS, TOLD_BY_PEERS
from stillwatch.cases.store import Store
from stillwatch.cases.texts import check_actor, check_reason
from stillwatch.cases.times import now, stamp
from stillwatch.errors import PeerRefused
from stillwatch.peers.objects import StixObject
from stillwatch.peers.registry import Peer, subject_of

MOST_PENDING = 5_000
"""Objects of one peer that may wait for a person."""
MOST_KEPT = 100_000
"""Objects of one peer that are kept."""


class State(StrEnum):
    """Where an object stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DISPUTED = "disputed"


@dataclass(frozen=True)
class Told:
    """One object that a peer told; times are text, UTC, and `body` is its JSON."""

    peer: str
    object_id: str
    version: str
    type: str
    body: str
    came_by: str
    received_at: str
    state: State
    decided_by: str | None
    reason: str | None

    @classmethod
    def of(cls, row: Row) -> Told:
        """The object of a row of the table."""
        fields = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**fields, "state": State(row.state)})


def keep_pulled(
    store: Store, peer: Peer, collection: str, objects: Iterable[StixObject], reached: str
) -> int:
    """Keep a page that was pulled, with how far that goes: how many objects are new.

    Whole or not at all, so that a pull that is killed goes on where it was. A new version of an
    object that is disputed here is disputed too. Raises `PeerRefused` where it would be too many.
    """
    with store.writing() as connection:
        new = _keep(connection, peer, objects, "pull", State.ACCEPTED, MOST_KEPT)
        mine = and_(PEER_PULLS.c.peer == peer.name, PEER_PULLS.c.collection == collection)
        connection.execute(delete(PEER_PULLS).where(mine))
        connection.execute(
            insert(PEER_PULLS).values(
                peer=peer.name, collection=collection, added_after=reached, pulled_at=now()
            )
        )
        if new:
            detail = {"collection": collection, "objects": new, "reached": reached}
            ledger.append(connection, now(), peer.name, "peer_pull", str(peer), detail)
    return new


def keep_posted(store: Store, peer: Peer, objects: list[StixObject]) -> int:
    """Keep what a peer sent, for a person to look at: how many objects are new.

    Raises `PeerRefused` where too many of it wait already.
    """
    with store.writing() as connection:
        new = _keep(connection, peer, objects, "post", State.PENDING, MOST_PENDING)
        if new:
            detail = {"objects": new}
            ledger.append(connection, now(), peer.name, "peer_post", str(peer), detail)
    return new


def reached(store: Store, peer: Peer, collection: str) -> str | None:
    """How far a collection was pulled."""
    mine = and_(PEER_PULLS.c.peer == peer.name, PEER_PULLS.c.collection == collection)
    with store.reading() as connection:
        return connection.scalar(select(PEER_PULLS.c.added_after).where(mine))


def told(store: Store, peer: str | None = None, state: State | None = None) -> list[Told]:
    """What was told, by peer and time."""
    fields = TOLD_BY_PEERS.c
    wanted = select(TOLD_BY_PEERS).order_by(
        fields.peer, fields.received_at, fields.object_id, fields.version
    )
    if peer is not None:
        wanted = wanted.where(fields.peer == peer)
    if state is not None:
        wanted = wanted.where(fields.state == state)
    with store.reading() as connection:
        return [Told.of(row) for row in connection.execute(wanted)]


def count_told(store: Store) -> dict[str, dict[str, int]]:
    """How many objects each peer told, by where they stand."""
    fields = TOLD_BY_PEERS.c
    counted = select(fields.peer, fields.state, func.count().label("objects"))
    out: dict[str, dict[str, int]] = {}
    with store.reading() as connection:
        for row in connection.execute(counted.group_by(fields.peer, fields.state)):
            out.setdefault(row.peer, {})[row.state] = row.objects
    return out


def evidence(store: Store, until: dt.datetime | None = None) -> list[Told]:
    """What counts: accepted, of peers that are believed, of each object only the latest version.

    A latest version that was declined or disputed leaves nothing of the object. With `until`, only
    what had come by then.
    """
    fields = TOLD_BY_PEERS.c
    believed = select(PEERS.c.name).where(PEERS.c.disputed_at.is_(None))
    wanted = (
        select(TOLD_BY_PEERS)
        .where(fields.peer.in_(believed), fields.state != State.PENDING)
        .order_by(fields.peer, fields.object_id, fields.version)
    )
    if until is not None:
        wanted = wanted.where(fields.received_at <= stamp(until))
    latest: dict[tuple[str, str], Told] = {}
    with store.reading() as connection:
        for row in connection.execute(wanted):
            latest[row.peer, row.object_id] = Told.of(row)
    return [one for one in latest.values() if one.state == State.ACCEPTED]


def decide(
    store: Store, peer: str, object_id: str | None, to: State, reason: str, actor: str
) -> int:
    """Accept or decline what waits, dispute what was accepted, or take a dispute back: how many.

    Of all that a peer told, or of one object in all its versions. Raises `PeerRefused` where there
    is nothing of it that this can be done to.
    """
    reason, actor = check_reason(reason), check_actor(actor)
    fields, at = TOLD_BY_PEERS.c, now()
    mine = and_(fields.peer == peer, fields.state.in_(_FROM[to]))
    if object_id is not None:
        mine = and_(mine, fields.object_id == object_id)
    with store.writing() as connection:
        done = connection.execute(
            update(TOLD_BY_PEERS)
            .where(mine)
            .values(state=to, decided_at=at, decided_by=actor, reason=reason)
        ).rowcount
        if not done:
            what = "told nothing" if object_id is None else f"told no {object_id}"
            raise PeerRefused(
                peer,
                f"{what} that can be {to}",
                "Look at what it told with `stillwatch peers told`",
            )
        detail = {"object": object_id, "objects": done, "reason": reason}
        ledger.append(connection, at, actor, f"peer_object_{to}", subject_of(peer), detail)
    return done


_FROM = {
    State.ACCEPTED: (State.PENDING, State.DISPUTED),
    State.DECLINED: (State.PENDING,),
    State.DISPUTED: (State.ACCEPTED,),
}
"""The states that lead to each."""


def take_back(store: Store, peer: Peer, object_id: str) -> bool:
    """Take back what a peer itself posted and nobody has looked at; whether there was any."""
    fields = TOLD_BY_PEERS.c
    mine = and_(
        fields.peer == peer.name,
        fields.object_id == object_id,
        fields.came_by == "post",
        fields.state == State.PENDING,
    )
    with store.writing() as connection:
        done = connection.execute(delete(TOLD_BY_PEERS).where(mine)).rowcount
        if done:
            detail = {"object": object_id, "objects": done}
            ledger.append(connection, now(), peer.name, "peer_take_back", str(peer), detail)
    return done > 0


def _keep(
    connection: Connection,
    peer: Peer,
    objects: Iterable[StixObject],
    came_by: str,
    state: State,
    most: int,
) -> int:
    fields, at = TOLD_BY_PEERS.c, now()
    mine = fields.peer == peer.name
    counted = mine if state == State.ACCEPTED else and_(mine, fields.state == state)
    kept = connection.scalar(select(func.count()).select_from(TOLD_BY_PEERS).where(counted)) or 0
    new = 0
    for one in objects:
        same = and_(mine, fields.object_id == one.id)
        known = connection.execute(select(fields.version, fields.state).where(same)).all()
        if one.version in {row.version for row in known}:
            continue
        if kept + new >= most:
            raise PeerRefused(
                peer.name, f"told {most:,} objects already", "Decide on those, or remove the peer"
            )
        disputed = any(row.state == State.DISPUTED for row in known)
        connection.execute(
            insert(TOLD_BY_PEERS).values(
                peer=peer.name,
                object_id=one.id,
                version=one.version,
                type=one.type,
                body=one.body,
                came_by=came_by,
                received_at=at,
                state=State.DISPUTED if disputed else state,
            )
        )
        new += 1
    return new
