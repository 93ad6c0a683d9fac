"""Harvest signs: is the common work what one gathers to train a model, rather than to use it?

An exchange counts as a sign where it seeks a capability worth training on, in a single turn, with
a frame new among those of its account: breadth without repetition and without follow-up. Statistic:
the share of such exchanges by account, in the common work. Null: the same in all that outsiders
send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.component import Component, Test, mean_p, rate_by_account
from stillwatch.statistics.evalues import log10_e
from stillwatch.statistics.pairs import distinct_pairs
from stillwatch.tables import CAPABILITIES, CAPABILITY_TITLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

INDEPENDENT = 16
"""A group is judged as if it had at most so many accounts: a pool's accounts carry the same few
hundred customers, so their mean strays further than that of as many independent accounts."""

TRAINABLE = np.array([name not in ("chat", "other") for name in CAPABILITIES])


def harvest_signs(traffic: Traffic, component: Component) -> Test:
    """The test for one group, over its attributed exchanges: a pool's customers are another matter.

    What a fit chooses may show more signs because it was chosen for that. `p_altogether` is free of
    the choice: that of as high a share among all that the members send.
    """
    ours = sign_rates(traffic, component.rows)[component.accounts]
    ours = ours[np.isfinite(ours)]
    theirs = component.outsiders.signs
    if len(theirs) == 0 or len(ours) == 0:
        return Test(
            "harvest_signs", 0.0, "There is nobody to compare with.", {}, component.rows[:0]
        )
    p = mean_p(ours, theirs, most=INDEPENDENT)
    altogether = sign_rates(traffic, component.all_rows)[component.accounts]
    chance = mean_p(altogether, theirs, most=INDEPENDENT)
    capability = traffic.exchanges["capability"][component.rows]
    share = np.bincount(capability, minlength=len(CAPABILITIES)) / max(1, len(capability))
    top = CAPABILITIES[int(np.argmax(np.where(TRAINABLE, share, 0.0)))]
    figures = {
        "share_of_exchanges": round(float(ours.mean()), 4),
        "share_outside": round(float(theirs.mean()), 4),
        "most_sought": top,
        "trainable": round(float(share[TRAINABLE].sum()), 4),
        "p": p,
        "share_altogether": round(float(altogether.mean()), 4),
        "p_altogether": chance,
    }
    says = (
        f"{ours.mean():.0%} of the exchanges seek, in one turn and with a new frame, what a model "
        f"is trained on (most of all {CAPABILITY_TITLES[top]}); outside it is {theirs.mean():.0%}. "
        f"Of all that the members send it is {altogether.mean():.0%}."
    )
    return Test("harvest_signs", float(log10_e(p)), says, figures, component.rows[:6])


def sign_rates(traffic: Traffic, rows: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of each account's `rows` that are signs, (N,); NaN where it has none."""
    exchanges = traffic.exchanges
    single = exchanges["turns"][rows] <= 2
    fresh = _first_of_its_frame(exchanges["frame"][rows], exchanges.account[rows])
    sign = TRAINABLE[exchanges["capability"][rows]] & single & fresh
    return rate_by_account(traffic, rows, sign.astype(float))


def _first_of_its_frame(
    frame: NDArray[np.uint64], account: NDArray[np.integer]
) -> NDArray[np.bool_]:
    fresh = np.zeros(len(frame), bool)
    fresh[distinct_pairs(frame, account)[0]] = True
    return fresh
