"""The plan before this one: what was decided when, and who was acted on, by account."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ladder import Action
from stillwatch.policy.accounts import DAY_US, Accounts

NEVER = -1
MEMBER = "member"
ENFORCED = "enforced"
HELD_BY_BUDGET = "budget_spent"
HELD_BY_BREAKER = "breaker_open"
"""Codes of reasons; the gateway's answers use the same."""


@dataclass(frozen=True)
class Earlier:
    """The earlier decisions as arrays over the places of `Accounts`; `row` is -1 without one."""

    table: pa.Table
    row: np.ndarray
    decision_id: np.ndarray
    """Empty without one."""
    since_us: np.ndarray
    until_us: np.ndarray
    made_us: np.ndarray
    acted_us: np.ndarray
    """When a rule first acted on the account, `NEVER` where none did."""
    found_us: np.ndarray
    """When a plan last found it in the campaign, and below what it found."""
    last_us: np.ndarray
    attributed: np.ndarray
    campaign_confidence: np.ndarray
    severity: np.ndarray
    ruled: np.ndarray
    """A rule's decision was in force (under a policy that isn't live: would have been)."""
    tripped: np.ndarray
    """A breaker held it."""

    def recent(self, now_us: int) -> np.ndarray:
        """Whom a rule first acted on within the last 24 hours; they count against the day."""
        return self.acted_us > now_us - DAY_US


def earlier_of(table: pa.Table, accounts: Accounts, live: bool) -> Earlier:
    """`table`, of `tables.DECISIONS` with one row an account, by places of `accounts`.

    A live policy takes what was decided under one that wasn't for decided, and nobody for acted on.
    """
    table = table.combine_chunks()
    row = np.full(len(accounts.ids), -1, np.int64)
    row[accounts.at(table["account_id"])] = np.arange(table.num_rows)

    def spread(values: np.ndarray, absent: object) -> np.ndarray:
        padded = np.append(values, np.array([absent], values.dtype))
        return padded[row]

    standing = table["standing"].to_numpy()
    dry = standing == "dry_run"
    counts = (standing == "in_force") | (dry & (not live))
    ladder = pa.array([action.value for action in Action])
    severity = pc.fill_null(pc.index_in(table["action"], value_set=ladder), -1).to_numpy()
    reason = table["reason"].to_numpy()
    acted = _figure(table, "acted")
    return Earlier(
        table=table,
        row=row,
        decision_id=spread(np.asarray(table["decision_id"].to_numpy(), object), ""),
        since_us=spread(table["since"].cast(pa.int64()).to_numpy(), NEVER),
        until_us=spread(table["until"].cast(pa.int64()).to_numpy(), NEVER),
        made_us=spread(_figure(table, "made"), NEVER),
        acted_us=spread(np.where(dry & live, NEVER, acted), NEVER),
        found_us=spread(_figure(table, "found"), NEVER),
        last_us=spread(_figure(table, "last_seen"), NEVER),
        attributed=spread(_number(table, "attributed"), 0.0),
        campaign_confidence=spread(_number(table, "campaign_confidence"), 0.0),
        severity=spread(severity, -1),
        ruled=spread(counts & (severity > 0) & (reason != ENFORCED), False),
        tripped=spread(reason == HELD_BY_BREAKER, False),
    )


def _figure(table: pa.Table, name: str) -> np.ndarray:
    """A whole number out of `detail`, which plans write themselves; `NEVER` where there is none."""
    found = pc.extract_regex(table["detail"], f'"{name}":(?P<figure>[0-9]{{1,18}})')
    figures = pc.struct_field(found, "figure").cast(pa.int64())
    return pc.fill_null(figures, NEVER).to_numpy()


def _number(table: pa.Table, name: str) -> np.ndarray:
    """A number out of `detail`; 0 where there is none."""
    found = pc.extract_regex(table["detail"], f'"{name}":(?P<number>[0-9.e+-]{{1,30}})')
    return pc.fill_null(pc.struct_field(found, "number").cast(pa.float64()), 0.0).to_numpy()
