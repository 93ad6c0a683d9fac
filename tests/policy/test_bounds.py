"""What no findings can bring about, whatever they are: budgets and the breaker hold."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.policy import Known, Plan, plan
from stillwatch.policy.file import Policy

from .made import KEY, NOW, enforced, known, policy, reversed_

ORGS = {"one": 3, "ten": 10, "forty": 40}
NAMES = [f"{org}-{i}" for org, many in ORGS.items() for i in range(many)]
NAMES += [f"other-{i}" for i in range(40)]

RULES = """
[[rules]]
name = "sure"
when = { member_confidence = 0.9 }
action = "deny"
for_days = 3
reason = "r"
delay_hours = [0, 20]
[[rules]]
name = "likely"
when = { member_confidence = 0.5 }
action = "throttle"
for_days = 3
reason = "r"
[[rules]]
name = "rest"
action = "observe"
for_days = 3
reason = "r"
"""

# wide ones are as frequent as narrow ones, or one bound would hide the others
shares = st.sampled_from([1.0, 0.5, 0.2, 0.05, 0.0]) | st.just(1.0)
policies = st.fixed_dictionaries(
    {
        "budget.accounts_a_day": st.sampled_from([60, 10, 3, 1, 0]),
        "budget.honest_exchanges_a_day": st.sampled_from([1e6, 50.0, 5.0, 0.0]) | st.just(1e6),
        "budget.share_of_accounts": shares,
        "budget.share_of_org": shares,
        "budget.org_accounts": st.sampled_from([1, 5, 20]),
        "breaker.share_of_org": shares,
        "breaker.org_accounts": st.sampled_from([1, 10]),
        "breaker.share_of_accounts": shares,
        "breaker.jump": st.sampled_from([1e6, 3.0, 1.0]) | st.just(1e6),
        "breaker.jump_accounts": st.integers(0, 40),
        "allow.orgs": st.sampled_from([[], ["ten"]]),
    }
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "account": st.sampled_from(NAMES),
            "campaign": st.sampled_from(["cmp-1", "cmp-2"]),
            "confidence": st.floats(0, 1),
            "exchanges": st.integers(1, 100),
        }
    ),
    max_size=150,
    unique_by=lambda row: (row["account"], row["campaign"]),
)
days = st.lists(st.tuples(rows, st.integers(1, 30)), min_size=1, max_size=4)


@given(policies, days, st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_plan_exceeds_a_bound(
    bounds: dict[str, Any], days: list[tuple[list[dict[str, Any]], int]], live: bool
) -> None:
    """Plan after plan, hours apart, on findings that have nothing to do with each other."""
    said = policy(bounds, live=live, rules=RULES)
    now, earlier = NOW, None
    acted: list[tuple[dt.datetime, str]] = []
    before: set[str] = set()
    for found, hours in days:
        now += dt.timedelta(hours=hours)
        facts = known(
            [{**row, "last": now} for row in found],
            orgs=ORGS,
            others=40,
            until=now,
            enforced=enforced(["other-39"]),
            reversals=reversed_(["other-38"]),
        )
        planned = plan(facts, said, now, KEY, earlier)
        assert len(set(planned.decisions["account_id"].to_pylist())) == planned.decisions.num_rows
        hit = acting(planned, live)
        check_budgets(said, facts, planned, hit)
        if planned.trips:
            assert set(hit) <= before, "nothing new is in force where a breaker is open"
        assert not any(account.startswith("ten-") for account in hit if bounds["allow.orgs"])
        assert not {"other-38", "other-39"} & set(hit)
        acted += [(now, account) for account in set(hit) - before]
        today = {account for when, account in acted if when > now - dt.timedelta(days=1)}
        assert len(today) <= said.budget.accounts_a_day
        before, earlier = set(hit), planned.decisions


def acting(planned: Plan, live: bool) -> dict[str, float]:
    """Accounts that rules act on, and their honest exchanges a day."""
    return {
        row["account_id"]: json.loads(row["detail"])["honest_a_day"]
        for row in planned.decisions.to_pylist()
        if row["standing"] == ("in_force" if live else "dry_run")
        and row["action"] != "observe"
        and row["reason"] == "member"
    }


def check_budgets(said: Policy, facts: Known, planned: Plan, hit: dict[str, float]) -> None:
    """Counted by hand, from the tables."""
    budget, org = (
        said.budget,
        dict(
            zip(
                facts.accounts["account_id"].to_pylist(),
                facts.accounts["org_id"].to_pylist(),
                strict=True,
            )
        ),
    )
    assert len(hit) <= math.floor(budget.share_of_accounts * len(org))
    # what is told of it is rounded to a thousandth
    assert sum(hit.values()) <= budget.honest_exchanges_a_day + 0.0005 * len(hit) + 1e-6
    sizes = {name: list(org.values()).count(name) for name in ORGS}
    for name, size in sizes.items():
        if size >= budget.org_accounts:
            assert sum(org[a] == name for a in hit) <= math.floor(budget.share_of_org * size)
    for name, (used, allowed) in planned.used.items():
        if name != "accounts_a_day":
            assert used <= allowed + 1e-6, name


@given(policies, rows, rows, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_another_order_of_rows_gives_the_same_plan(
    bounds: dict[str, Any], first: list[dict[str, Any]], then: list[dict[str, Any]], random: Any
) -> None:
    """Also where many are alike and only some fit a budget."""
    said = policy(bounds, rules=RULES)
    facts = [known([{**r, "confidence": 0.9} for r in found], orgs=ORGS) for found in (first, then)]
    earlier = plan(facts[0], said, NOW, KEY).decisions
    later = NOW + dt.timedelta(hours=3)
    one = plan(facts[1], said, later, KEY, earlier)
    other = plan(shuffled(facts[1], random), said, later, KEY, mixed(earlier, random))
    assert one.decisions.equals(other.decisions)
    assert one.record() == other.record()


def shuffled(facts: Known, random: Any) -> Known:
    """The same tables, their rows in another order, and in chunks."""
    names = ("campaigns", "members", "accounts", "registrations")
    return replace(facts, **{name: mixed(getattr(facts, name), random) for name in names})


def mixed(table: pa.Table, random: Any) -> pa.Table:
    """Rows in another order, in two chunks."""
    order = list(range(table.num_rows))
    random.shuffle(order)
    table, cut = table.take(np.array(order, np.int64)), table.num_rows // 2
    return pa.concat_tables([table.slice(0, cut), table.slice(cut)])
