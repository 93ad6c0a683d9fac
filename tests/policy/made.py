"""What a plan is made of, made by hand: honest accounts in organisations, and findings on some."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from stillwatch import tables
from stillwatch.policy import Known, policy_of
from stillwatch.policy.file import Policy
from stillwatch.policy.known import CASE_FACTS, ENFORCED, REGISTERED, REVERSALS

NOW = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)
KEY = b"a key that only tests have, 32 b"
DAY = dt.timedelta(days=1)
DENY_ALL = '[[rules]]\nname = "all"\naction = "deny"\nfor_days = 30\nreason = "found"\n'
WIDE = {
    "budget.accounts_a_day": 100_000,
    "budget.honest_exchanges_a_day": 1e9,
    "budget.share_of_accounts": 1,
    "budget.share_of_org": 1,
    "breaker.share_of_org": 1,
    "breaker.share_of_accounts": 1,
    "breaker.jump": 1e6,
}
"""Bounds that nothing reaches."""


def policy(said: dict[str, Any] | None = None, live: bool = True, rules: str = DENY_ALL) -> Policy:
    """A policy with no bounds to speak of, but for what is `said`, by key."""
    told = {"version": 3, "name": "made", "live": live} | WIDE | (said or {})
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
    return policy_of("\n".join(lines) + "\n" + rules, "the test's policy")


def known(
    members: Sequence[dict[str, Any]] = (),
    *,
    orgs: dict[str, int] | None = None,
    others: int = 100,
    confidence: float = 0.99,
    kind: str = "distillation",
    program: dict[str, str] | None = None,
    until: dt.datetime = NOW,
    **more: pa.Table,
) -> Known:
    """`members` are rows of account, campaign, confidence, exchanges and org; all may be left out
    but the account. `orgs` have so many accounts, named `ORG-0` and so on; `others` have none."""
    rows = [
        {"campaign": "cmp-1", "confidence": 0.98, "exchanges": 90, "last": until, **row}
        for row in members
    ]
    where = {f"{org}-{i}": org for org, many in (orgs or {}).items() for i in range(many)}
    where |= {f"other-{i}": None for i in range(others)}
    where |= {row["account"]: row.get("org", where.get(row["account"])) for row in rows}
    campaigns = sorted({row["campaign"] for row in rows})
    return Known(
        campaigns=pa.Table.from_pylist(
            [
                {
                    "campaign_id": name,
                    "kind": kind,
                    "confidence": confidence,
                    "accounts": sum(row["campaign"] == name for row in rows),
                    "exchanges": 1000,
                    "capabilities": [("coding", 0.7), ("chat", 0.3)],
                }
                for name in campaigns
            ],
            tables.CAMPAIGNS,
        ),
        members=pa.Table.from_pylist(
            [
                {
                    "campaign_id": row["campaign"],
                    "account_id": row["account"],
                    "confidence": row["confidence"],
                    "first_ts": until - 10 * DAY,
                    "last_ts": row["last"],
                    "exchanges": row["exchanges"],
                }
                for row in rows
            ],
            tables.MEMBERS,
        ),
        accounts=pa.Table.from_pylist(
            [
                {
                    "account_id": account,
                    "exchanges": 100,
                    "first_ts": until - 10 * DAY,
                    "last_ts": until,
                    "org_id": org,
                    "verdict": "alone",
                    "detail": "{}",
                }
                for account, org in where.items()
            ],
            tables.STANDING,
        ),
        registrations=pa.Table.from_pylist(
            [{"account_id": a, "program": p} for a, p in (program or {}).items()], REGISTERED
        ),
        until=until,
        **more,
    )


def members(names: Collection[str], **same: Any) -> list[dict[str, Any]]:
    """Rows for `known`, alike but for the account."""
    return [{"account": name, **same} for name in names]


def case(
    state: str, number: int = 7, campaign: str = "cmp-1", account: str | None = None
) -> pa.Table:
    """A case of a campaign, or how an account of it stands otherwise."""
    row = {"campaign_id": campaign, "account_id": account, "case_id": number, "state": state}
    return pa.Table.from_pylist([row], CASE_FACTS)


def enforced(accounts: Collection[str], action: str = "deny", days: int = 30) -> pa.Table:
    """What people decided a day ago."""
    return pa.Table.from_pylist(
        [
            {
                "account_id": account,
                "action": action,
                "since": NOW - DAY,
                "until": NOW + days * DAY,
                "enforcement_id": 1,
                "case_id": 7,
            }
            for account in accounts
        ],
        ENFORCED,
    )


def reversed_(accounts: Collection[str], days: int = 30) -> pa.Table:
    """What a person took back."""
    rows = [
        {
            "account_id": account,
            "decision_id": f"reversed-{account}",
            "action": "deny",
            "since": NOW - DAY,
            "until": NOW + days * DAY,
            "reversal_id": 1,
        }
        for account in accounts
    ]
    return pa.Table.from_pylist(rows, REVERSALS)


def standings(decisions: pa.Table) -> dict[str, str]:
    """By account, where its decision stands."""
    columns = decisions["account_id"].to_pylist(), decisions["standing"].to_pylist()
    return dict(zip(*columns, strict=True))
