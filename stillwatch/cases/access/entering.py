"""Coming in, being known by a session, and going out."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.access.limits import count_attempt, forgive, note_refusal
from stillwatch.cases.access.passwords import hash_anew, is_outdated, is_right
from stillwatch.cases.access.people import (
    Person,
    administering,
    find_row,
    follow_provider,
    let_in,
    subject_of,
)
from stillwatch.cases.access.roles import Role
from stillwatch.cases.schema import PEOPLE, SESSIONS
from stillwatch.cases.store import Store
from stillwatch.cases.texts import NAME, check
from stillwatch.cases.times import now, stamp
from stillwatch.errors import AccessRefused, CaseRefused, SignInRefused

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

    Raises `SignInRefused`, with the same words whatever is wrong, and `SignInLimited`. The ledger
    hears of each success, and of refusals by their number, seldom.
    """
    name = name.strip()[:NAME]
    counted = count_attempt(store, name, address)
    with store.reading() as connection:
        known = _person(connection, name)
    kept = known.password if known is not None and known.enabled else None
    if not is_right(password, kept):
        _tell_refusal(store, name if known is not None else "")
        raise _wrong()
    anew = hash_anew(password) if is_outdated(kept or "") else kept
    refused = forgive(store, name, address, counted)
    with store.writing() as connection:
        row = _person(connection, name)
        # between the look at the password and now, it may have been taken away
        if row is None or not row.enabled or row.password != kept:
            raise _wrong()
        if anew != kept:
            connection.execute(update(PEOPLE).where(PEOPLE.c.name == name).values(password=anew))
        return _start(connection, Person.of(row), {"by": "password", "refused_before": refused})


def sign_in_known(
    store: Store, issuer: str, subject: str, name: str, role: Role | None, display: str | None
) -> Session:
    """Start a session of somebody whom a provider vouches for, who is let in the first time.

    Who was let in by that name, without a password, is taken to be them. `role` is what the
    provider's groups say; where they say nothing a newcomer is a viewer, and others keep theirs.
    The last administrator stays one. Raises `SignInRefused` where they are kept out, the name is
    another's, or what the provider says can't be kept.
    """
    try:
        name, issuer, subject = (
            check(text, f"the provider's {what}", NAME)
            for text, what in ((name, "name"), (issuer, "issuer"), (subject, "subject"))
        )
        display = check(display[:NAME], "the provider's name", NAME) if display else None
    except CaseRefused as fault:
        raise SignInRefused(fault.where, fault.what, _ASK) from None
    with store.writing() as connection:
        here = (PEOPLE.c.issuer == issuer) & (PEOPLE.c.subject == subject)
        row = connection.execute(select(PEOPLE).where(here)).first()
        told = {"issuer": issuer, "subject": subject, "display": display}
        if row is None:
            row = _first_time(connection, name, role or Role.VIEWER, told)
        if not row.enabled:
            raise SignInRefused("sign-in", "this person is kept out", _ASK)
        connection.execute(update(PEOPLE).where(PEOPLE.c.name == row.name).values(**told))
        if role is not None:
            follow_provider(connection, Person.of(row), role)
        person = Person.of(connection.execute(select(PEOPLE).where(here)).one())
        return _start(connection, person, {"by": "openid"})


def _first_time(
    connection: Connection, name: str, role: Role, told: dict[str, str | None]
) -> Row[Any]:
    """The row of somebody whom the provider vouches for and who hasn't come in by it before."""
    row = _person(connection, name)
    if row is None:
        try:
            let_in(connection, now(), name, name, role, "openid", **told)
        except AccessRefused as fault:
            raise SignInRefused("sign-in", f"the name {fault.what}", _ASK) from None
    elif row.password is not None or row.issuer is not None:
        raise SignInRefused("sign-in", f"{name!r} is somebody else here", _ASK)
    return connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).one()


_ASK = "Ask an administrator"


def _wrong() -> SignInRefused:
    return SignInRefused("sign-in", "the name or the password is wrong", "Try again")


def _tell_refusal(store: Store, name: str) -> None:
    """Let the ledger know, by numbers and seldom: whoever guesses can't make it grow at will."""
    if count := note_refusal(store, name):
        with store.writing() as connection:
            subject = subject_of(name) if name else "sign-in"
            detail = {"refused": count}
            ledger.append(connection, now(), name or "nobody", "refuse_sign_in", subject, detail)


def _person(connection: Connection, name: str) -> Row[Any] | None:
    """The row of that name, also where a database couldn't even be asked for it."""
    try:
        name = check(name, "the name", NAME)
    except CaseRefused:
        return None
    return connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).first()


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


def end_sessions_of(store: Store, name: str, actor: str) -> int:
    """End all of somebody's sessions: a laptop was lost. How many there were; `UnknownName`."""
    with administering(store, actor) as (connection, at):
        find_row(connection, name)
        done = connection.execute(delete(SESSIONS).where(SESSIONS.c.name == name))
        detail = {"sessions": done.rowcount}
        ledger.append(connection, at, actor, "end_sessions", subject_of(name), detail)
        return done.rowcount


def _start(connection: Connection, person: Person, detail: dict[str, Any]) -> Session:
    moment = dt.datetime.now(dt.UTC)
    key, expires_at = secrets.token_urlsafe(32), stamp(moment + LASTS)
    connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= stamp(moment)))
    connection.execute(
        insert(SESSIONS).values(
            digest=_digest(key), name=person.name, seen_at=stamp(moment), expires_at=expires_at
        )
    )
    subject = subject_of(person.name)
    ledger.append(connection, stamp(moment), person.name, "sign_in", subject, detail)
    return Session(key, _csrf(key), person, expires_at)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _csrf(key: str) -> str:
    return hashlib.sha256(b"forms of " + key.encode("utf-8", "surrogatepass")).hexdigest()
