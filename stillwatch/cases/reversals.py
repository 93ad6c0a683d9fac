"""Taking back what a rule decided: by a lead, for a reason, until a time.

Only rules are overruled. What people decided is lifted (`enforcement`), and what they decide later
stands whatever was taken back before.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Row, func, insert, select

from stillwatch.cases import ledger
from stillwatch.cases.access.people import Person
from stillwatch.cases.access.roles import Role, may
from stillwatch.cases.schema import REVERSALS, account_key
from stillwatch.cases.store import Store
from stillwatch.cases.texts import NAME, check, check_reason
from stillwatch.cases.times import now, stamp
from stillwatch.errors import AccessRefused, CaseRefused
from stillwatch.ladder import Action


@dataclass(frozen=True)
class Reversal:
    """One decision that was taken back; times are text, UTC."""

    reversal_id: int
    decision_id: str
    account_id: str
    action: Action
    rule: str
    campaign_id: str | None
    reason: str
    until: str
    reversed_by: str
    reversed_at: str

    @classmethod
    def of(cls, row: Row) -> Reversal:
        """The reversal of a row of the table."""
        fields = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**{**fields, "action": Action(row.action)})

    def __str__(self) -> str:
        return f"decision {self.decision_id}"


def reverse(
    store: Store,
    decision_id: str,
    account_id: str,
    action: Action,
    rule: str,
    campaign_id: str | None,
    by: Person,
    reason: str,
    until: dt.datetime,
) -> Reversal:
    """Take a rule's decision on an account back: rules leave it alone until then.

    Raises `AccessRefused` for less than a lead, `CaseRefused` where the account's was taken back
    already, where the time is past, or where a text can't be kept.
    """
    reason, end = check_reason(reason), stamp(until)
    decision_id = check(decision_id, "the decision's id", NAME)
    if not may(by.role, Role.LEAD):
        raise AccessRefused(by.name, f"is {by.role}", f"This needs the role {Role.LEAD}")
    key, fields = account_key(account_id), REVERSALS.c
    with store.writing() as connection:
        at = now()
        if end <= at:
            raise CaseRefused(
                f"decision {decision_id}",
                "can't be reversed until a time that is past",
                "Say a later one",
            )
        lasting = (fields.account_key == key) & (fields.until > at)
        before = connection.execute(select(REVERSALS).where(lasting)).first()
        if before is not None:
            raise CaseRefused(
                f"decision {decision_id}",
                f"was reversed by {before.reversed_by} until {before.until[:10]}",
                "Nothing is to be done: rules leave the account alone until then",
            )
        number = (connection.scalar(select(func.max(fields.reversal_id))) or 0) + 1
        connection.execute(
            insert(REVERSALS).values(
                reversal_id=number,
                decision_id=decision_id,
                account_key=key,
                account_id=account_id,
                action=action,
                rule=rule,
                campaign_id=campaign_id,
                reason=reason,
                until=end,
                reversed_by=by.name,
                reversed_at=at,
            )
        )
        detail = {
            "account": key,
            "action": action,
            "campaign": campaign_id,
            "reason": reason,
            "reversal": number,
            "rule": rule,
            "until": end,
        }
        ledger.append(connection, at, by.name, "reverse", f"decision {decision_id}", detail)
        mine = fields.reversal_id == number
        return Reversal.of(connection.execute(select(REVERSALS).where(mine)).one())


def reversals(store: Store) -> list[Reversal]:
    """Those that last, the latest first."""
    fields = REVERSALS.c
    lasting = select(REVERSALS).where(fields.until > now()).order_by(fields.reversal_id.desc())
    with store.reading() as connection:
        return [Reversal.of(row) for row in connection.execute(lasting)]
