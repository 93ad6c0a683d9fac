"""People: let in, given a role, kept out. Each act is in the ledger."""

from __future__ import annotations

import unicodedata
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
from stillwatch.display import plain
from stillwatch.errors import AccessRefused, CaseRefused, UnknownName


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
        return Person.of(find_row(connection, name))


def add_person(
    store: Store, name: str, role: Role, actor: str, password: str | None = None
) -> Person:
    """Let somebody in; without a password only their organisation's sign-in counts.

    Raises `AccessRefused` where somebody has that name or one that looks like it, where the
    password is weak, and where the first person is no administrator.
    """
    name = check(name, "the name", NAME)
    kept = None if password is None else check_password(password, name)
    with administering(store, actor) as (connection, at):
        anybody = connection.scalar(select(func.count()).select_from(PEOPLE))
        if role != Role.ADMINISTRATOR and not anybody:
            raise AccessRefused(
                "the first person", f"can't be {role}", "Let an administrator in first"
            )
        let_in(connection, at, actor, name, role, "administrator", password=kept)
    return Person(name, role)


def let_in(
    connection: Connection,
    at: str,
    actor: str,
    name: str,
    role: Role,
    by: str,
    **columns: str | None,
) -> None:
    """The row of somebody new, and the ledger's entry; raises `AccessRefused` for the name."""
    if plain(name, NAME) != name.replace("\\", "\\\\"):
        raise AccessRefused("the name", "holds hidden characters", "Leave them out")
    alike = _folded(name)
    if any(_folded(other) == alike for other in connection.scalars(select(PEOPLE.c.name))):
        raise AccessRefused("the name", "is taken, or looks like one that is", "Choose another")
    connection.execute(
        insert(PEOPLE).values(name=name, role=role, enabled=True, created_at=at, **columns)
    )
    _tell(connection, at, actor, "let_in", name, {"role": role, "by": by})


def follow_provider(connection: Connection, person: Person, role: Role) -> None:
    """Give somebody the role that their provider says, unless nobody could administer then."""
    if role == person.role or (role != Role.ADMINISTRATOR and _is_last(connection, person)):
        return
    _change(connection, person.name, role=role)
    detail = {"from": person.role, "to": role, "by": "openid"}
    _tell(connection, now(), person.name, "set_role", person.name, detail)


def set_role(store: Store, name: str, role: Role, actor: str) -> Person:
    """Give somebody another role; their sessions end.

    Raises `UnknownName`, and `AccessRefused` for one's own role and for the last administrator's.
    """
    with administering(store, actor) as (connection, at):
        person = Person.of(find_row(connection, name))
        if name == actor:
            raise AccessRefused(name, "can't change their own role", "Ask another administrator")
        if role != Role.ADMINISTRATOR:
            _keep_one(connection, person)
        _change(connection, name, role=role)
        _tell(connection, at, actor, "set_role", name, {"from": person.role, "to": role})
        return Person.of(find_row(connection, name))


def set_password(store: Store, name: str, password: str, actor: str) -> None:
    """Give somebody another password; their sessions end. Raises as `add_person` does."""
    kept = check_password(password, name)
    with administering(store, actor) as (connection, at):
        find_row(connection, name)
        _change(connection, name, password=kept)
        _tell(connection, at, actor, "set_password", name, {})


def disable(store: Store, name: str, actor: str) -> None:
    """Keep somebody out: their sessions end and their tokens are revoked.

    Raises `UnknownName`, and `AccessRefused` for oneself and for the last administrator.
    """
    with administering(store, actor) as (connection, at):
        person = Person.of(find_row(connection, name))
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
    with administering(store, actor) as (connection, at):
        find_row(connection, name)
        _change(connection, name, enabled=True)
        _tell(connection, at, actor, "let_in_again", name, {})


@contextmanager
def administering(store: Store, actor: str) -> Iterator[tuple[Connection, str]]:
    """A transaction for an act by `actor`, and its time."""
    check_actor(actor)
    with store.writing() as connection:
        yield connection, now()


def find_row(connection: Connection, name: str) -> Row[Any]:
    """The row of that name; raises `UnknownName`."""
    try:
        name = check(name, "the name", NAME)
    except CaseRefused as fault:
        raise UnknownName("people", f"a name that {fault.what} is nobody's", _LOOK) from None
    row = connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).first()
    if row is None:
        raise UnknownName("people", f"nobody is called {name!r}", _LOOK)
    return row


_LOOK = "Look at who there is"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _is_last(connection: Connection, person: Person) -> bool:
    """Whether without this person nobody could administer."""
    others = select(func.count()).where(
        PEOPLE.c.role == Role.ADMINISTRATOR, PEOPLE.c.enabled, PEOPLE.c.name != person.name
    )
    mine = person.role == Role.ADMINISTRATOR and person.enabled
    return mine and not connection.scalar(others)


def _keep_one(connection: Connection, person: Person) -> None:
    if _is_last(connection, person):
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
