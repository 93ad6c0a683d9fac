"""Exchangeability: are the members samples of one distribution, nearer than strangers come?

Null: a member lies as far from the rest of the group as accounts outside every group do, taken
over the same capabilities. Statistic: unbiased squared MMD (Gretton et al. 2012).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.component import Component, Test
from stillwatch.campaigns.parts import parts_of
from stillwatch.statistics.evalues import log10_e, rank_p
from stillwatch.statistics.mmd import Means, Samples, means
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

LEAST_EXCHANGES = 8
"""Accounts with fewer are not compared one by one."""

LEAST_STRANGERS = 10
MOST_STRANGERS = 20_000
"""Accounts outside that members are compared with; of more, evenly spaced ones."""

REMEMBERED = 12
"""Samples of outsiders that are held for the next group that seeks the same."""

CHOICE = 0.301
"""log10 of what the better of two costs."""

TWINS = 0.004
"""Squared MMD up to which the members can be samples of one queue; beyond, the test speaks
against: two decades for each tenfold. Between people it is 0.01 and more."""


def exchangeability(traffic: Traffic, component: Component, twins: float = TWINS) -> Test:
    """The test for one group, by its members with at least eight attributed exchanges.

    Own traffic among what was attributed sets members apart. Where the test speaks against them it
    is therefore made once more on the surest exchanges, and pays for having had a choice of two.
    """
    test = _exchangeability(traffic, component, twins)
    if test.weight > 0 or not test.figures or component.surest is None:
        return test
    again = _exchangeability(traffic, replace(component, rows=component.surest), twins)
    if again.weight <= CHOICE:
        return test
    says = f"Of the exchanges attributed with least doubt: {again.says}"
    return replace(again, weight=again.weight - CHOICE, says=says)


def _exchangeability(traffic: Traffic, component: Component, twins: float) -> Test:
    sample = parts_of(traffic, component.rows, component.accounts)
    near = sample.size >= LEAST_EXCHANGES
    if near.sum() < 2:
        return Test(
            "exchangeability", 0.0, "Too few exchanges to compare members.", {}, component.rows[:0]
        )
    # Each member against every other one, not against all of them pooled: the middle of a mixed
    # crowd is near to everybody in it.
    sample = sample.at(near)
    members = _to_others(sample)
    strangers = _to_all(_outside(traffic, component), sample)
    if len(strangers) < LEAST_STRANGERS:
        says = f"Only {len(strangers)} accounts outside ask for the same; nobody to compare with."
        return Test("exchangeability", 0.0, says, {}, component.rows[:0])
    p = float(np.median(rank_p(members, strangers, high=False)))
    typical = float(np.median(members))
    weight = float(log10_e(p)) if typical <= twins else -2 * float(np.log10(typical / twins))
    figures = {
        "members_compared": len(members),
        "median_mmd2": round(typical, 5),
        "outsiders_compared": len(strangers),
        "outsiders_mmd2_first_percentile": round(float(np.quantile(strangers, 0.01)), 5),
        "p": p,
    }
    says = (
        f"What a typical member asks lies at squared MMD {typical:.4f} from what another asks "
        f"({'as two samples of one queue do' if typical <= twins else 'too far for one queue'}); "
        f"of {len(strangers):,} accounts outside, with exchanges of the same kind, {p:.2%} come as "
        "close."
    )
    return Test("exchangeability", max(-3.0, weight), says, figures, component.rows[:6])


def _to_others(sample: Samples) -> NDArray[np.float64]:
    """Mean squared MMD of each sample to the others, (a,)."""
    n, mean, own = len(sample.size), sample.mean, sample.own
    across = (mean * (mean.sum(0) - mean)).sum(1) / (n - 1)
    return own + (own.sum() - own) / (n - 1) - 2 * across


def _to_all(others: Means, sample: Samples) -> NDArray[np.float64]:
    """Mean squared MMD of each of `others` to the samples, (b,)."""
    middle = sample.mean.mean(0).astype(np.float32)
    return others.own + sample.own.mean() - 2 * (others.mean @ middle).astype(np.float64)


def _outside(traffic: Traffic, component: Component) -> Means:
    """Outsiders' exchanges that seek what the group seeks: capabilities of 5% of it or more."""
    capability = traffic.exchanges["capability"][component.rows]
    share = np.bincount(capability, minlength=len(CAPABILITIES)) / max(1, len(capability))
    sought = tuple(np.flatnonzero(share >= 0.05).tolist())
    remembered = component.outsiders.asking
    asking = remembered.get(sought)
    if asking is None:
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        asking = remembered[sought] = _asking(traffic, component.outsiders.accounts, sought)
    return asking


def _asking(traffic: Traffic, others: NDArray[np.integer], sought: tuple[int, ...]) -> Means:
    """What some of the `others`, sorted places, ask of the capabilities `sought`."""
    slices, n = traffic.slices, len(traffic.accounts)
    others = others[:: max(1, len(others) // MOST_STRANGERS)]
    place = np.full(n, -1, np.int32)
    place[others] = np.arange(len(others))
    wanted = np.isin(slices.capability, sought) & (place[slices.account] >= 0)
    rows = np.flatnonzero(wanted)
    whose = place[slices.account[rows]]
    used = np.bincount(whose, slices.exchanges[rows], len(others)).astype(np.int64)
    far = used >= LEAST_EXCHANGES
    slot = np.where(far, np.cumsum(far) - 1, -1)[whose]
    total = np.zeros((int(far.sum()), slices.total.shape[1]), np.int32)
    _add_up(slices.total, rows, slot, total)
    squares = np.bincount(whose, slices.squares[rows], len(others))[far]
    return means(total, squares, used[far], traffic.scale)


@nb.njit(nogil=True, cache=True)
def _add_up(sums, rows, slot, total):
    for k in range(len(rows)):
        if slot[k] >= 0:
            for d in range(sums.shape[1]):
                total[slot[k], d] += sums[rows[k], d]
