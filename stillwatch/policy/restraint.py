"""What rules may do of what they would: the breaker first, and within it the budgets."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.policy.accounts import Accounts
from stillwatch.policy.breaker import Trip, trips_of
from stillwatch.policy.budgets import hold, honest_a_day, limits_of
from stillwatch.policy.earlier import Earlier
from stillwatch.policy.file import Policy
from stillwatch.policy.match import Matched


@dataclass(frozen=True)
class Restrained:
    """One row a match, in its order."""

    held_by: np.ndarray
    """The bound that holds it, as `breaker.jump`; empty where nothing does."""
    stays: np.ndarray
    """A harder rule has come, which the breaker holds: what was decided earlier goes on."""
    acting: np.ndarray
    """What it decides is done, and bears on traffic."""
    exchanges_a_day: np.ndarray
    honest_a_day: np.ndarray
    trips: tuple[Trip, ...]


def restrain(
    policy: Policy,
    accounts: Accounts,
    matched: Matched,
    candidate: np.ndarray,
    past: Earlier,
    now_us: int,
    first: bool,
) -> Restrained:
    """Hold what is too much of the `candidate` rows, those that would be in force.

    Whoever is acted on already comes first, then the surest. What only observes is never held. With
    `first` there was no earlier plan, so that nothing can have jumped.
    """
    severity = np.array([rule.action.severity for rule in policy.rules], int)[matched.rule]
    acts = candidate & (severity > 0)
    at = matched.account
    new, recent = ~past.ruled[at], past.recent(now_us)
    exchanges, honest = honest_a_day(matched, accounts)
    held_by = np.full(len(at), "", object)
    stays = np.zeros(len(at), bool)

    rows = np.flatnonzero(acts)
    unseen = (past.row[at] < 0) | past.tripped[at]
    fresh = None if first else (new & unseen)[rows]
    trips = trips_of(
        policy.breaker, matched.take(rows), accounts, new[rows], fresh, int(past.ruled.sum())
    )
    if trips:
        harder = ~new & (severity > past.severity[at]) & acts
        stays = harder & (past.until_us[at] > now_us)
        held_by[acts & (new | (harder & ~stays))] = f"breaker.{trips[0].bound}"
        rows = np.flatnonzero(acts & (held_by == ""))
    ids = accounts.ids.take(pa.array(at[rows]))
    rank = np.empty(len(rows), np.int64)
    rank[pc.sort_indices(ids).to_numpy()] = np.arange(len(rows))
    order = np.lexsort((rank, honest[rows], -matched.confidence[rows], new[rows]))
    held = hold(
        limits_of(policy.budget, accounts, int(recent.sum())),
        order,
        (new & ~recent[at])[rows],
        honest[rows],
        accounts.org[at[rows]],
    )
    held_by[rows] = [f"budget.{bound}" if bound else "" for bound in held]
    stays &= held_by == ""
    return Restrained(held_by, stays, acts & (held_by == ""), exchanges, honest, tuple(trips))


def used(
    policy: Policy, accounts: Accounts, matched: Matched, done: Restrained, today: int
) -> dict[str, tuple[float, float]]:
    """By budget, how much of it is used, and how much there is; `today` is of the last 24 hours."""
    budget, sizes = policy.budget, accounts.org_sizes()
    mine = accounts.org[matched.account[done.acting]]
    shares = np.bincount(mine[mine >= 0], minlength=len(sizes)) / np.maximum(sizes, 1)
    large = shares[sizes >= budget.org_accounts]
    return {
        "accounts_a_day": (today, budget.accounts_a_day),
        "honest_exchanges_a_day": (
            float(done.honest_a_day[done.acting].sum()),
            budget.honest_exchanges_a_day,
        ),
        "share_of_accounts": (
            int(done.acting.sum()) / max(accounts.active_count, 1),
            budget.share_of_accounts,
        ),
        "share_of_org": (float(large.max(initial=0.0)), budget.share_of_org),
    }
