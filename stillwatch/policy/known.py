"""What a plan is made of: findings, registrations, and what people have said in cases.

Stages meet in tables, so whoever composes them (`enforcing`, `replaying`, the command line) brings
findings and cases into these.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pyarrow as pa

from stillwatch import tables

REGISTERED = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("org_id", pa.string()),
        pa.field("program", pa.string()),
    ]
)
"""What allow-lists and the shares of organisations go by; columns of `tables.ACCOUNTS`."""

CASE_FACTS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string()),
        pa.field("case_id", pa.int64(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
    ]
)
"""The case of a campaign, where `account_id` is null; the other rows are accounts of it that stand
otherwise: they were split off, or joined after the decision. `state` is of `file.CaseState`."""

ENFORCED = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("since", tables.TIME, nullable=False),
        pa.field("until", tables.TIME, nullable=False),
        pa.field("enforcement_id", pa.int64(), nullable=False),
        pa.field("case_id", pa.int64(), nullable=False),
    ]
)
"""What people decided in cases and is in force, one row an account."""

REVERSALS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("since", tables.TIME, nullable=False),
        pa.field("until", tables.TIME, nullable=False),
        pa.field("reversal_id", pa.int64(), nullable=False),
    ]
)
"""Decisions of rules, or of a gate, that people took back, one row an account: until then it is
left alone."""


@dataclass(frozen=True)
class Known:
    """`campaigns`, `members` and `accounts` are of findings: `tables.CAMPAIGNS`, `tables.MEMBERS`
    and `tables.STANDING` (of it account_id, exchanges, first_ts, last_ts and org_id).

    `until` is how far the findings have read; the latest time among the accounts where None.
    """

    campaigns: pa.Table
    members: pa.Table
    accounts: pa.Table
    registrations: pa.Table = field(default_factory=REGISTERED.empty_table)
    cases: pa.Table = field(default_factory=CASE_FACTS.empty_table)
    enforced: pa.Table = field(default_factory=ENFORCED.empty_table)
    reversals: pa.Table = field(default_factory=REVERSALS.empty_table)
    until: dt.datetime | None = None
