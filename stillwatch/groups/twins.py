"""Twins: accounts whose exchanges could be samples of one distribution, slice by slice.

Candidates are each slice's nearest neighbours by kernel mean embedding; two are linked where the
unbiased MMD counts as nil (`statistics.mmd.twin_links`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.crowds import twin_communities
from stillwatch.statistics.mmd import Means, null_spread, samples, twin_links
from stillwatch.statistics.nearest import nearest_twins
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


TOLD = 5
"""Neighbours that an explanation names."""

PART = 4096
"""Slices whose means are taken at a time."""

_NOBODY = Nearest(np.zeros(0, np.int64), *(np.zeros((0, TOLD), t) for t in "qdd"))


def twin_groups(
    traffic: Traffic, tell: Callable[[int], None] = lambda _: None, spread: Spread = one_by_one
) -> tuple[list[Group], Nearest]:
    """Groups of twins, strongest first, and the nearest others of every account.

    Sought over whole accounts, then over each capability that is worth harvesting; `spread` does
    parts of the first search, as long as all others together, and then the others, on as many
    threads as it likes.
    """
    whole = _neighbours(traffic, WHOLE, spread)
    nearest = _told(whole) if whole else _NOBODY
    rest: Iterable[Callable[[], list[Group]]] = (
        partial(_twins, traffic, capability) for capability in range(len(CAPABILITIES))
    )
    found = []
    for groups in spread(itertools.chain([partial(_crowds, whole)], rest)):
        tell(1)
        found += groups
    return found, nearest


@dataclass(frozen=True)
class _Search:
    """The nearest others of the slices of one capability, as `nearest_twins` gives them.

    `account` (s,) are places, `sample` the slices, `spread` how far samples of one distribution
    come to lie.
    """

    capability: int
    account: NDArray[np.integer]
    sample: Means
    spread: float
    other: NDArray[np.integer]
    mmd2: NDArray[np.float64]


def _twins(traffic: Traffic, capability: int) -> list[Group]:
    """Groups of twins among the slices of one capability."""
    return _crowds(_neighbours(traffic, capability, one_by_one))


def _neighbours(traffic: Traffic, capability: int, spread: Spread) -> _Search | None:
    """The nearest others of each slice of one capability, unless it isn't looked at."""
    slices = traffic.slices
    rows = slices.of(capability, LEAST_EXCHANGES)
    if capability in _SKIPPED or len(rows) < LEAST_ACCOUNTS:
        return None
    sample = sample_of(slices, rows, traffic.scale)
    null = halves_spread(slices, rows, traffic.scale)
    other, mmd2 = nearest_twins(sample, NEIGHBOURS, spread)
    return _Search(capability, slices.account[rows], sample, null, other, mmd2)


def _crowds(search: _Search | None) -> list[Group]:
    if search is None:
        return []
    size, other = search.sample.size, search.other
    linked = twin_links(size[:, None], size[other], search.mmd2, search.spread)
    label = "whole" if search.capability == WHOLE else CAPABILITIES[search.capability]
    return [
        Group(np.sort(search.account[places]), (f"twins: {label}",))
        for places in twin_communities(search.sample, other, linked, LEAST_ACCOUNTS)
    ]


def _told(search: _Search) -> Nearest:
    """The `TOLD` nearest others of each account."""
    other, mmd2, size = search.other[:, :TOLD], search.mmd2[:, :TOLD], search.sample.size
    error = search.spread * (1 / size[:, None] + 1 / size[other])
    return Nearest(search.account, search.account[other], mmd2, mmd2 / error)


def sample_of(slices: Slices, rows: NDArray[np.integer], scale: float) -> Means:
    """The slices at `rows`, for comparison."""
    size = slices.exchanges[rows].astype(float)
    mean = np.empty((len(rows), slices.total.shape[1]), np.float32)
    own = np.empty(len(rows))
    for begin in range(0, len(rows), PART):
        part = slice(begin, begin + PART)
        some = samples(slices.total[rows[part]], slices.squares[rows[part]], size[part], scale)
        mean[part], own[part] = some.mean, some.own
    return Means(size, mean, own)


def halves_spread(slices: Slices, rows: NDArray[np.integer], scale: float) -> float:
    """The null spread of the slices at sorted `rows`, from the halves of those that were split."""
    half = np.flatnonzero(np.isin(slices.split, rows))
    whole = slices.split[half]
    total, squares, size = (
        slices.odd_total[half],
        slices.odd_squares[half],
        slices.odd_exchanges[half],
    )
    odd = samples(total, squares, size, scale)
    even = samples(
        slices.total[whole] - total,
        slices.squares[whole] - squares,
        slices.exchanges[whole] - size,
        scale,
    )
    return null_spread(odd, even)
