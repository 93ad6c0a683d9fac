"""Shared origin: do the members come the same ways, by network, device, payment or sign-up?

Statistic: the share of an account's origin objects that another account of its own side has too,
each by its rarity. Null: outsiders. Strong where it is there, cheap to remove: its absence says
next to nothing, so its weight is never below -0.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.component import Component, Test, mean_p
from stillwatch.statistics.evalues import log10_e

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

KINDS = ("network", "device", "payment", "signup_network", "cohort")
TITLES = {
    "network": "network prefixes",
    "device": "devices",
    "payment": "payment instruments",
    "signup_network": "sign-up networks",
    "cohort": "sign-up cohorts",
}


def shared_origin(traffic: Traffic, component: Component) -> Test:
    """The test for one group; it looks at all of its members' traffic."""
    inside, by_kind = sharing(traffic, component.accounts)
    outside = component.outsiders.origin
    if len(outside) == 0:
        return Test("shared_origin", 0.0, "There is nobody to compare with.", {}, np.zeros(0, int))
    p = mean_p(inside, outside)
    figures: dict[str, float | int | str] = {
        f"accounts_sharing_{kind}": count for kind, count in by_kind.items()
    }
    figures |= {
        "mean_weight": round(float(inside.mean()), 3),
        "mean_weight_outside": round(float(outside.mean()), 3),
        "p": p,
    }
    found = [f"{n:,} by {TITLES[k]}" for k, n in by_kind.items() if n]
    says = (
        f"Members that share rare ways of access with other members: {', '.join(found)}."
        if found
        else "Members share no way of access that under a tenth of all accounts have."
    )
    return Test("shared_origin", float(log10_e(p)), says, figures, component.rows[:4])


def sharing(
    traffic: Traffic, accounts: NDArray[np.integer]
) -> tuple[NDArray[np.float64], dict[str, int]]:
    """For each account, the rarity of its rarest shared object of each kind, summed over kinds.

    Rarity is log10(N / d); also how many of `accounts` share an object by kind.
    """
    incidence, n = traffic.incidence, len(traffic.accounts)
    inside = np.zeros(n, bool)
    inside[accounts] = True
    total, by_kind = np.zeros(n), {}
    for kind in KINDS:
        use = incidence.among((kind,))
        use = use[inside[incidence.account[use]]]
        _, place, together = np.unique(incidence.obj[use], return_inverse=True, return_counts=True)
        use = use[together[place] >= 2]
        rarity = np.log10(n / incidence.obj_accounts[incidence.obj[use]])
        best = np.zeros(n)
        np.maximum.at(best, incidence.account[use], rarity)
        total += best
        by_kind[kind] = int((best[accounts] >= 1).sum())
    return total[accounts], by_kind
