"""Merging cases that are one, and splitting accounts off a case that is two; by hand, for a reason.

Only undecided cases are merged and split: what was decided is reopened first, so that a decision
never comes to speak of accounts that nobody looked at.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, select, update

from stillwatch.cases.case import Case, Seen
from stillwatch.cases.change import Change, changing, check_seen, totals
from stillwatch.cases.opening import new_case
from stillwatch.cases.schema import HOMES, MEMBERS, account_key
from stillwatch.cases.states import UNDECIDED, State
from stillwatch.cases.store import Store
from stillwatch.cases.texts import check_reason
from stillwatch.errors import CaseRefused, UnknownName


def merge(store: Store, seen: Seen, other: Seen, actor: str, reason: str) -> Case:
    """Take the accounts and campaigns of `other` into the case that was seen; `other` is closed.

    What joins the campaigns of `other` later comes to the case too.
    """
    reason = check_reason(reason)
    with changing(store, seen, actor) as change:
        if seen.case_id == other.case_id:
            raise CaseRefused(change.case, "can't be merged with itself", "Name another case")
        connection, case = change.connection, change.case
        emptied = Change(connection, check_seen(connection, other), change.actor, change.at)
        _check_open(case)
        _check_open(emptied.case)
        seq = change.seq
        for table, values in ((MEMBERS, {"added_seq": seq}), (HOMES, {})):
            connection.execute(
                update(table)
                .where(table.c.case_id == other.case_id)
                .values(case_id=case.case_id, **values)
            )
        figures, who = totals(connection, case.case_id)
        detail = {
            "other": other.case_id,
            "reason": reason,
            "accounts": figures["accounts"],
            "accounts_digest": who,
        }
        merged = change.record("merge", detail, **figures)
        rest, _ = totals(connection, other.case_id)
        emptied.record(
            "merged",
            {"into": case.case_id, "reason": reason},
            state=State.CLOSED,
            merged_into=case.case_id,
            before=None,
            **rest,
        )
        return merged


def split(
    store: Store, seen: Seen, accounts: Collection[str], actor: str, reason: str
) -> tuple[Case, Case]:
    """Move some accounts of a case to a new case: the case as it is then, and the new one.

    They stay there when their campaign grows. Raises `UnknownName` for an account that the case
    doesn't hold, `CaseRefused` where none would move or none would stay.
    """
    reason = check_reason(reason)
    with changing(store, seen, actor) as change:
        connection, case = change.connection, change.case
        _check_open(case)
        wanted = {account_key(account): account for account in accounts}
        held = set(
            connection.scalars(
                select(MEMBERS.c.account_key).where(MEMBERS.c.case_id == case.case_id)
            )
        )
        missing = sorted(wanted[key] for key in wanted.keys() - held)
        if missing:
            raise UnknownName(
                case, f"holds no account {missing[0]!r}", "Name accounts that it holds"
            )
        if not wanted or len(wanted) == len(held):
            raise CaseRefused(case, "can only lose some of its accounts", "Name some, not all")
        campaign = {
            "campaign_id": case.campaign_id,
            "confidence": case.confidence,
            "summary": f"Split off case {case.case_id}. {case.summary}",
        }
        fresh = new_case(connection, campaign, change.actor, change.at)
        connection.execute(
            update(MEMBERS)
            .where(MEMBERS.c.case_id == case.case_id, MEMBERS.c.account_key == bindparam("key"))
            .values(case_id=fresh.case.case_id, added_seq=change.seq),
            [{"key": key} for key in wanted],
        )
        sides: list[Case] = []
        for side, act, other in ((change, "split", fresh.case), (fresh, "split_off", case)):
            figures, who = totals(connection, side.case.case_id)
            detail = {
                "other": other.case_id,
                "reason": reason,
                "moved": len(wanted),
                "accounts": figures["accounts"],
                "accounts_digest": who,
            }
            sides.append(side.record(act, detail, **figures))
        return sides[0], sides[1]


def _check_open(case: Case) -> None:
    if case.state not in UNDECIDED:
        raise CaseRefused(case, f"is {case.state}", "Reopen it with `review`, then merge or split")
