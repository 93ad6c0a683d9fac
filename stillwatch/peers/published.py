"""What peers may read: the objects that two people let go, in the order in which they were added.

Nothing gets here but by `publish`, and that takes only an export that was approved. What was
told is not taken back by deleting it, for peers have it: it is told again, revoked.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from stillwatch.cases import ledger
from stillwatch.cases.access import Person
from stillwatch.cases.canonical import canonical
from stillwatch.cases.schema import TOLD_TO_PEERS
from stillwatch.cases.shares import get_share, record_export
from stillwatch.cases.store import Store
from stillwatch.cases.texts import check_actor
from stillwatch.cases.times import now, stamp
from stillwatch.errors import SharingRefused
from stillwatch.peers.objects import StixObject, check_object
from stillwatch.sharing.export import approved_bundle
from stillwatch.sharing.indicators import Tlp


@dataclass(frozen=True)
class Entry:
    """One version of an object in the collection, without its body. Times are text, UTC; no two
    entries were added at the same one, so that `added_at` is where a reader goes on."""

    added_at: str
    object_id: str
    version: str
    type: str


def publish(store: Store, objects: Iterable[StixObject], actor: str) -> int:
    """Add what isn't there yet to what peers may read: how many objects."""
    actor, fields = check_actor(actor), TOLD_TO_PEERS.c
    with store.writing() as connection:
        last = connection.scalar(select(func.max(fields.added_at)))
        at = max(now(), _after(last)) if last else now()
        new = 0
        for one in objects:
            same = (fields.object_id == one.id) & (fields.version == one.version)
            if connection.execute(select(fields.added_at).where(same)).first():
                continue
            connection.execute(
                insert(TOLD_TO_PEERS).values(
                    added_at=at,
                    object_id=one.id,
                    version=one.version,
                    type=one.type,
                    body=one.body,
                )
            )
            at, new = _after(at), new + 1
        if new:
            ledger.append(connection, now(), actor, "publish", "peers", {"objects": new})
    return new


def publish_share(store: Store, share_id: int, producer: str, by: Person) -> int:
    """Let peers read a share as it stands, also as revoked: how many objects are new to them.

    Raises `SharingRefused` where it was never approved, or is for nobody but those it was given to,
    and what `sharing.export.approved_bundle` does.
    """
    share, told = get_share(store, share_id), approved_bundle(store, share_id, producer)
    if share.tlp == Tlp.RED:
        raise SharingRefused(
            share, "is TLP:RED, which is for those only who are told of it in person", "Export it"
        )
    objects = [check_object(one) for one in told["objects"]]
    written = canonical(told).encode("ascii")
    record_export(store, share_id, by, "taxii", hashlib.sha256(written).hexdigest(), len(written))
    return publish(store, objects, by.name)


def published(store: Store) -> list[Entry]:
    """All entries, in the order in which they were added."""
    fields = TOLD_TO_PEERS.c
    wanted = select(fields.added_at, fields.object_id, fields.version, fields.type)
    with store.reading() as connection:
        rows = connection.execute(wanted.order_by(fields.added_at))
        return [Entry(**row._mapping) for row in rows]


def bodies(store: Store, entries: Iterable[Entry]) -> list[str]:
    """The JSON of some entries, in their order."""
    fields, wanted = TOLD_TO_PEERS.c, [entry.added_at for entry in entries]
    with store.reading() as connection:
        rows = connection.execute(
            select(fields.added_at, fields.body).where(fields.added_at.in_(wanted))
        )
        found = {row.added_at: row.body for row in rows}
    return [found[at] for at in wanted]


def _after(at: str) -> str:
    """The next moment."""
    return stamp(dt.datetime.fromisoformat(at) + dt.timedelta(microseconds=1))
