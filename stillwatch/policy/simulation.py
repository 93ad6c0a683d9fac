"""What a policy would have done to a log, summed up: whom it hits, what it stops, what it costs."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ladder import Action
from stillwatch.policy.file import Policy
from stillwatch.policy.plan import Plan
from stillwatch.policy.replay import STOPS, Outcome

Walked = tuple[pa.Table, np.ndarray, np.ndarray]
"""Exchanges of a span, and the outcome and the decision (row of the plan in force) of each."""


@dataclass(frozen=True)
class Span:
    """The end of some days: what had been found, and the plan that was made of it."""

    until: dt.datetime
    campaigns: int
    plan: Plan


@dataclass(frozen=True)
class Day:
    """One span: what was decided at its end, and what its own exchanges met.

    Exchanges are counted by `touched` (what was stopped, challenged, or withheld from);
    `honest_expected` is how many of those are expected to be honest, `honest` how many are, where
    the log has labels. `attributed` are campaigns' exchanges, `let_through` those answered.
    """

    until: dt.datetime
    campaigns: int
    standings: dict[str, int]
    budgets: dict[str, float]
    trips: tuple[str, ...]
    exchanges: int
    touched: int
    honest_expected: float
    honest: int | None
    attributed: int
    let_through: int


@dataclass(frozen=True)
class Leak:
    """What one campaign got: `exchanges` without the policy, `let_through` with it.

    Of those let through, `withheld` came with parts left out.
    """

    campaign: str
    exchanges: int
    let_through: int
    withheld: int


@dataclass(frozen=True)
class Hit:
    """Accounts that felt an action at its hardest, of them honest ones, and by role."""

    action: str
    accounts: int
    honest: int | None
    roles: dict[str, int]


@dataclass(frozen=True)
class Simulation:
    """All days. `labelled`: honest and campaigns' are by the log's labels, else by findings."""

    policy: dict[str, Any]
    labelled: bool
    days: tuple[Day, ...]
    hits: tuple[Hit, ...]
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, for JSON; times are ISO 8601."""
        told = asdict(self)
        for day in told["days"]:
            day["until"] = day["until"].isoformat()
        return told


def summed(
    policy: Policy,
    spans: Sequence[Span],
    walked: Sequence[Walked],
    attributed: pa.Table,
    accounts: pa.Table | None,
    notes: Sequence[str],
) -> Simulation:
    """Sum up spans in order. What happens in one is by the plan that the one before it ended with.

    `attributed` has exchange_id and campaign_id, of labels or of the last findings; `accounts` are
    labels of `tables.LABEL_ACCOUNTS`, None where there are none. `notes` are told along.
    """
    labelled = accounts is not None
    ids = attributed["exchange_id"].combine_chunks()
    campaigns = attributed["campaign_id"].combine_chunks()
    days, hardest = [], Counter[str]()
    made, through, withheld = Counter[str](), Counter[str](), Counter[str]()
    in_force: Plan | None = None
    for span, (rows, outcome, row) in zip(spans, walked, strict=True):
        campaign = campaigns.take(pc.index_in(rows["exchange_id"], value_set=ids).combine_chunks())
        theirs = pc.is_valid(campaign).to_numpy(zero_copy_only=False)
        let = ~np.isin(outcome, STOPS)
        part = outcome == Outcome.WITHHELD
        for counter, which in ((made, theirs), (through, theirs & let), (withheld, theirs & part)):
            counter.update(campaign.filter(pa.array(which)).to_pylist())
        felt = outcome >= Outcome.WITHHELD
        _harden(hardest, rows["account_id"], outcome)
        days.append(
            Day(
                until=span.until,
                campaigns=span.campaigns,
                standings=dict(Counter(span.plan.decisions["standing"].to_pylist())),
                budgets={name: used for name, (used, _) in span.plan.used.items()},
                trips=tuple(trip.says for trip in span.plan.trips),
                exchanges=rows.num_rows,
                touched=int(felt.sum()),
                honest_expected=_expected(in_force, row[felt]),
                honest=int((felt & ~theirs).sum()) if labelled else None,
                attributed=int(theirs.sum()),
                let_through=int((theirs & let).sum()),
            )
        )
        in_force = span.plan
    leaks = [Leak(name, made[name], through[name], withheld[name]) for name in sorted(made)]
    told = {"version": policy.version, "name": policy.name, "digest": policy.digest}
    hits = _hits(hardest, accounts)
    return Simulation(told, labelled, tuple(days), hits, tuple(leaks), tuple(notes))


def _expected(plan: Plan | None, rows: np.ndarray) -> float:
    """Of exchanges that were touched by these decisions, how many are expected to be honest."""
    if plan is None or not len(rows):
        return 0.0
    decisions = plan.decisions.filter(pc.equal(plan.decisions["standing"], "in_force"))
    total = 0.0
    for row, times in Counter(rows.tolist()).items():
        told = json.loads(decisions["detail"][row].as_py())
        total += times * told["honest_a_day"] / max(told["exchanges_a_day"], 1e-9)
    return total


def _harden(hardest: Counter[str], accounts: pa.ChunkedArray, outcome: np.ndarray) -> None:
    """Note the hardest outcome that each account has had."""
    felt = np.flatnonzero(outcome > Outcome.FREE)
    names = accounts.take(pa.array(felt)).to_pylist()
    for name, what in zip(names, outcome[felt].tolist(), strict=True):
        hardest[name] = max(hardest[name], what)


_NAMES = {
    Outcome.OBSERVED: Action.OBSERVE,
    Outcome.WITHHELD: Action.WITHHOLD,
    Outcome.CHALLENGED: Action.STEP_UP,
    Outcome.SLOWED: Action.THROTTLE,
    Outcome.REFUSED: Action.DENY,
}


def _hits(hardest: Counter[str], accounts: pa.Table | None) -> tuple[Hit, ...]:
    roles: dict[str, str] = {}
    guilty: set[str] = set()
    if accounts is not None:
        roles = dict(
            zip(accounts["account_id"].to_pylist(), accounts["role"].to_pylist(), strict=True)
        )
        of = accounts.filter(pc.is_valid(accounts["campaign"]))
        guilty = set(of["account_id"].to_pylist())
    found = []
    for outcome, action in _NAMES.items():
        mine = [name for name, what in hardest.items() if what == outcome]
        by_role = Counter(roles.get(name, "unknown") for name in mine) if roles else Counter()
        honest = None if accounts is None else sum(name not in guilty for name in mine)
        found.append(Hit(action.value, len(mine), honest, dict(sorted(by_role.items()))))
    return tuple(found)
