"""Outsiders: the accounts outside every group, which all groups of a run are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import daily_counts, together
from stillwatch.campaigns.harvest import sign_rates
from stillwatch.campaigns.origin import sharing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Group, Traffic

LEAST_EXCHANGES = 8
"""Accounts with fewer exchanges are not compared with anybody."""


@dataclass(frozen=True)
class Outsiders:
    """a outsiders: their places, sorted, and what each test needs of them, made once a run.

    `rows` are their exchanges in order of key; `signs` (a,) their rates of harvest signs,
    `load` (a,) their exchanges, `pace` (a,) how their busy days agree with the others', `origin`
    (a,) the weight of the ways of access that they share with one another. `systems` are the
    system prompts that they use.
    """

    accounts: NDArray[np.int64]
    rows: NDArray[np.int64]
    signs: NDArray[np.float64]
    load: NDArray[np.float64]
    pace: NDArray[np.float64]
    origin: NDArray[np.float64]
    systems: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.accounts)

    def without(self, accounts: NDArray[np.int64]) -> Outsiders:
        """The same less some accounts; their figures are kept as they were."""
        keep = ~np.isin(self.accounts, accounts)
        return replace(
            self,
            accounts=self.accounts[keep],
            signs=self.signs[keep],
            load=self.load[keep],
            pace=self.pace[keep],
            origin=self.origin[keep],
        )


def outsiders(traffic: Traffic, groups: list[Group], order: NDArray[np.int64]) -> Outsiders:
    """The outsiders of a run; `order` holds all exchanges in order of their keys."""
    free = traffic.accounts.exchanges >= LEAST_EXCHANGES
    for group in groups:
        free[group.accounts] = False
    accounts = np.flatnonzero(free)
    rows = order[free[traffic.exchanges.account[order]]]
    daily = daily_counts(traffic, rows, accounts)
    system = np.unique(traffic.exchanges["system"][rows])
    return Outsiders(
        accounts=accounts,
        rows=rows,
        signs=sign_rates(traffic, rows)[accounts],
        load=daily.sum(1),
        pace=together(daily),
        origin=sharing(traffic, accounts)[0],
        systems=system[system != 0],
    )
