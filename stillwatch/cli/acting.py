"""Who acts on the command line, and whether they may, where the store knows who people are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stillwatch.errors import AccessRefused, UnknownName

if TYPE_CHECKING:
    from stillwatch.cases import Store
    from stillwatch.cases.access import Person, Role


@contextmanager
def opened(where: str, create: bool = False) -> Iterator[Store]:
    """The store, for as long as a command needs it."""
    from stillwatch.cases import Store

    store = Store.open(where, create)
    try:
        yield store
    finally:
        store.close()


def acting_as(store: Store, name: str | None, least: Role) -> Person:
    """Whoever acts, by the name given or the one that somebody is logged in by.

    A store that knows nobody is one person's, who may do everything. In another one the name must
    be somebody's who may; that it is theirs nobody checks, since whoever runs this can write to the
    store. Raises `UnknownName` and `AccessRefused`.
    """
    from stillwatch.cases.access import Person, Role, find_person, list_people, may
    from stillwatch.cli.cases import acting

    who = acting(name)
    if not list_people(store):
        return Person(who, Role.ADMINISTRATOR)
    try:
        person = find_person(store, who)
    except UnknownName as fault:
        raise UnknownName("--actor", fault.what, "Name whoever acts by --actor") from None
    if not person.enabled:
        raise AccessRefused(who, "is kept out", "Somebody else must do this")
    if not may(person.role, least):
        raise AccessRefused(who, f"is {person.role}", f"This needs the role {least}")
    return person
