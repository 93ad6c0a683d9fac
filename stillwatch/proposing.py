"""From what waits for approval to enforcements that people approve, one a case and rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.compute as pc

from stillwatch.cases import State, Store, case_accounts, get_case
from stillwatch.cases.access import Person
from stillwatch.cases.enforcement import (
    Enforcement,
    Standing,
    enforced_accounts,
    list_enforcements,
    propose,
)
from stillwatch.cases.facts import OPEN, case_facts
from stillwatch.ladder import Action
from stillwatch.policy import Plan


@dataclass(frozen=True)
class Proposed:
    """What was proposed, and for which waiting decisions nothing was, each with why."""

    made: list[Enforcement]
    left: list[tuple[int, str]]
    """How many accounts, and why."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        left = [{"accounts": many, "why": why} for many, why in self.left]
        return {"made": [asdict(each) for each in self.made], "left": left}


def propose_waiting(store: Store, plan: Plan, by: Person) -> Proposed:
    """Propose what a plan has waiting, for the accounts that a confirmed case covers.

    Accounts that an open proposal is about already are left out. Raises `AccessRefused`.
    """
    waiting = plan.decisions.filter(pc.field("standing") == "waiting")
    rules = {rule.name: rule for rule in plan.policy.rules}
    by_case: dict[tuple[int | None, str], list[str]] = {}
    for row in waiting.select(["case_id", "rule", "account_id"]).to_pylist():
        by_case.setdefault((row["case_id"], row["rule"]), []).append(row["account_id"])
    asked = _asked(store)
    later = {
        (f.case_id, f.account_id) for f in case_facts(store) if f.account_id and f.state == OPEN
    }
    done = Proposed([], [])
    for (case_id, name), accounts in sorted(
        by_case.items(), key=lambda item: (item[0][0] or 0, item[0][1])
    ):
        if case_id is None:
            done.left.append((len(accounts), "they have no case: `stillwatch cases open FINDINGS`"))
            continue
        case = get_case(store, case_id)
        if case.state != State.CONFIRMED:
            done.left.append((len(accounts), f"case {case_id} is {case.state}, not confirmed"))
            continue
        covered = {a for a in case_accounts(store, case_id) if (case_id, a) not in later}
        fresh = sorted(set(accounts) - asked)
        mine = [account for account in fresh if account in covered]
        if len(fresh) > len(mine):
            why = f"they joined case {case_id} after its decision: decide it again"
            done.left.append((len(fresh) - len(mine), why))
        if len(accounts) > len(fresh):
            done.left.append((len(accounts) - len(fresh), "an enforcement is proposed already"))
        if mine:
            rule = rules[name]
            until = plan.at + dt.timedelta(days=rule.for_days)
            reason = f"rule {name} of policy {plan.policy.name}: {rule.reason}"
            action = Action(rule.action)
            done.made.append(propose(store, case.seen, action, by, reason, mine, until))
    return done


def _asked(store: Store) -> set[str]:
    """Accounts that an enforcement which waits is about."""
    waiting = {Standing.PROPOSED, Standing.SUSPENDED}
    return {
        account
        for each in list_enforcements(store)
        if each.state in waiting
        for account in enforced_accounts(store, each.enforcement_id)
    }
