"""From a group to a verdict: attribute, test, weigh against rivals, decide who is a member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import work_allocation
from stillwatch.campaigns.attribution import Background, attribute
from stillwatch.campaigns.component import LEAST_EXCHANGES, Component, Test
from stillwatch.campaigns.exchangeability import exchangeability
from stillwatch.campaigns.harvest import harvest_signs
from stillwatch.campaigns.membership import ATTRIBUTED, members
from stillwatch.campaigns.origin import shared_origin
from stillwatch.campaigns.rivals import Rival, rivals
from stillwatch.campaigns.sharing import shared_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Group, Traffic

PRIOR = -2.0
"""log10 odds that a group found alike is a campaign, before its evidence."""

LEAST_MEMBERS = 5

@dataclass(frozen=True)
class Verdict:
    """What became of one group.

    `margin` is the campaign's log10 odds against its best rival; `kind` is `distillation`,
    `reseller`, or `rival:<name>` where another explanation won. `confidences` (a,) go with
    `accounts` (a,); `rows` are the attributed exchanges and `posterior` their probabilities.
    """

    group: Group
    kind: str
    margin: float
    confidence: float
    accounts: NDArray[np.int64]
    confidences: NDArray[np.float64]
    rows: NDArray[np.int64]
    posterior: NDArray[np.float64]
    tests: dict[str, Test]
    rivals: list[Rival]
    winner: Rival


TESTS = (exchangeability, shared_objects, work_allocation, harvest_signs, shared_origin)


def judge(
    traffic: Traffic,
    group: Group,
    outside_rows: NDArray[np.int64],
    outsiders: NDArray[np.int64],
    rows: NDArray[np.int64],
    against: Background,
) -> Verdict:
    """The verdict on one group; `rows` are its accounts' exchanges in order of key."""
    fitted = attribute(traffic.exchanges, rows, against)
    accounts, confidences = members(traffic, fitted)
    theirs = np.isin(traffic.exchanges.account[rows], accounts)
    chosen = (fitted.posterior >= ATTRIBUTED) & theirs
    component = Component(rows[chosen], rows[theirs], accounts, outsiders, outside_rows)
    if len(accounts) < LEAST_MEMBERS:
        none = Rival("chance", 1.0, (), "Too few accounts have any work in common.")
        return Verdict(
            group, "rival:chance", PRIOR, 0.01, accounts, confidences, rows[chosen],
            fitted.posterior[chosen], {}, [none], none,
        )  # fmt: skip
    tests = {test.kind: test for test in (run(traffic, component) for run in TESTS)}
    others = rivals(traffic, component, tests)
    margins = [_margin(tests, rival) for rival in others]
    best = int(np.argmin(margins))
    margin = margins[best]
    confidence = float(np.clip(1 / (1 + 10.0 ** -min(margin, 15.0)), 0.001, 0.999))
    return Verdict(
        group=group,
        kind="distillation" if margin > 0 else f"rival:{others[best].name}",
        margin=margin,
        confidence=confidence,
        accounts=accounts,
        confidences=confidences * confidence,
        rows=rows[chosen],
        posterior=fitted.posterior[chosen],
        tests=tests,
        rivals=others,
        winner=others[best],
    )


def _margin(tests: dict[str, Test], rival: Rival) -> float:
    left = sum(
        test.weight * (1 - rival.fit if kind in rival.explains else 1.0)
        for kind, test in tests.items()
    )
    return PRIOR + left


def outside(
    traffic: Traffic, groups: list[Group], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Exchanges of accounts outside all groups, in order of key, and those accounts.

    Only accounts with at least `LEAST_EXCHANGES` exchanges count as outsiders.
    """
    free = np.ones(len(traffic.accounts), bool)
    for group in groups:
        free[group.accounts] = False
    outsiders = np.flatnonzero(free & (traffic.accounts.exchanges >= LEAST_EXCHANGES))
    enough = np.zeros(len(traffic.accounts), bool)
    enough[outsiders] = True
    return order[enough[traffic.exchanges.account[order]]], outsiders
