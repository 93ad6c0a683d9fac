"""Shared objects: do the members work on the same things more than as many accounts by chance?

Statistic: the mean share of an account's exchanges whose frame family another account of the set
also sent. Null: sets of as many outsiders, drawn at random; a larger set shares more by itself,
so the size must be the same. What is popular is shared by the drawn sets too and counts for
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from stillwatch.campaigns.component import Component, Test
from stillwatch.statistics.evalues import log10_e

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

DRAWS = 200
LEAST_P = 1e-4
"""Two hundred draws and a normal tail are trusted no further than this."""


def shared_objects(traffic: Traffic, component: Component) -> Test:
    """The test for one group, over all of its members' traffic."""
    incidence = traffic.incidence
    mine = incidence.kinds.index("family")
    use = np.flatnonzero((incidence.obj_kind == mine)[incidence.obj])
    uses = incidence.account[use], incidence.obj[use], incidence.exchanges[use]
    ours, families, most = _share(traffic, uses, component.accounts)
    size = min(len(component.accounts), len(component.outsiders) // 2)
    if size < 2:
        return Test("shared_objects", 0.0, "There is nobody to compare with.", {}, np.zeros(0, int))
    rng = np.random.default_rng(20260223)
    drawn = np.array(
        [
            _share(traffic, uses, np.sort(rng.choice(component.outsiders, size, replace=False)))[0]
            for _ in range(DRAWS)
        ]
    )
    spread = max(float(drawn.std()), 1e-3)
    p = max(LEAST_P, float(norm.sf((ours - drawn.mean()) / spread)))
    figures = {
        "shared_families": families,
        "accounts_on_the_most_shared": most,
        "share_of_exchanges": round(ours, 4),
        "share_in_drawn_sets": round(float(drawn.mean()), 4),
        "p": p,
    }
    says = (
        f"{ours:.0%} of the members' exchanges are of a frame family that another member sent too "
        f"({families:,} families, the most shared by {most:,} accounts); among as many accounts "
        f"drawn outside it is {drawn.mean():.0%}."
    )
    return Test("shared_objects", float(log10_e(p)), says, figures, component.rows[:6])


def _share(
    traffic: Traffic,
    uses: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    accounts: NDArray[np.int64],
) -> tuple[float, int, int]:
    """Mean share of exchanges of shared families, how many those are, and the most accounts."""
    inside = np.zeros(len(traffic.accounts), bool)
    inside[accounts] = True
    keep = inside[uses[0]]
    account, obj, exchanges = uses[0][keep], uses[1][keep], uses[2][keep]
    _, place, together = np.unique(obj, return_inverse=True, return_counts=True)
    shared = together[place] >= 2
    by_account = np.bincount(
        account[shared], weights=exchanges[shared], minlength=len(traffic.accounts)
    )
    share = by_account[accounts] / np.maximum(traffic.accounts.exchanges[accounts], 1)
    return float(share.mean()), int((together >= 2).sum()), int(together.max(initial=0))
