"""Sign-ins that fail slow down those that follow, by name and by address, and lock nobody out.

An attempt is counted before its password is looked at, so that many at once are not one. Counts
are kept in the store, which several consoles share. From an address that a name came in from
before, only failures from there count: whoever guesses elsewhere doesn't keep its owner out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, insert, select, text, update

from stillwatch.cases.schema import ATTEMPTS
from stillwatch.cases.store import Store
from stillwatch.cases.times import stamp
from stillwatch.errors import SignInLimited

LONGEST_S = 900
"""Longest that an attempt has to wait for the one before it."""

FREE = {"pair": 5, "name": 50, "address": 50}
"""Failures before the first wait: of a name from an address, of a name, and from an address."""

KNOWN_DAYS = 90
"""How long an address that a name came in from is remembered."""

_FORGOTTEN = dt.timedelta(days=1)


def count_attempt(store: Store, name: str, address: str) -> None:
    """Count an attempt as a failure, which `forgive` takes back; raises `SignInLimited`."""
    moment = dt.datetime.now(dt.UTC)
    with _counting(store) as connection:
        _forget_old(connection, moment)
        waits = []
        for kind, about in _about(connection, name, address, moment):
            row = connection.execute(select(ATTEMPTS).where(ATTEMPTS.c.about == about)).first()
            if row is not None and row.until > stamp(moment):
                waits.append(dt.datetime.fromisoformat(row.until) - moment)
                continue
            count = (int(row._mapping["count"]) if row else 0) + 1
            wait = min(LONGEST_S, 2 ** min(20, count - FREE[kind])) if count > FREE[kind] else 0
            _keep(connection, about, count, moment, dt.timedelta(seconds=wait))
    if waits:
        seconds = max(waits).total_seconds()
        raise SignInLimited(
            "sign-in",
            "too many have failed",
            f"Try again in {seconds:,.0f} seconds",
            seconds,
        )


def forgive(store: Store, name: str, address: str) -> None:
    """What a success does: the name's failures from there are forgotten, the address is known."""
    moment = dt.datetime.now(dt.UTC)
    with _counting(store) as connection:
        connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.about == _key("pair", name, address)))
        for about in (_key("name", name), _key("address", address)):
            connection.execute(
                update(ATTEMPTS)
                .where(ATTEMPTS.c.about == about)
                .values(count=ATTEMPTS.c.count - 1, until=stamp(moment))
            )
        _keep(connection, _known(name, address), 0, moment, dt.timedelta(days=KNOWN_DAYS))


@contextmanager
def _counting(store: Store) -> Iterator[Connection]:
    """A transaction that counts: one at a time, on SQLite as for all that writes."""
    with store.writing(lock_ledger=False) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("lock table sign_in_attempts in share row exclusive mode"))
        yield connection


def _about(
    connection: Connection, name: str, address: str, moment: dt.datetime
) -> Iterator[tuple[str, str]]:
    yield "pair", _key("pair", name, address)
    known = select(ATTEMPTS.c.until).where(ATTEMPTS.c.about == _known(name, address))
    if (connection.scalar(known) or "") <= stamp(moment):
        yield "name", _key("name", name)
        yield "address", _key("address", address)


def _keep(
    connection: Connection, about: str, count: int, moment: dt.datetime, wait: dt.timedelta
) -> None:
    values = {"count": count, "last_at": stamp(moment), "until": stamp(moment + wait)}
    done = connection.execute(update(ATTEMPTS).where(ATTEMPTS.c.about == about).values(**values))
    if not done.rowcount:
        connection.execute(insert(ATTEMPTS).values(about=about, **values))


def _forget_old(connection: Connection, moment: dt.datetime) -> None:
    connection.execute(
        delete(ATTEMPTS).where(
            ATTEMPTS.c.last_at < stamp(moment - _FORGOTTEN), ATTEMPTS.c.until < stamp(moment)
        )
    )


def _known(name: str, address: str) -> str:
    return _key("known", name, address)


def _key(*parts: str) -> str:
    whole = "\0".join(parts)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
