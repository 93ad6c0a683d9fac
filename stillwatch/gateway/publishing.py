"""Publishing: a plan, and what is known of live campaigns' work, into the folder of a gateway."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.gateway.bounds import Bounds
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.history import DecisionLog
from stillwatch.gateway.table import account_digest, table_of

if TYPE_CHECKING:
    from stillwatch.gateway.works.learn import Works
    from stillwatch.policy import Plan, Policy

_SECOND_US = 1_000_000


class Listed(NamedTuple):
    """Accounts that are never taken for new ones, and organisations whose accounts aren't."""

    accounts: Collection[str]
    orgs: Collection[str]


def publish_plan(folder: Folder, plan: Plan, works: Works, listed: Listed, now: dt.datetime) -> int:
    """Publish a plan's decisions; returns the table's number.

    From then on they hold, outlast any kill, and can be looked up. Those that aren't in force stand
    in the table too, so that a gate can say why it does nothing; those that have `ended` don't.
    """
    decisions = plan.decisions.filter(pc.field("standing") != "ended")
    says, arrays = table_of(decisions, folder.key)
    known = [account_digest(account, folder.key)[0] for account in listed.accounts]
    version = folder.version + 1
    DecisionLog(folder.path).record(plan.decisions, plan.policy.version, version)
    write_whole(folder.path / "decisions.parquet", plan.decisions)
    return folder.publish(
        {
            **says,
            "works": works.says(),
            "orgs": sorted(listed.orgs),
            "bounds": bounds_of(plan.policy, works.honest).says(),
            "published_us": round(now.timestamp() * _SECOND_US),
        },
        {
            **arrays,
            **works.arrays,
            "known": np.unique(np.array(known, np.uint64)),
        },
        plan.record(),
    )


def last_plan(folder: Folder) -> pa.Table | None:
    """The decisions that were published last."""
    path = folder.path / "decisions.parquet"
    return tables.require(pq.read_table(path), tables.DECISIONS, path) if path.exists() else None


def bounds_of(policy: Policy, honest: int) -> Bounds:
    """The policy as far as a gate needs it, with work learnt from so many `honest` accounts."""
    recognition = policy.recognition
    return Bounds(
        policy_version=policy.version,
        live=policy.live,
        every_us=round(policy.throttle.every_s * _SECOND_US),
        burst=policy.throttle.burst,
        window_us=policy.breaker.window_s * _SECOND_US,
        refused_share=policy.breaker.refused_share,
        least_requests=policy.breaker.least_requests,
        recognition=recognition.action,
        recognition_us=round(recognition.for_hours * 3600 * _SECOND_US),
        first_requests=recognition.least_requests,
        false_rate=recognition.rate_after(honest),
        recognised_a_day=policy.budget.accounts_a_day,
    )


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a table so that a reader finds the old one or the new one."""
    draft = path.with_name(f".{path.name}.new")
    pq.write_table(table, draft)
    draft.replace(path)
