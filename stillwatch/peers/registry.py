"""Who our peers are: where they tell from, what they come in with, and whether they are believed.

A peer's token opens the peers' service and nothing else: people's roles and tokens, by which the
console is used, are of another kind.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Row, delete, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.schema import PEER_PULLS, PEERS, TOLD_BY_PEERS
from stillwatch.cases.store import Store
from stillwatch.cases.texts import TAG, check, check_actor, check_reason
from stillwatch.cases.times import now, stamp
from stillwatch.errors import PeerRefused
from stillwatch.peers.addresses import checked_root

MOST_DAYS = 365
_MARK = "swp_"
"""How a peer's secret begins, so that scanners of code find one that was left there."""


@dataclass(frozen=True)
class Peer:
    """One peer; times are text, UTC. `url` is its API root, null where it only comes to us."""

    name: str
    url: str | None
    token_file: str | None
    token_until: str | None
    added_at: str
    added_by: str
    disputed_at: str | None
    disputed_by: str | None
    reason: str | None

    @classmethod
    def of(cls, row: Row) -> Peer:
        """The peer of a row of the table."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    @property
    def believed(self) -> bool:
        """Whether what it tells counts."""
        return self.disputed_at is None

    def __str__(self) -> str:
        return subject_of(self.name)


def subject_of(name: str) -> str:
    """How the ledger names a peer."""
    return f"peer {name}"


def add_peer(store: Store, name: str, url: str | None, token_file: Path | None, actor: str) -> Peer:
    """Get to know a peer; raises `PeerRefused` where the name is taken or the address is bad."""
    name, actor = check(name, "the peer's name", TAG), check_actor(actor)
    url = None if url is None else checked_root(url)
    kept = None if token_file is None else str(token_file.resolve())
    with store.writing() as connection:
        if _row(connection, name) is not None:
            raise PeerRefused(name, "is a peer already", "Choose another name, or remove it first")
        at = now()
        made = insert(PEERS).values(
            name=name, url=url, token_file=kept, added_at=at, added_by=actor
        )
        connection.execute(made)
        ledger.append(connection, at, actor, "add_peer", subject_of(name), {"url": url})
        return _found(connection, name)


def list_peers(store: Store) -> list[Peer]:
    """All peers, by name."""
    with store.reading() as connection:
        return [Peer.of(row) for row in connection.execute(select(PEERS).order_by(PEERS.c.name))]


def find_peer(store: Store, name: str) -> Peer:
    """A peer by name; raises `PeerRefused`."""
    with store.reading() as connection:
        return _found(connection, name)


def remove_peer(store: Store, name: str, actor: str) -> None:
    """Forget a peer and all that it told; the ledger keeps that it was there."""
    actor = check_actor(actor)
    with store.writing() as connection:
        _found(connection, name)
        told = connection.execute(delete(TOLD_BY_PEERS).where(TOLD_BY_PEERS.c.peer == name))
        connection.execute(delete(PEER_PULLS).where(PEER_PULLS.c.peer == name))
        connection.execute(delete(PEERS).where(PEERS.c.name == name))
        detail = {"objects": told.rowcount}
        ledger.append(connection, now(), actor, "remove_peer", subject_of(name), detail)


def admit(store: Store, name: str, days: int, actor: str) -> str:
    """Let a peer come in for so many days: its new secret, told this once; the old one ends."""
    actor = check_actor(actor)
    if not 1 <= days <= MOST_DAYS:
        raise PeerRefused(name, f"can't be admitted for {days} days", f"Say 1 to {MOST_DAYS}")
    secret = _MARK + secrets.token_urlsafe(32)
    until = stamp(dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    _change(
        store,
        name,
        actor,
        "admit_peer",
        {"until": until},
        token_digest=_digest(secret),
        token_until=until,
    )
    return secret


def shut_out(store: Store, name: str, actor: str) -> None:
    """End the token that a peer comes in with."""
    _change(store, name, actor, "shut_out_peer", {}, token_digest=None, token_until=None)


def dispute_peer(store: Store, name: str, reason: str, actor: str) -> None:
    """Believe nothing that a peer told or tells, for a reason."""
    reason, at = check_reason(reason), now()
    _change(
        store,
        name,
        actor,
        "dispute_peer",
        {"reason": reason},
        disputed_at=at,
        disputed_by=check_actor(actor),
        reason=reason,
    )


def believe_peer(store: Store, name: str, reason: str, actor: str) -> None:
    """Take a dispute back, for a reason."""
    nothing = dict.fromkeys(("disputed_at", "disputed_by", "reason"))
    _change(store, name, actor, "believe_peer", {"reason": check_reason(reason)}, **nothing)


def who_comes(store: Store, secret: str) -> Peer | None:
    """The peer that a secret is of, while it lasts."""
    mine = (PEERS.c.token_digest == _digest(secret)) & (PEERS.c.token_until > now())
    with store.reading() as connection:
        row = connection.execute(select(PEERS).where(mine)).first()
    return None if row is None else Peer.of(row)


def _change(
    store: Store, name: str, actor: str, act: str, detail: dict[str, str], **fields: str | None
) -> None:
    actor = check_actor(actor)
    with store.writing() as connection:
        _found(connection, name)
        connection.execute(update(PEERS).where(PEERS.c.name == name).values(**fields))
        ledger.append(connection, now(), actor, act, subject_of(name), detail)


def _row(connection: Connection, name: str) -> Row | None:
    return connection.execute(select(PEERS).where(PEERS.c.name == name)).first()


def _found(connection: Connection, name: str) -> Peer:
    row = None if "\0" in name else _row(connection, name)
    if row is None:
        raise PeerRefused(name, "is no peer", "See `stillwatch peers list`")
    return Peer.of(row)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
