"""Networks: accounts that share their access and are no campaign; never flagged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import work_allocation
from stillwatch.campaigns.component import Component
from stillwatch.campaigns.exchangeability import exchangeability
from stillwatch.campaigns.harvest import harvest_signs
from stillwatch.campaigns.judgement import Verdict, part_of
from stillwatch.campaigns.origin import shared_origin
from stillwatch.campaigns.parts import work_of
from stillwatch.campaigns.rivals import classroom, fleet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.component import Outsiders
    from stillwatch.traffic import Group, Traffic

LEAST_ACCOUNTS = 5
MIXED = 0.012
"""Squared MMD up to which accounts can carry one pool's customers, who stay on one for a while."""
PRIOR = -2.0
"""log10 odds that a group that comes the same ways is a pool of accounts, before its evidence."""


def judge_network(
    traffic: Traffic,
    group: Group,
    taken: NDArray[np.bool_],
    outsiders: Outsiders,
) -> Verdict | None:
    """The network of a group's accounts that no campaign has taken; `None` where it is none."""
    accounts = group.accounts[~taken[group.accounts]]
    if len(accounts) < LEAST_ACCOUNTS:
        return None
    rows = traffic.exchanges.rows_of(accounts)
    looked_at = part_of(traffic, accounts)
    part, in_run = traffic.exchanges.excerpt(looked_at)
    near, some = replace(traffic, exchanges=part), np.arange(len(part))
    others = outsiders.without(accounts).of_excerpt(in_run)
    component = Component(some, some, looked_at, others, rest=some[:0])
    tests = {
        test.kind: test
        for test in (
            shared_origin(near, component),
            exchangeability(near, component, MIXED),
            work_allocation(near, component),
        )
    }
    # Who only resells carries no more of a harvest than everybody sends.
    signs = harvest_signs(near, component)
    tests["harvest_signs"] = replace(signs, weight=-max(0.0, signs.weight))
    margin = PRIOR + sum(test.weight for test in tests.values())
    # One owner who says so, or one school, explains shared access.
    found = [fleet(near, component), classroom(near, component)]
    best = max(found, key=lambda r: r.fit)
    if margin <= 0 or best.fit >= 0.5:
        return None
    confidence = float(np.clip(1 / (1 + 10.0**-margin), 0.001, 0.999))
    return Verdict(
        group=group,
        kind="reseller",
        margin=margin,
        confidence=confidence,
        accounts=accounts,
        confidences=np.full(len(accounts), confidence),
        rows=rows,
        posterior=np.ones(len(rows)),
        tests={k: replace(test, sample=in_run[test.sample]) for k, test in tests.items()},
        rivals=found,
        winner=best,
        work=work_of(near, some, looked_at),
    )
