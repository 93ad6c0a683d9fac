"""Parts: what each account has in some exchanges, as a sample of content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.statistics.mmd import Samples, samples
from stillwatch.statistics.sums import sums_by_account

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

ENOUGH = 200_000
"""Exchanges of a campaign that say what its work is; of more, evenly spaced ones."""


def parts_of(traffic: Traffic, rows: NDArray[np.integer], accounts: NDArray[np.integer]) -> Samples:
    """Each account's part of `rows`, a samples in the order of `accounts` (a,), places.

    Exchanges without text are not counted, so a part can be of size 0.
    """
    total, squares, used = sums_by_account(
        traffic.exchanges.account, traffic.exchanges.content, rows, accounts, len(traffic.accounts)
    )
    return samples(total, squares, used, traffic.scale)


def work_of(traffic: Traffic, rows: NDArray[np.integer], accounts: NDArray[np.integer]) -> Samples:
    """What `accounts`, sorted places, do in `rows`, as one sample, of some of the exchanges."""
    some = rows[:: max(1, len(rows) // ENOUGH)]
    return parts_of(traffic, some, accounts).pooled()
