"""People: let in, given a role, kept out. Each act is in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.access.passwords import check_password
from stillwatch.cases.access.roles import Role
from stillwatch.cases.schema import PEOPLE, SESSIONS, TOKENS
from stillwatch.cases.store import Store
from stillwatch.cases.texts import NAME, check, check_actor
from stillwatch.cases.times import now
from stillwatch.errors import AccessRefused, UnknownName


@dataclass(frozen=True)
class Person:
    """Somebody who may come in, where `enabled`; `name` is how the ledger has them."""

    name: str
    role: Role
    display: str | None = None
    enabled: bool = True

    @classmethod
    def of(cls, row: Row[Any]) -> Person:
        """The person of a row of the table."""
        return cls(row.name, Role(row.role), row.display, bool(row.enabled))


def subject_of(name: str) -> str:
    """How the ledger names a person."""
    return f"person {name}"


def list_people(store: Store) -> list[Person]:
    """Everybody, by name."""
    with store.reading() as connection:
        rows = connection.execute(select(PEOPLE).order_by(PEOPLE.c.name))
        return [Person.of(row) for row in rows]


def find_person(store: Store, name: str) -> Person:
    """The person of that name; raises `UnknownName`."""
    with store.reading() as connection:
        return Person.of(_row(connection, name))


def add_person(
    store: Store, name: str, role: Role, actor: str, password: str | None = None
) -> Person:
    """Let somebody in; without a password only their organisation's sign-in counts.

    Raises `AccessRefused` where there is somebody of that name, or the password is weak.
    """
    name = check(name, "the name", NAME)
    kept = None if password is None else check_password(password, name)
    with _administering(store, actor) as (connection, at):
        if connection.execute(select(PEOPLE.c.name).where(PEOPLE.c.name == name)).first():
            raise AccessRefused("the name", "is taken", "Choose another")
        insert_person(connection, name, role, at, password=kept)
        _tell(connection, at, actor, "let_in", name, {"role": role})
    return Person(name, role)


def insert_person(
    connection: Connection, name: str, role: Role, at: str, **columns: str | None
) -> None:
    """The row of somebody new."""
    connection.execute(
        insert(PEOPLE).values(name=name, role=role, enabled=True, created_at=at, **columns)
    )


def set_role(store: Store, name: str, role: Role, actor: str) -> Person:
    """Give somebody another role; their sessions end.

    Raises `UnknownName`, and `AccessRefused` for one's own role and for the last administrator's.
    """
    with _administering(store, actor) as (connection, at):
        person = Person.of(_row(connection, name))
        if name == actor:
            raise AccessRefused(name, "can't change their own role", "Ask another administrator")
        if role != Role.ADMINISTRATOR:
            _keep_one(connection, person)
        _change(connection, name, role=role)
        _tell(connection, at, actor, "set_role", name, {"from": person.role, "to": role})
        return Person.of(_row(connection, name))


def set_password(store: Store, name: str, password: str, actor: str) -> None:
    """Give somebody another password; their sessions end. Raises as `add_person` does."""
    kept = check_password(password, name)
    with _administering(store, actor) as (connection, at):
        _row(connection, name)
        _change(connection, name, password=kept)
        _tell(connection, at, actor, "set_password", name, {})


def disable(store: Store, name: str, actor: str) -> None:
    """Keep somebody out: their sessions end and their tokens are revoked.

    Raises `UnknownName`, and `AccessRefused` for oneself and for the last administrator.
    """
    with _administering(store, actor) as (connection, at):
        person = Person.of(_row(connection, name))
        if name == actor:
            raise AccessRefused(name, "can't keep themselves out", "Ask another administrator")
        _keep_one(connection, person)
        _change(connection, name, enabled=False)
        connection.execute(
            update(TOKENS)
            .where(TOKENS.c.owner == name, TOKENS.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        _tell(connection, at, actor, "keep_out", name, {})


def enable(store: Store, name: str, actor: str) -> None:
    """Let somebody in again; raises `UnknownName`."""
    with _administering(store, actor) as (connection, at):
        _row(connection, name)
        _change(connection, name, enabled=True)
        _tell(connection, at, actor, "let_in_again", name, {})


@contextmanager
def _administering(store: Store, actor: str) -> Iterator[tuple[Connection, str]]:
    check_actor(actor)
    with store.writing() as connection:
        yield connection, now()


def _row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).first()
    if row is None:
        raise UnknownName("people", f"nobody is called {name!r}", "Look at who there is")
    return row


def _keep_one(connection: Connection, person: Person) -> None:
    """Raise `AccessRefused` where without this person nobody could administer."""
    others = select(func.count()).where(
        PEOPLE.c.role == Role.ADMINISTRATOR, PEOPLE.c.enabled, PEOPLE.c.name != person.name
    )
    if person.role == Role.ADMINISTRATOR and not connection.scalar(others):
        raise AccessRefused(
            person.name, "is the last administrator", "Make somebody else one first"
        )


def _change(connection: Connection, name: str, **columns: Any) -> None:
    connection.execute(update(PEOPLE).where(PEOPLE.c.name == name).values(**columns))
    connection.execute(delete(SESSIONS).where(SESSIONS.c.name == name))


def _tell(
    connection: Connection, at: str, actor: str, act: str, name: str, detail: dict[str, Any]
) -> None:
    ledger.append(connection, at, actor, act, subject_of(name), detail)
