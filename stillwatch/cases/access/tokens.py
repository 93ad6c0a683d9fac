"""Tokens: by what a program is known, with a role, an owner and an end."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update

from stillwatch.cases import ledger
from stillwatch.cases.access.people import Person, find_row, subject_of
from stillwatch.cases.access.roles import Role, lesser, may
from stillwatch.cases.schema import PEOPLE, TOKENS
from stillwatch.cases.store import Store
from stillwatch.cases.texts import TAG, check, check_actor
from stillwatch.cases.times import now, stamp
from stillwatch.errors import AccessRefused, UnknownName

MOST_DAYS = 365
_MARK = "swt_"
"""How a secret begins, so that scanners of code find one that was left there."""


@dataclass(frozen=True)
class Token:
    """A token without its secret. Times are text, UTC to the microsecond."""

    token_id: int
    owner: str
    label: str
    role: Role
    created_at: str
    expires_at: str
    revoked_at: str | None


def make_token(store: Store, owner: str, label: str, role: Role, days: int, actor: str) -> str:
    """A new token's secret, which is nowhere kept. It ends after `days`.

    Raises `UnknownName`, and `AccessRefused` for a role above the owner's and for too many days.
    """
    label, actor = check(label, "the label", TAG), check_actor(actor)
    if not 1 <= days <= MOST_DAYS:
        raise AccessRefused("the token", f"can't last {days:,} days", f"Say 1 to {MOST_DAYS}")
    moment, secret = dt.datetime.now(dt.UTC), _MARK + secrets.token_urlsafe(32)
    with store.writing() as connection:
        person = Person.of(find_row(connection, owner))
        if not person.enabled:
            raise AccessRefused("the token", f"can't be {owner}'s, who is kept out", "Let them in")
        if not may(person.role, role):
            raise AccessRefused(
                "the token",
                f"can't be {role}, since {owner} is {person.role}",
                "Choose a lesser role",
            )
        token_id = (connection.scalar(select(func.max(TOKENS.c.token_id))) or 0) + 1
        connection.execute(
            insert(TOKENS).values(
                token_id=token_id,
                digest=_digest(secret),
                owner=owner,
                label=label,
                role=role,
                created_at=stamp(moment),
                expires_at=stamp(moment + dt.timedelta(days=days)),
            )
        )
        detail = {"token": token_id, "label": label, "role": role, "days": days}
        ledger.append(connection, stamp(moment), actor, "make_token", subject_of(owner), detail)
    return secret


def find_token(store: Store, secret: str) -> Person | None:
    """Whom a secret speaks for, with no more than its own role; `None` where it is no good."""
    with store.reading() as connection:
        row = connection.execute(
            select(PEOPLE, TOKENS.c.role.label("given"))
            .join(TOKENS, TOKENS.c.owner == PEOPLE.c.name)
            .where(
                TOKENS.c.digest == _digest(secret),
                TOKENS.c.revoked_at.is_(None),
                TOKENS.c.expires_at > now(),
                PEOPLE.c.enabled,
            )
        ).first()
    if row is None:
        return None
    return Person(row.name, lesser(Role(row.role), Role(row.given)), row.display)


def list_tokens(store: Store, owner: str | None = None) -> list[Token]:
    """All tokens, or one person's, by number."""
    columns = [column for column in TOKENS.c if column.name != "digest"]
    wanted = select(*columns).order_by(TOKENS.c.token_id)
    if owner is not None:
        wanted = wanted.where(TOKENS.c.owner == owner)
    with store.reading() as connection:
        rows = [dict(row._mapping) for row in connection.execute(wanted)]
    return [Token(**{**row, "role": Role(row["role"])}) for row in rows]


def revoke_token(store: Store, token_id: int, actor: str) -> None:
    """End a token; raises `UnknownName`."""
    actor, at = check_actor(actor), now()
    with store.writing() as connection:
        # the comparison keeps numbers away from the database that no column can hold
        highest = connection.scalar(select(func.max(TOKENS.c.token_id))) or 0
        mine = TOKENS.c.token_id == token_id
        row = (
            connection.execute(select(TOKENS).where(mine)).first()
            if 0 < token_id <= highest
            else None
        )
        if row is None:
            raise UnknownName("tokens", f"there is no token {token_id}", "Look at the list")
        if row.revoked_at is None:
            connection.execute(update(TOKENS).where(mine).values(revoked_at=at))
            detail = {"token": token_id}
            ledger.append(connection, at, actor, "revoke_token", subject_of(row.owner), detail)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
