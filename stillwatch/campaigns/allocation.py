"""Work allocation: is the work dealt out, as a queue deals it to its workers?

Three statistics, each against outsiders: members' loads are more equal than chance makes them
(coefficient of variation); their busy days are the same days (correlation of an account's daily
counts with everybody else's on its side); and prompts that come again come on another account as
often as random dealing would have it. The first two give p-values, combined by Bonferroni; the
third is a figure that the rival explanations use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.component import DRAWS, Component, Test, mean_p
from stillwatch.statistics.evalues import log10_e
from stillwatch.statistics.pairs import distinct_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

DAY_US = 86_400_000_000
MOST_DAYS = 800
BLOCK = 1 << 20
"""Exchanges that are counted at a time."""


def work_allocation(traffic: Traffic, component: Component) -> Test:
    """The test for one group, over its attributed exchanges."""
    inside = daily_counts(traffic, component.rows, component.accounts)
    outside = component.outsiders
    if len(outside) < 20 or len(inside) < 3:
        return Test("work_allocation", 0.0, "Too few accounts to compare.", {}, np.zeros(0, int))
    load, load_p = _equal_load(inside.sum(1), outside.load)
    pace, usual = together(inside), outside.pace
    pace_p = mean_p(pace, usual)
    dealt = dealing(traffic, component)
    p = min(1.0, 2 * min(load_p, pace_p))
    figures = {
        "load_variation": round(load, 3),
        "load_p": load_p,
        "daily_correlation": round(float(pace.mean()), 3),
        "daily_correlation_outside": round(float(usual.mean()), 3),
        "daily_p": pace_p,
        "repeats_dealt": round(dealt, 3),
        "p": p,
    }
    says = (
        f"Loads vary by {load:.0%} of their mean (p {load_p:.2g} for as many accounts outside); "
        f"a member's busy days agree with the others' at {figures['daily_correlation']:.2f} "
        f"(outside {figures['daily_correlation_outside']:.2f})."
    )
    return Test("work_allocation", float(log10_e(p)), says, figures, component.rows[:4])


def dealing(traffic: Traffic, component: Component) -> float:
    """Repeats within an account, over what random dealing expects: 1 for a queue.

    Far above 1 where accounts repeat themselves (one's own template or habit), 0 where each runs
    through a set once. NaN where nothing repeats.
    """
    rows = component.rows[traffic.exchanges["frame"][component.rows] != 0]
    if not len(rows):
        return float("nan")
    frame = traffic.exchanges["frame"][rows]
    account = traffic.exchanges.account[rows]
    _, frame_place = np.unique(frame, return_inverse=True)
    _, account_place, load = np.unique(account, return_inverse=True, return_counts=True)
    pairs = _pairs(np.bincount(frame_place))
    if pairs == 0:
        return float("nan")
    within = _pairs(distinct_pairs(frame_place, account_place)[1])
    chance = float(((load / load.sum()) ** 2).sum())
    return within / (pairs * chance)


def _pairs(counts: NDArray[np.integer]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def daily_counts(
    traffic: Traffic, rows: NDArray[np.integer], accounts: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Exchanges a day, (accounts, days)."""
    place = np.full(len(traffic.accounts), -1)
    place[accounts] = np.arange(len(accounts))
    mine = rows[place[traffic.exchanges.account[rows]] >= 0]
    day = traffic.exchanges["ts"][mine] // DAY_US
    first = int(traffic.accounts.first.min() // DAY_US)
    days = int(traffic.accounts.last.max() // DAY_US) - first + 1
    day -= first
    if days > MOST_DAYS:
        # A clock that is years off must not make a table of years: only days in use are kept.
        used, day = np.unique(day, return_inverse=True)
        days = max(1, len(used))
    cell = place[traffic.exchanges.account[mine]] * days + day
    return np.bincount(cell, minlength=len(accounts) * days).reshape(-1, days).astype(float)


def counts_of_all(traffic: Traffic) -> NDArray[np.float64]:
    """Exchanges a day of all accounts, (N, days)."""
    everyone, rows = np.arange(len(traffic.accounts)), range(0, len(traffic.exchanges), BLOCK)
    span = int(traffic.accounts.last.max() - traffic.accounts.first.min()) // DAY_US
    if span >= MOST_DAYS - 1:
        return daily_counts(traffic, np.arange(len(traffic.exchanges)), everyone)
    blocks = (np.arange(i, min(i + BLOCK, len(traffic.exchanges))) for i in rows)
    return sum(daily_counts(traffic, block, everyone) for block in blocks)  # pyright: ignore


def _equal_load(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> tuple[float, float]:
    """Robust variation of the loads, and the share of draws of outsiders as even or more."""
    observed = _variation(inside[None, :])[0]
    size = min(len(inside), 64)
    draws = np.random.default_rng(20260223).choice(np.sort(outside), (DRAWS, size))
    return float(observed), float((1 + (_variation(draws) <= observed).sum()) / (1 + DRAWS))


def _variation(loads: NDArray[np.float64]) -> NDArray[np.float64]:
    low, middle, high = np.quantile(loads, (0.25, 0.5, 0.75), axis=1)
    return (high - low) / 1.349 / np.maximum(middle, 1.0)


def together(daily: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of each account's daily counts with the sum of all others', (accounts,)."""
    rest = daily.sum(0) - daily
    a = daily - daily.mean(1, keepdims=True)
    b = rest - rest.mean(1, keepdims=True)
    norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), norm, out=np.zeros(len(daily)), where=norm > 0)
