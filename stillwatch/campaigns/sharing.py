"""Shared objects: do the members work on the same things more than accounts in general do?

Statistic: the share of an account's exchanges whose frame family another account of its own side
(members, or outsiders) also sent. Null: outsiders. What everybody sends counts for nobody: a
family that more than one in a hundred outsiders sent is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.component import Component, Test, mean_p, rate_by_account
from stillwatch.statistics.evalues import log10_e
from stillwatch.statistics.pairs import accounts_by_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

POPULAR = 0.01


def shared_objects(traffic: Traffic, component: Component) -> Test:
    """The test for one group, over its attributed exchanges."""
    family = traffic.exchanges["family"]
    account = traffic.exchanges.account
    outside_key, outside_accounts = _accounts_a_key(family, account, component.outside_rows)
    limit = max(2, POPULAR * len(component.outsiders))
    popular = outside_key[outside_accounts > limit]
    inside_key, inside_accounts = _accounts_a_key(family, account, component.rows)
    ours = np.setdiff1d(inside_key[inside_accounts >= 2], popular)
    theirs = np.setdiff1d(outside_key[outside_accounts >= 2], popular)
    shared = np.isin(family[component.rows], ours)
    inside = rate_by_account(traffic, component.rows, shared.astype(float))
    outside = rate_by_account(
        traffic, component.outside_rows, np.isin(family[component.outside_rows], theirs) * 1.0
    )
    ours_rate, theirs_rate = inside[component.accounts], outside[component.outsiders]
    if len(theirs_rate) == 0:
        return Test("shared_objects", 0.0, "There is nobody to compare with.", {}, shared[:0] * 1)
    p = mean_p(ours_rate, theirs_rate)
    most = int(inside_accounts[np.isin(inside_key, ours)].max(initial=0))
    figures = {
        "shared_families": len(ours),
        "accounts_on_the_most_shared": most,
        "share_of_exchanges": round(float(ours_rate.mean()), 4),
        "share_outside": round(float(theirs_rate.mean()), 4),
        "p": p,
    }
    says = (
        f"{figures['share_of_exchanges']:.0%} of the members' exchanges are of a frame family "
        f"that another member sent too ({len(ours):,} families, the most shared by {most:,} "
        f"accounts); outside it is {figures['share_outside']:.0%}."
    )
    return Test("shared_objects", float(log10_e(p)), says, figures, component.rows[shared][:6])


def _accounts_a_key(
    key: NDArray[np.uint64], account: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Distinct keys among `rows` and how many accounts sent each; key 0 is left out."""
    values, accounts = accounts_by_key(key[rows], account[rows])
    return values[values != 0], accounts[values != 0]
