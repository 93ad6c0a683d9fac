"""Decisions, and folders of gateways, made for tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch import tables
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.publishing import Listed, publish_plan
from stillwatch.gateway.request import Request
from stillwatch.gateway.works.learn import Works, no_works
from stillwatch.policy import Plan, Policy, default_policy

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
NOW_US = int(NOW.timestamp() * 1_000_000)
LIVE = replace(default_policy(), live=True)
DAY = dt.timedelta(days=1)


def decision(account: str, action: str = "deny", **columns: Any) -> dict[str, Any]:
    """A row of `tables.DECISIONS` that is in force, but for what is said."""
    return {
        "decision_id": f"d-{account}",
        "account_id": account,
        "action": action,
        "standing": "in_force",
        "since": NOW - DAY,
        "until": NOW + DAY,
        "reason": "member",
        "rule": "certain",
        "confidence": 0.99,
        "campaign_id": "c-one",
        "detail": "{}",
        **columns,
    }


def publish(
    folder: Path,
    *rows: dict[str, Any],
    policy: Policy = LIVE,
    works: Works | None = None,
    listed: Listed | None = None,
) -> int:
    """Publish decisions; returns the table's number."""
    made = Plan(pa.Table.from_pylist(list(rows), tables.DECISIONS), (), {}, policy, NOW)
    gate = Folder(folder, create=True)
    return publish_plan(gate, made, works or no_works(), listed or Listed((), ()), NOW)


def request(account: str, after_s: float = 0.0, **columns: Any) -> Request:
    """A request of an account, so many seconds after `NOW`."""
    return Request(account, NOW_US + round(after_s * 1_000_000), **columns)
