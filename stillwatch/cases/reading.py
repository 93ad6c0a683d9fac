"""What is in the store: cases, their accounts, and their history."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from stillwatch.cases.case import Case
from stillwatch.cases.ledger import Entry, entries, subject_of
from stillwatch.cases.schema import CASES, MEMBERS
from stillwatch.cases.store import Store
from stillwatch.errors import UnknownName


def find_case(connection: Connection, case_id: int) -> Case:
    """The case of that number; raises `UnknownName`."""
    highest = connection.scalar(select(func.max(CASES.c.case_id))) or 0
    # the comparison keeps numbers away from the database that no column can hold
    row = (
        connection.execute(select(CASES).where(CASES.c.case_id == case_id)).first()
        if 0 < case_id <= highest
        else None
    )
    if row is None:
        todo = f"Cases go from 1 to {highest}" if highest else "There are none yet"
        raise UnknownName(f"case {case_id}", "there is no such case", todo)
    return Case.of(row)


def get_case(store: Store, case_id: int) -> Case:
    """The case of that number; raises `UnknownName`."""
    with store.reading() as connection:
        return find_case(connection, case_id)


def list_cases(store: Store) -> list[Case]:
    """Every case, by number."""
    with store.reading() as connection:
        return [Case.of(row) for row in connection.execute(select(CASES).order_by(CASES.c.case_id))]


def case_accounts(store: Store, case_id: int) -> list[str]:
    """The ids of a case's accounts, in order."""
    with store.reading() as connection:
        found = connection.scalars(select(MEMBERS.c.account_id).where(MEMBERS.c.case_id == case_id))
        return sorted(set(found))


def history(store: Store, case_id: int) -> Iterator[Entry]:
    """What the ledger has on a case, oldest first."""
    with store.reading() as connection:
        yield from entries(connection, subject_of(case_id))
