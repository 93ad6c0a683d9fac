"""The plan: what is decided on every account, and what stops it.

In the order of who outranks whom: allow-lists, what people decided in cases, what they took back,
and then the rules. What rules decide goes through the breaker and the budgets.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.policy.accounts import Accounts, accounts_of
from stillwatch.policy.breaker import Trip
from stillwatch.policy.earlier import NEVER, Earlier, earlier_of
from stillwatch.policy.file import Approval, Policy
from stillwatch.policy.keeping import kept
from stillwatch.policy.known import Known
from stillwatch.policy.match import Matched, match
from stillwatch.policy.restraint import restrain, used
from stillwatch.policy.rows import enforced_rows, reversed_rows, ruled_rows
from stillwatch.policy.schedule import schedule
from stillwatch.policy.words import rule_words


@dataclass(frozen=True)
class Plan:
    """`decisions` (of `tables.DECISIONS`, one row an account, by account) and what stopped others.

    `used` is by budget how much of it rules use, and how much there is. `at` is when it was made.
    """

    decisions: pa.Table
    trips: tuple[Trip, ...]
    used: dict[str, tuple[float, float]]
    policy: Policy
    at: dt.datetime

    @property
    def counts(self) -> list[dict[str, Any]]:
        """How many accounts stand where, by action and rule."""
        by = ["standing", "action", "rule"]
        counted = self.decisions.group_by(by).aggregate([([], "count_all")])
        rows = counted.rename_columns([*by, "accounts"]).to_pylist()
        return sorted(rows, key=lambda row: tuple(row[name] for name in by))

    def record(self) -> dict[str, Any]:
        """What is told of it, for JSON: no account is named, and organisations only in trips."""
        policy = self.policy
        return {
            "policy": {
                "version": policy.version,
                "name": policy.name,
                "digest": policy.digest,
                "live": policy.live,
            },
            "rules": [
                {"name": rule.name, "says": rule_words(rule), "reason": rule.reason}
                for rule in policy.rules
            ],
            "at": self.at.astimezone(dt.UTC).isoformat(),
            "counts": self.counts,
            "budgets": {
                name: {"used": round(taken, 4), "allowed": allowed}
                for name, (taken, allowed) in self.used.items()
            },
            "trips": [asdict(trip) for trip in self.trips],
        }


def plan(
    known: Known,
    policy: Policy,
    now: dt.datetime,
    key: bytes,
    earlier: pa.Table | None = None,
) -> Plan:
    """What the policy decides on what is known at `now` (with a zone).

    `key`, 16 bytes or more, draws ids and delays: keep it, or decisions get other ones. `earlier`
    is the plan before this one: decisions keep their times and count once against the day's budget.
    Results don't depend on the order of rows. Raises `ValueError` where a table isn't of its
    schema, an account has two rows in one that gives it one, or the key is too short.
    """
    now_us = int(pa.scalar(now, tables.TIME).cast(pa.int64()).as_py())
    before = tables.DECISIONS.empty_table() if earlier is None else earlier
    before = tables.require(before, tables.DECISIONS, "the earlier plan")
    enforced, back = (
        table.filter(pc.greater(table["until"], pa.scalar(now, tables.TIME)))
        for table in (known.enforced, known.reversals)
    )
    unique = {"the earlier plan": before, "what is enforced": enforced, "what is reversed": back}
    for name, table in unique.items():
        if pc.count_distinct(table["account_id"]).as_py() != table.num_rows:
            raise ValueError(f"{name}: an account has more than one row")
    accounts = accounts_of(known, policy.allow, [before["account_id"], back["account_id"]], now_us)
    past = earlier_of(before, accounts, policy.live)
    recent = past.recent(now_us)

    matched = match(known, policy.rules, accounts, now_us)
    matched = kept(past, matched, known, policy.rules, accounts, now_us)
    by_people = np.isin(matched.account, accounts.at(enforced["account_id"]))
    matched = matched.take(np.flatnonzero(~by_people))
    times = schedule(matched, policy.rules, accounts, past, now_us, key)
    lasting = np.flatnonzero(times.until_us > np.maximum(times.since_us, now_us))
    matched, times = matched.take(lasting), times.take(lasting)

    standing = _standing(back, policy, accounts, matched)
    done = restrain(
        policy, accounts, matched, standing == "in_force", past, now_us, earlier is None
    )
    standing[done.held_by != ""] = "held"
    at = matched.account
    known_us = np.where((past.ruled | recent)[at], past.acted_us[at], NEVER)
    newly = done.acting & (known_us == NEVER)
    acted = np.where(newly, now_us, np.where(done.acting | recent[at], known_us, NEVER))
    figures = {"exchanges_a_day": done.exchanges_a_day, "honest_a_day": done.honest_a_day}
    rows = ruled_rows(policy, accounts, matched, times, standing, done.held_by, acted, figures)
    going_on = _standing_as(past.table.take(pa.array(past.row[at[done.stays]])), "in_force")
    rows = pa.concat_tables([rows.filter(pa.array(~done.stays)), going_on])
    human = _enforced(known, enforced, accounts, key, np.where(recent, past.acted_us, NEVER))
    decisions = pa.concat_tables([rows, human])
    others = pc.is_in(back["account_id"], value_set=decisions["account_id"].combine_chunks())
    decisions = pa.concat_tables([decisions, reversed_rows(back.filter(pc.invert(others)))])
    if not policy.live:
        dry = pc.equal(decisions["standing"], "in_force")
        decisions = _standing_as(decisions, pc.if_else(dry, "dry_run", decisions["standing"]))
    decisions = pa.concat_tables([decisions, _ended(past, accounts, decisions, recent)])
    today = int(recent.sum() + newly.sum())
    return Plan(
        decisions.sort_by("account_id").combine_chunks(),
        done.trips,
        used(policy, accounts, matched, done, today),
        policy,
        now,
    )


def _standing(back: pa.Table, policy: Policy, accounts: Accounts, matched: Matched) -> np.ndarray:
    """Where each match stands before anything is held."""
    waiting = np.array([rule.approval == Approval.REQUIRED for rule in policy.rules], bool)
    standing = np.full(len(matched.account), "in_force", object)
    standing[waiting[matched.rule]] = "waiting"
    standing[np.isin(matched.account, accounts.at(back["account_id"]))] = "reversed"
    standing[accounts.allowed[matched.account]] = "allowed"
    return standing


def _enforced(
    known: Known, enforced: pa.Table, accounts: Accounts, key: bytes, acted_us: np.ndarray
) -> pa.Table:
    """What people decided, with the surest membership of each account, certain without one."""
    whose = pc.is_in(known.members["account_id"], value_set=enforced["account_id"].combine_chunks())
    order = [("confidence", "descending"), ("campaign_id", "ascending")]
    members = known.members.filter(whose).sort_by(order).combine_chunks()
    at = pc.index_in(enforced["account_id"], value_set=members["account_id"].combine_chunks())
    confidence = pc.fill_null(members["confidence"].take(at), 1.0)
    campaign = members["campaign_id"].take(at)
    return enforced_rows(enforced, accounts, key, confidence, campaign, acted_us)


def _ended(past: Earlier, accounts: Accounts, decisions: pa.Table, recent: np.ndarray) -> pa.Table:
    """Whom rules first acted on today and don't decide on any more: the day's budget remembers."""
    gone = recent & (past.row >= 0)
    gone[accounts.at(decisions["account_id"])] = False
    return _standing_as(past.table.take(pa.array(past.row[gone])), "ended")


def _standing_as(rows: pa.Table, standing: Any) -> pa.Table:
    values = standing
    if isinstance(standing, str):
        values = pa.array([standing] * rows.num_rows, pa.string())
    return rows.set_column(
        rows.schema.get_field_index("standing"), tables.DECISIONS.field("standing"), values
    )
