"""Coming in, being known by a session, and going out."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.access.limits import count_attempt, forgive
from stillwatch.cases.access.passwords import hash_anew, is_outdated, is_right
from stillwatch.cases.access.people import Person, insert_person, subject_of
from stillwatch.cases.access.roles import Role
from stillwatch.cases.schema import PEOPLE, SESSIONS
from stillwatch.cases.store import Store
from stillwatch.cases.texts import NAME, check
from stillwatch.cases.times import now, stamp
from stillwatch.errors import CaseRefused, SignInRefused

IDLE = dt.timedelta(hours=1)
"""A session ends when nothing is asked in it for so long."""

LASTS = dt.timedelta(hours=12)
"""And at the latest so long after signing in."""

NOTED = dt.timedelta(minutes=1)
"""How exactly the time of the last request is kept: pages shouldn't each write."""


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in. `key` is the secret of the cookie, `csrf` that of its forms."""

    key: str
    csrf: str
    person: Person
    expires_at: str


def sign_in(store: Store, name: str, password: str, address: str) -> Session:
    """Start a session by name and password, asked for from an address.

    Raises `SignInRefused`, with the same words whatever is wrong, and `SignInLimited`.
    """
    name = name.strip()[:NAME]
    count_attempt(store, name, address)
    known = _enabled(store, name)
    if not is_right(password, known.password if known else None) or known is None:
        raise SignInRefused("sign-in", "the name or the password is wrong", "Try again")
    forgive(store, name, address)
    if is_outdated(known.password):
        anew = hash_anew(password)
        with store.writing(lock_ledger=False) as connection:
            connection.execute(update(PEOPLE).where(PEOPLE.c.name == name).values(password=anew))
    with store.writing() as connection:
        return _start(connection, Person.of(known), "password")


def _enabled(store: Store, name: str) -> Row[Any] | None:
    """The row of somebody who may come in; nobody has a name that no database could keep."""
    try:
        check(name, "the name", NAME)
    except CaseRefused:
        return None
    with store.reading() as connection:
        row = connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).first()
    return row if row is not None and row.enabled else None


def sign_in_known(
    store: Store, issuer: str, subject: str, name: str, role: Role | None, display: str | None
) -> Session:
    """Start a session of somebody whom a provider vouches for, who is let in the first time.

    `role` is what the provider's groups say; where they say nothing a newcomer is a viewer, and
    others keep theirs. Raises `SignInRefused` where they are kept out, or the name is another's.
    """
    name = check(name, "the name", NAME)
    with store.writing() as connection:
        here = (PEOPLE.c.issuer == issuer) & (PEOPLE.c.subject == subject)
        row = connection.execute(select(PEOPLE).where(here)).first()
        if row is None:
            if connection.execute(select(PEOPLE.c.name).where(PEOPLE.c.name == name)).first():
                raise SignInRefused("sign-in", f"{name!r} is somebody else here", _ASK)
            given = {"display": display, "issuer": issuer, "subject": subject}
            insert_person(connection, name, role or Role.VIEWER, now(), **given)
        else:
            name = row.name
            if not row.enabled:
                raise SignInRefused("sign-in", "this person is kept out", _ASK)
            values = {"display": display, "role": role or row.role}
            connection.execute(update(PEOPLE).where(here).values(**values))
        fresh = connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).one()
        return _start(connection, Person.of(fresh), "openid")


_ASK = "Ask an administrator"


def find_session(store: Store, key: str) -> Session | None:
    """The session of a key, unless it has ended; being asked for keeps it alive."""
    moment = dt.datetime.now(dt.UTC)
    mine = SESSIONS.c.digest == _digest(key)
    with store.reading() as connection:
        row = connection.execute(
            select(SESSIONS, PEOPLE)
            .join(PEOPLE, PEOPLE.c.name == SESSIONS.c.name)
            .where(mine, PEOPLE.c.enabled)
        ).first()
    if row is None or row.expires_at <= stamp(moment) or row.seen_at <= stamp(moment - IDLE):
        return None
    if row.seen_at <= stamp(moment - NOTED):
        with store.writing(lock_ledger=False) as connection:
            connection.execute(update(SESSIONS).where(mine).values(seen_at=stamp(moment)))
    return Session(key, _csrf(key), Person.of(row), row.expires_at)


def end_session(store: Store, key: str) -> None:
    """Go out; a session that has ended already stays so."""
    with store.writing(lock_ledger=False) as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == _digest(key)))


def _start(connection: Connection, person: Person, by: str) -> Session:
    moment = dt.datetime.now(dt.UTC)
    key, expires_at = secrets.token_urlsafe(32), stamp(moment + LASTS)
    connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= stamp(moment)))
    connection.execute(
        insert(SESSIONS).values(
            digest=_digest(key), name=person.name, seen_at=stamp(moment), expires_at=expires_at
        )
    )
    subject = subject_of(person.name)
    ledger.append(connection, stamp(moment), person.name, "sign_in", subject, {"by": by})
    return Session(key, _csrf(key), person, expires_at)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _csrf(key: str) -> str:
    return hashlib.sha256(b"forms of " + key.encode("utf-8", "surrogatepass")).hexdigest()
