"""Outsiders: the accounts outside every group, which all groups of a run are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import daily_counts, together
from stillwatch.campaigns.component import Outsiders
from stillwatch.campaigns.harvest import sign_rates
from stillwatch.campaigns.origin import sharing
from stillwatch.statistics.mmd import Samples, samples, squared_mmd
from stillwatch.traffic import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Group, Traffic

LEAST_EXCHANGES = 8
"""Accounts with fewer exchanges are not compared with anybody."""


def outsiders(traffic: Traffic, groups: list[Group]) -> Outsiders:
    """The outsiders of a run."""
    free = traffic.accounts.exchanges >= LEAST_EXCHANGES
    for group in groups:
        free[group.accounts] = False
    accounts = np.flatnonzero(free)
    rows = traffic.exchanges.rows_of(accounts)
    daily = daily_counts(traffic, rows, accounts)
    pool, strangeness = _pool(traffic, accounts)
    system = np.unique(traffic.exchanges["system"][rows])
    return Outsiders(
        accounts=accounts,
        rows=rows,
        signs=sign_rates(traffic, rows)[accounts],
        load=daily.sum(1),
        pace=together(daily),
        origin=sharing(traffic, accounts)[0],
        systems=system[system != 0],
        pool=pool,
        strangeness=strangeness,
    )


def _pool(traffic: Traffic, accounts: NDArray[np.integer]) -> tuple[Samples, float]:
    slices = traffic.slices
    mine = np.flatnonzero((slices.capability == WHOLE) & np.isin(slices.account, accounts))
    each = samples(slices.total[mine], slices.squares[mine], slices.exchanges[mine], traffic.scale)
    pool, large = each.pooled(), each.size >= LEAST_EXCHANGES
    if not large.any():
        return pool, 0.0
    return pool, float(np.median(squared_mmd(each.at(large), pool)))
