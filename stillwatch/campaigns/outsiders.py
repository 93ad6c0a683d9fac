"""Outsiders: the accounts outside every group, which all groups of a run are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import together
from stillwatch.campaigns.component import Outsiders
from stillwatch.campaigns.origin import sharing
from stillwatch.statistics.mmd import Samples, samples, squared_mmd
from stillwatch.traffic import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.ground import Ground
    from stillwatch.traffic import Group, Traffic

LEAST_EXCHANGES = 8
"""Accounts with fewer exchanges are not compared with anybody."""

TYPICAL = 10_000
"""Outsiders among which a typical one is looked for; of more, evenly spaced ones."""

BLOCK = 1 << 14
"""Accounts whose sums are added up at a time."""


def outsiders(traffic: Traffic, groups: list[Group], known: Ground) -> Outsiders:
    """The outsiders of a run."""
    free = traffic.accounts.exchanges >= LEAST_EXCHANGES
    for group in groups:
        free[group.accounts] = False
    accounts = np.flatnonzero(free)
    daily = known.daily[accounts]
    pool, strangeness = _pool(traffic, accounts)
    return Outsiders(
        accounts=accounts,
        all_signs=known.signs,
        signs=known.sign_rates[accounts],
        load=daily.sum(1),
        pace=together(daily),
        origin=sharing(traffic, accounts)[0],
        systems=_systems(traffic, free),
        pool=pool,
        strangeness=strangeness,
    )


def _systems(traffic: Traffic, free: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """System prompts of outsiders that another account uses too: no other's are asked for."""
    incidence = traffic.incidence
    use = incidence.among(("system",))
    use = use[free[incidence.account[use]]]
    return incidence.obj_key[np.unique(incidence.obj[use])]


def _pool(traffic: Traffic, accounts: NDArray[np.integer]) -> tuple[Samples, float]:
    slices = traffic.slices
    mine = np.flatnonzero((slices.capability == WHOLE) & np.isin(slices.account, accounts))
    total = np.zeros((1, slices.total.shape[1]), np.int64)
    for begin in range(0, len(mine), BLOCK):
        total += slices.total[mine[begin : begin + BLOCK]].sum(0)
    squares, used = slices.squares[mine].sum(keepdims=True), slices.exchanges[mine]
    pool = samples(total, squares, used.sum(keepdims=True), traffic.scale)
    large = mine[used >= LEAST_EXCHANGES]
    if not len(large):
        return pool, 0.0
    some = large[:: max(1, len(large) // TYPICAL)]
    each = samples(slices.total[some], slices.squares[some], slices.exchanges[some], traffic.scale)
    return pool, float(np.median(squared_mmd(each, pool)))
