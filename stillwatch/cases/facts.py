"""What rules must know of cases: how far people have come with each account of a campaign."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, or_, select

from stillwatch.cases.schema import CASES, HOMES, MEMBERS
from stillwatch.cases.states import UNDECIDED, State
from stillwatch.cases.store import Store

OPEN = "open"


class Fact(NamedTuple):
    """Where a campaign's case stands; with an account, where that account of it does.

    `state` is `open`, `confirmed`, `rejected`, `appealed`, or `closed` without a decision.
    """

    campaign_id: str
    account_id: str | None
    case_id: int
    state: str


def case_facts(store: Store) -> list[Fact]:
    """A fact for each campaign that has a case, and one for each account that stands otherwise.

    An account that was moved to another case stands as that one does. A decision speaks only of
    the accounts that it was made on, so one that joined later is `open`.
    """
    homes = select(HOMES.c.campaign_id, CASES.c.case_id, CASES.c.state, CASES.c.outcome).join(
        CASES, CASES.c.case_id == HOMES.c.case_id
    )
    later = and_(CASES.c.decided_seq.is_not(None), MEMBERS.c.added_seq > CASES.c.decided_seq)
    apart = (
        select(
            MEMBERS.c.campaign_id,
            MEMBERS.c.account_id,
            CASES.c.case_id,
            CASES.c.state,
            CASES.c.outcome,
            later.label("later"),
        )
        .join(CASES, CASES.c.case_id == MEMBERS.c.case_id)
        .join(HOMES, HOMES.c.campaign_id == MEMBERS.c.campaign_id)
        .where(or_(MEMBERS.c.case_id != HOMES.c.case_id, later))
    )
    with store.reading() as connection:
        facts = [
            Fact(row.campaign_id, None, row.case_id, _word(row.state, row.outcome))
            for row in connection.execute(homes)
        ]
        facts += [
            Fact(
                row.campaign_id,
                row.account_id,
                row.case_id,
                OPEN if row.later else _word(row.state, row.outcome),
            )
            for row in connection.execute(apart)
        ]
    return facts


def _word(state: str, outcome: str | None) -> str:
    if State(state) in UNDECIDED:
        return OPEN
    return outcome or state
