"""Twins: accounts whose exchanges could be samples of one distribution, slice by slice.

Candidates are each slice's nearest neighbours by kernel mean embedding; two are linked where the
unbiased MMD counts as nil (`statistics.mmd.twin_links`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.crowds import twin_communities
from stillwatch.statistics.mmd import (
    Samples,
    nearest_twins,
    null_spread,
    samples,
    twin_links,
)
from stillwatch.tables import CAPABILITIES
from stillwatch.traffic import WHOLE, Group, Nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Slices, Traffic

LEAST_EXCHANGES = 16
NEIGHBOURS = 12
LEAST_ACCOUNTS = 4
_SKIPPED = {CAPABILITIES.index("chat"), CAPABILITIES.index("other")}
"""Slices that no campaign is after; whole accounts are still compared."""


SPLIT = 20_000
"""Slices that are split in halves, to see how far samples of one distribution come to lie."""

TOLD = 5
"""Neighbours that an explanation names."""


def twin_groups(
    traffic: Traffic, tell: Callable[[int], None] = lambda _: None, spread: Spread = one_by_one
) -> tuple[list[Group], Nearest]:
    """Groups of twins, strongest first, and the nearest others of every account.

    Sought over whole accounts, then over each capability that is worth harvesting; `spread` does
    these searches, on as many threads as it likes, and gives what they find in their order.
    """
    found, nearest = [], Nearest(np.zeros(0, np.int64), *(np.zeros((0, TOLD), t) for t in "qdd"))
    searches = (
        partial(_twins, traffic, capability) for capability in (WHOLE, *range(len(CAPABILITIES)))
    )
    for groups, told in spread(searches):
        tell(1)
        found += groups
        nearest = told or nearest
    return found, nearest


def _twins(traffic: Traffic, capability: int) -> tuple[list[Group], Nearest | None]:
    """Groups of twins among the slices of one capability; over whole accounts the nearest too."""
    slices = traffic.slices
    rows = slices.of(capability, LEAST_EXCHANGES)
    if capability in _SKIPPED or len(rows) < LEAST_ACCOUNTS:
        return [], None
    account = slices.account[rows]
    sample = sample_of(slices, rows, traffic.scale)
    some = rows[:: max(1, len(rows) // SPLIT)]
    null = halves_spread(slices, some, traffic.scale)
    other, mmd2 = nearest_twins(sample, NEIGHBOURS)
    nearest = None
    if capability == WHOLE:
        error = null * (1 / sample.size[:, None] + 1 / sample.size[other])
        told = slice(0, TOLD)
        nearest = Nearest(account, account[other[:, told]], mmd2[:, told], (mmd2 / error)[:, told])
    linked = twin_links(sample.size[:, None], sample.size[other], mmd2, null)
    label = "whole" if capability == WHOLE else CAPABILITIES[capability]
    return [
        Group(np.sort(account[places]), (f"twins: {label}",))
        for places in twin_communities(sample, other, linked, LEAST_ACCOUNTS)
    ], nearest


def sample_of(slices: Slices, rows: NDArray[np.integer], scale: float) -> Samples:
    """The slices at `rows` as samples."""
    return samples(slices.total[rows], slices.squares[rows], slices.exchanges[rows], scale)


def halves_spread(slices: Slices, rows: NDArray[np.integer], scale: float) -> float:
    """The null spread of `rows`, from the halves of their exchanges."""
    odd = samples(
        slices.odd_total[rows], slices.odd_squares[rows], slices.odd_exchanges[rows], scale
    )
    even = samples(
        slices.total[rows] - slices.odd_total[rows],
        slices.squares[rows] - slices.odd_squares[rows],
        slices.exchanges[rows] - slices.odd_exchanges[rows],
        scale,
    )
    return null_spread(odd, even)
