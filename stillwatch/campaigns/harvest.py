"""Harvest signs: is the common work what one gathers to train a model, rather than to use it?

An exchange counts as a sign where it seeks a capability worth training on, in a single turn, with
a frame new among those of its account: breadth without repetition and without follow-up. Statistic:
the share of such exchanges by account, in the common work. Null: the same in all that outsiders
send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.component import Component, Test, mean_p, rate_by_account
from stillwatch.statistics.evalues import log10_e
from stillwatch.tables import CAPABILITIES, CAPABILITY_TITLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Exchanges, Traffic

INDEPENDENT = 16
"""A group is judged as if it had at most so many accounts: a pool's accounts carry the same few
hundred customers, so their mean strays further than that of as many independent accounts."""

TRAINABLE = np.array([name not in ("chat", "other") for name in CAPABILITIES])


def harvest_signs(traffic: Traffic, component: Component) -> Test:
    """The test for one group, over its attributed exchanges: a pool's customers are another matter.

    What a fit chooses may show more signs because it was chosen for that. `p_altogether` is free of
    the choice: that of as high a share among all that the members send.
    """
    ours = sign_rates(traffic, component.rows, component.outsiders.all_signs)[component.accounts]
    ours = ours[np.isfinite(ours)]
    theirs = component.outsiders.signs
    if len(theirs) == 0 or len(ours) == 0:
        return Test(
            "harvest_signs", 0.0, "There is nobody to compare with.", {}, component.rows[:0]
        )
    p = mean_p(ours, theirs, most=INDEPENDENT)
    altogether = sign_rates(traffic, component.all_rows, component.outsiders.all_signs)
    altogether = altogether[component.accounts]
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


def sign_rates(
    traffic: Traffic, rows: NDArray[np.integer], signs: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Share of each account's `rows` that are `signs` (n,), (N,); NaN where it has none."""
    return rate_by_account(traffic, rows, signs[rows].astype(float))


def signs_of_all(exchanges: Exchanges) -> NDArray[np.bool_]:
    """Which of a run's exchanges are signs, (n,)."""
    threads = exchanges.threads
    load = np.diff(threads.first[threads.starts])
    slots = 1 << int(2 * load.max(initial=1)).bit_length()
    signs = np.zeros(len(exchanges), bool)
    frame = exchanges["frame"][:]
    _first_of_their_frame(threads.order, threads.first[threads.starts], frame, slots, signs)
    del frame
    signs &= exchanges["turns"][:] <= 2
    signs &= TRAINABLE[exchanges["capability"][:]]
    return signs


@nb.njit(nogil=True, cache=True)
def _first_of_their_frame(order, edges, frame, slots, out):
    """Mark each account's first exchange of each frame, of those in the thread that begins first;
    `edges` part `order` by account."""
    known, owner = np.zeros(slots, np.uint64), np.full(slots, -1)
    for account in range(len(edges) - 1):
        for at in range(edges[account], edges[account + 1]):
            key = frame[order[at]]
            slot = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (slots - 1)
            while owner[slot] == account and known[slot] != key:
                slot = (slot + 1) & (slots - 1)
            if owner[slot] != account:
                owner[slot], known[slot] = account, key
                out[order[at]] = True
