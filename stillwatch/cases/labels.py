"""Outcomes as labels: what was decided about which account, when and by whom."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from stillwatch.cases.schema import CASES, LEDGER, MEMBERS
from stillwatch.cases.store import Store


class Label(NamedTuple):
    """A decision on one account of one campaign, as it stands."""

    account_id: str
    campaign_id: str
    outcome: str
    """`confirmed` or `rejected`."""
    at: str
    by: str
    case_id: int


def labels(store: Store) -> list[Label]:
    """The labels of all decisions that stand, by account, campaign and case.

    An account that joined after the decision has none, nor has a case that is under appeal or was
    reopened. An account has several where several of its cases were decided.
    """
    decided = (
        select(
            MEMBERS.c.account_id,
            MEMBERS.c.campaign_id,
            CASES.c.outcome,
            LEDGER.c.at,
            LEDGER.c.actor.label("by"),
            CASES.c.case_id,
        )
        .join(CASES, CASES.c.case_id == MEMBERS.c.case_id)
        .join(LEDGER, LEDGER.c.seq == CASES.c.decided_seq)
        .where(CASES.c.outcome.is_not(None), MEMBERS.c.added_seq <= CASES.c.decided_seq)
    )
    with store.reading() as connection:
        return sorted(Label(*row) for row in connection.execute(decided))
