"""Budgets: how much rules may do, so that being wrong costs little. What exceeds one is held."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stillwatch.policy.accounts import DAY_US, NOBODY, Accounts
from stillwatch.policy.file import Budget
from stillwatch.policy.match import Matched


@dataclass(frozen=True)
class Limits:
    """What the budgets come to, for the accounts there are."""

    new: int
    """Accounts that may be newly acted on, what the last 24 hours took already taken off."""
    total: int
    honest: float
    by_org: np.ndarray
    """Most accounts of each organisation; without a bound in small ones."""


def limits_of(budget: Budget, accounts: Accounts, spent: int) -> Limits:
    """Shares are of active accounts, and rounded down."""
    sizes = accounts.org_sizes()
    bound = np.floor(budget.share_of_org * sizes).astype(np.int64)
    return Limits(
        new=max(budget.accounts_a_day - spent, 0),
        total=math.floor(budget.share_of_accounts * accounts.active_count),
        honest=budget.honest_exchanges_a_day,
        by_org=np.where(sizes >= budget.org_accounts, bound, np.iinfo(np.int64).max),
    )


def honest_a_day(matched: Matched, accounts: Accounts) -> tuple[np.ndarray, np.ndarray]:
    """Exchanges a day of each match's account, and how many of them are expected to be honest.

    Honest is all that isn't the campaign's, and of what is, as much as its confidence leaves. Who
    has fallen silent sends nothing that could be hit.
    """
    at = matched.account
    days = np.where(accounts.silent[at], np.inf, accounts.span_us[at] / DAY_US)
    all_of_it = np.maximum(accounts.exchanges[at], matched.attributed)
    others = all_of_it - matched.attributed
    return all_of_it / days, (others + (1 - matched.confidence) * matched.attributed) / days


def hold(
    limits: Limits,
    order: np.ndarray,
    new: np.ndarray,
    honest: np.ndarray,
    org: np.ndarray,
) -> list[str | None]:
    """The budget that holds each row, None for what is within them all.

    Rows are granted in `order`, each where it fits. `new` is whether it counts against the day.
    """
    held: list[str | None] = [None] * len(order)
    left, total, spent = limits.new, 0, 0.0
    by_org = limits.by_org.tolist()
    honest_, new_, org_ = honest.tolist(), new.tolist(), org.tolist()
    for row in order.tolist():
        mine = org_[row]
        if new_[row] and not left:
            held[row] = "accounts_a_day"
        elif total >= limits.total:
            held[row] = "share_of_accounts"
        elif mine != NOBODY and not by_org[mine]:
            held[row] = "share_of_org"
        elif spent + honest_[row] > limits.honest:
            held[row] = "honest_exchanges_a_day"
        else:
            total += 1
            spent += honest_[row]
            left -= new_[row]
            if mine != NOBODY:
                by_org[mine] -= 1
    return held
