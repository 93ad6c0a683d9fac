"""Exchanges that meet decisions, one by one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch import tables
from stillwatch.policy.file import Throttle
from stillwatch.policy.replay import Outcome, Walk

from .made import DAY, NOW

EXCHANGES = (
    pa.schema([(n, tables.EXCHANGES.field(n).type) for n in ("account_id", "ts")])
    .append(pa.field("surface", pa.string()))
    .append(pa.field("model", pa.string()))
)


def decision(account: str, action: str, **more: Any) -> dict[str, Any]:
    """One in force since a day, for another."""
    return {
        "decision_id": f"d-{account}",
        "account_id": account,
        "action": action,
        "standing": "in_force",
        "since": NOW - DAY,
        "until": NOW + DAY,
        "reason": "member",
        "rule": "r",
        "confidence": 0.9,
        "detail": "{}",
        **more,
    }


def exchanges(rows: list[tuple[str, float, str, str]]) -> pa.Table:
    """Account, seconds after `NOW`, surface and model."""
    told = [
        {
            "account_id": who,
            "ts": NOW + dt.timedelta(seconds=at),
            "surface": surface,
            "model": model,
        }
        for who, at, surface, model in rows
    ]
    return pa.Table.from_pylist(told, EXCHANGES)


def walked(decisions: list[dict[str, Any]], rows: pa.Table, **throttle: Any) -> list[int]:
    """The outcomes."""
    table = pa.Table.from_pylist(decisions, tables.DECISIONS)
    return Walk(Throttle(**throttle)).outcomes(table, rows)[0].tolist()


def test_each_action_has_its_outcome() -> None:
    """And who isn't decided on, or whose decision isn't in force, goes free."""
    actions = ["observe", "withhold", "step_up", "deny", "suspend"]
    decided = [decision(action, action) for action in actions]
    decided += [decision("held", "deny", standing="held")]
    decided += [decision("later", "deny", since=NOW + DAY / 2)]
    decided += [decision("over", "deny", until=NOW)]
    names = [*actions, "held", "later", "over", "nobody"]
    found = walked(decided, exchanges([(name, 1, "api", "m") for name in names]))
    assert found == [
        Outcome.OBSERVED,
        Outcome.WITHHELD,
        Outcome.CHALLENGED,
        Outcome.REFUSED,
        Outcome.REFUSED,
        *[Outcome.FREE] * 4,
    ]


def test_a_scope_is_kept_to() -> None:
    """Of surfaces and of models, both."""
    decided = [decision("a", "deny", surfaces=["api"], models=["big", "new"])]
    rows = [
        ("a", 1, "api", "big"),
        ("a", 2, "app", "big"),
        ("a", 3, "api", "small"),
        ("a", 4, "api", "new"),
    ]
    assert walked(decided, exchanges(rows)) == [5, 0, 0, 5]


def test_slowed_down_is_some_at_once_and_then_one_in_a_while() -> None:
    """Against counting by hand: bursts of two, one in ten seconds; a pause gives the burst back."""
    times = [0, 0, 0, 5, 10, 11, 20, 100, 100, 100]
    found = walked(
        [decision("a", "throttle")],
        exchanges([("a", at, "api", "m") for at in times]),
        every_s=10,
        burst=2,
    )
    free, slow = Outcome.FREE, Outcome.SLOWED
    assert found == [free, free, slow, slow, free, slow, free, free, free, slow]


def test_who_is_slowed_down_is_remembered_from_span_to_span() -> None:
    """And by account."""
    table = pa.Table.from_pylist(
        [decision("a", "throttle"), decision("b", "throttle")], tables.DECISIONS
    )
    walk = Walk(Throttle(every_s=10, burst=1))
    first, row = walk.outcomes(table, exchanges([("a", 0, "api", "m"), ("b", 5, "api", "m")]))
    then, _ = walk.outcomes(table, exchanges([("a", 6, "api", "m"), ("b", 16, "api", "m")]))
    assert first.tolist() == [Outcome.FREE, Outcome.FREE]
    assert then.tolist() == [Outcome.SLOWED, Outcome.FREE]
    np.testing.assert_array_equal(row, [0, 1])
