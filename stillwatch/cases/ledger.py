"""The ledger: one row an act, each holding the hash of the one before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from stillwatch.cases.canonical import GENESIS, canonical, hash_entry
from stillwatch.cases.schema import LEDGER
from stillwatch.errors import LedgerBroken

REDACT = "redact"
"""The act of an entry that says what another one was made to say (`forgetting`)."""


class Entry(NamedTuple):
    """One act, as the ledger has it."""

    seq: int
    at: str
    actor: str
    act: str
    subject: str
    detail: dict[str, Any]
    prev: str
    hash: str


def subject_of(case_id: int) -> str:
    """How the ledger names a case."""
    return f"case {case_id}"


def entry_named(seq: int) -> str:
    """How the ledger names one of its own entries."""
    return f"entry {seq}"


def append(
    connection: Connection, at: str, actor: str, act: str, subject: str, detail: dict[str, Any]
) -> Entry:
    """Add an entry after the last one; `connection` holds the store's one right to write."""
    last = connection.execute(
        select(LEDGER.c.seq, LEDGER.c.hash).order_by(LEDGER.c.seq.desc()).limit(1)
    ).first()
    fields: dict[str, Any] = {
        "seq": last.seq + 1 if last else 1,
        "at": at,
        "actor": actor,
        "act": act,
        "subject": subject,
        "detail": detail,
        "prev": last.hash if last else GENESIS,
    }
    fields["hash"] = hash_entry(fields)
    connection.execute(insert(LEDGER).values({**fields, "detail": canonical(detail)}))
    return Entry(**fields)


def entries(connection: Connection, subject: str | None = None) -> Iterator[Entry]:
    """Every entry in order, or those of one subject.

    Raises `LedgerBroken` at a row that can't have been written by Stillwatch.
    """
    rows = select(LEDGER).order_by(LEDGER.c.seq)
    if subject is not None:
        rows = rows.where(LEDGER.c.subject == subject)
    for row in connection.execute(rows.execution_options(yield_per=1000)):
        yield _entry(row)


def _entry(row: Row[Any]) -> Entry:
    fields = dict(row._mapping)
    try:
        return Entry(**{**fields, "detail": json.loads(row.detail)})
    except ValueError:
        raise LedgerBroken(
            f"ledger entry {row.seq}",
            "its detail is no JSON",
            "Look into who wrote to the database",
        ) from None
