"""Parts: what each account has in some exchanges, as a sample of content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.statistics.mmd import Samples, samples
from stillwatch.statistics.sums import sums_by_account

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic


def parts_of(traffic: Traffic, rows: NDArray[np.integer], accounts: NDArray[np.integer]) -> Samples:
    """Each account's part of `rows`, a samples in the order of `accounts` (a,), places.

    Exchanges without text are not counted, so a part can be of size 0.
    """
    total, squares, used = sums_by_account(
        traffic.exchanges.account, traffic.exchanges.content, rows, accounts, len(traffic.accounts)
    )
    return samples(total, squares, used, traffic.scale)
