"""Sign-ins that fail slow down those that follow, by name and by address, and lock nobody out.

An attempt is counted before its password is looked at, so that many at once are not one. Counts
are kept in the store, which several consoles share. From an address that a name came in from
before, only failures from there count: whoever guesses elsewhere doesn't keep its owner out.
An attempt that has to wait writes nothing, so that guessing can't fill the store.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from stillwatch.cases.schema import ATTEMPTS
from stillwatch.cases.store import Store
from stillwatch.cases.times import now, stamp
from stillwatch.errors import SignInLimited

LONGEST_S = 900
"""Longest that an attempt has to wait for the one before it."""

FREE = {"pair": 5, "name": 50, "address": 50}
"""Failures before the first wait: of a name from an address, of a name, and from an address."""

KNOWN_DAYS = 90
"""How long an address that a name came in from is remembered."""

TOLD_EVERY = dt.timedelta(hours=1)
"""The ledger hears of refusals, of one person or of names that nobody has, no more often."""

_FORGOTTEN = dt.timedelta(days=1)


def count_attempt(store: Store, name: str, address: str) -> tuple[str, ...]:
    """Count an attempt as a failure, which `forgive` takes back: under which keys.

    Raises `SignInLimited` where it has to wait for an earlier one.
    """
    with _counting(store) as (connection, moment):
        _forget_old(connection, moment)
        rows = {
            kind: (about, _find(connection, about))
            for kind, about in _about(connection, name, address, moment)
        }
        until = max((row.until for _, row in rows.values() if row is not None), default="")
        if until <= stamp(moment):
            for kind, (about, row) in rows.items():
                count = (row.failures if row is not None else 0) + 1
                over = count - FREE[kind]
                wait = min(LONGEST_S, 2 ** min(20, over)) if over > 0 else 0
                _keep(connection, about, count, moment + dt.timedelta(seconds=wait))
            return tuple(about for about, _ in rows.values())
    seconds = (dt.datetime.fromisoformat(until) - moment).total_seconds()
    raise SignInLimited(
        "sign-in", "too many have failed", f"Try again in {seconds:,.0f} seconds", seconds
    )


def forgive(store: Store, name: str, address: str, counted: tuple[str, ...]) -> int:
    """What a success does: the name's failures are forgotten, and the address is known for it.

    Of the address only this attempt is forgotten, so that whoever has one password can't guess at
    others for free. Returns the number of refusals that `note_refusal` hasn't let be told.
    """
    with _counting(store) as (connection, moment):
        mine = (_key("pair", name, address), _key("name", name))
        connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.about.in_(mine)))
        connection.execute(
            update(ATTEMPTS)
            .where(
                ATTEMPTS.c.about == _key("address", address=address), ATTEMPTS.c.about.in_(counted)
            )
            .values(count=ATTEMPTS.c["count"] - 1, until=stamp(moment))
        )
        known_until = moment + dt.timedelta(days=KNOWN_DAYS)
        _keep(connection, _key("known", name, address), 0, known_until)
        told = _find(connection, _key("told", name))
        if told is not None:
            _keep(connection, told.about, 0, dt.datetime.fromisoformat(told.until))
    return 0 if told is None else int(told.failures)


def note_refusal(store: Store, name: str) -> int:
    """Note that a person (or with `""` a name that nobody has) was refused.

    The number of refusals that the ledger is to be told of now; 0 while it was told lately.
    """
    with _counting(store) as (connection, moment):
        about = _key("told", name)
        told = _find(connection, about)
        count = (told.failures if told is not None else 0) + 1
        if told is not None and told.until > stamp(moment):
            _keep(connection, about, count, dt.datetime.fromisoformat(told.until))
            return 0
        _keep(connection, about, 0, moment + TOLD_EVERY)
    return count


@contextmanager
def _counting(store: Store) -> Iterator[tuple[Connection, dt.datetime]]:
    """A transaction that counts alone, but lets acts that go into the ledger go on."""
    with store.writing(lock_ledger=False) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("lock table sign_in_attempts in share row exclusive mode"))
        yield connection, dt.datetime.now(dt.UTC)


def _about(
    connection: Connection, name: str, address: str, moment: dt.datetime
) -> Iterator[tuple[str, str]]:
    yield "pair", _key("pair", name, address)
    known = _find(connection, _key("known", name, address))
    if known is None or known.until <= stamp(moment):
        yield "name", _key("name", name)
        yield "address", _key("address", address=address)


def _find(connection: Connection, about: str) -> Row[Any, Any, Any] | None:
    columns = ATTEMPTS.c.about, ATTEMPTS.c["count"].label("failures"), ATTEMPTS.c.until
    return connection.execute(select(*columns).where(ATTEMPTS.c.about == about)).first()


def _keep(connection: Connection, about: str, count: int, until: dt.datetime) -> None:
    values = {"count": count, "last_at": now(), "until": stamp(until)}
    done = connection.execute(update(ATTEMPTS).where(ATTEMPTS.c.about == about).values(**values))
    if not done.rowcount:
        connection.execute(insert(ATTEMPTS).values(about=about, **values))


def _forget_old(connection: Connection, moment: dt.datetime) -> None:
    connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.until < stamp(moment - _FORGOTTEN)))


def _key(kind: str, name: str = "", address: str = "") -> str:
    whole = "\0".join((kind, name, _network(address)))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def _network(address: str) -> str:
    """What one customer of a network has: an IPv4 address, or the /64 of an IPv6 one.

    >>> _network("2001:db8::7"), _network("::ffff:192.0.2.1"), _network("a socket")
    ('2001:db8::/64', '192.0.2.1', 'a socket')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped or ipaddress.ip_network((int(found), 64), strict=False))
