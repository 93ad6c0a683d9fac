"""Shared objects: do the members work on the same things more than as many accounts by chance?

Statistic: the mean share of an account's exchanges whose frame family another account of the set
also sent. Null: sets of as many outsiders, drawn at random; a larger set shares more by itself,
so the size must be the same. What is popular is shared by the drawn sets too and counts for
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from stillwatch.campaigns.component import Component, Test
from stillwatch.statistics.evalues import log10_e

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

MOST_ACCOUNTS = 64
"""Accounts of a set; of a larger group, so many are drawn."""

DRAWS = 100
PER_DECADE = 0.4
"""Most that the sharing of ten families may weigh; a hundred twice that, and so on."""

LEAST_P = 1e-4
"""A hundred draws and a normal tail are trusted no further than this."""


def shared_objects(traffic: Traffic, component: Component) -> Test:
    """The test for one group, over all of its members' traffic."""
    size = min(MOST_ACCOUNTS, len(component.accounts), len(component.outsiders) // 2)
    if size < 2:
        return Test("shared_objects", 0.0, "There is nobody to compare with.", {}, np.zeros(0, int))
    rng = np.random.default_rng(20260223)

    def draw(accounts: NDArray[np.integer]) -> float:
        return _share(traffic, np.sort(rng.choice(accounts, size, replace=False)))[0]

    ours = draw(component.accounts)
    drawn = np.array([draw(component.outsiders.accounts) for _ in range(DRAWS)])
    _, families, most = _share(traffic, component.accounts)
    spread = max(float(drawn.std()), 1e-3)
    p = max(LEAST_P, float(ndtr((drawn.mean() - ours) / spread)))
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
    # One popular template is one coincidence, however many exchanges carry it.
    weight = min(float(log10_e(p)), PER_DECADE * float(np.log10(1 + families)))
    return Test("shared_objects", weight, says, figures, component.rows[:6])


def _share(traffic: Traffic, accounts: NDArray[np.integer]) -> tuple[float, int, int]:
    """Mean share of exchanges of shared families, how many those are, and the most accounts."""
    incidence = traffic.incidence
    use = np.concatenate([np.arange(*incidence.uses_of(a)) for a in accounts])
    use = use[incidence.obj_kind[incidence.obj[use]] == incidence.kinds.index("family")]
    account, obj, exchanges = incidence.account[use], incidence.obj[use], incidence.exchanges[use]
    _, place, together = np.unique(obj, return_inverse=True, return_counts=True)
    shared = together[place] >= 2
    of_account = np.searchsorted(accounts, account[shared])
    by_account = np.bincount(of_account, weights=exchanges[shared], minlength=len(accounts))
    share = by_account / np.maximum(traffic.accounts.exchanges[accounts], 1)
    return float(share.mean()), int((together >= 2).sum()), int(together.max(initial=0))
