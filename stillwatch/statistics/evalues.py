"""p-values by rank against the traffic itself, and e-values made of them.

An e-value is a bet against the null hypothesis: its expectation under the null is at most 1, so
its logarithm adds up over tests and days without cheating (Vovk and Wang 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def rank_p(values: ArrayLike, controls: ArrayLike, *, high: bool) -> NDArray[np.float64]:
    """One-sided p of each value among `controls`: (1 + controls as extreme) / (1 + controls).

    >>> rank_p([9.0, 0.0], [1, 2, 3, 4], high=True).tolist()
    [0.2, 1.0]
    """
    values, ordered = np.asarray(values, float), np.sort(np.asarray(controls, float))
    if high:
        extreme = len(ordered) - np.searchsorted(ordered, values, side="left")
    else:
        extreme = np.searchsorted(ordered, values, side="right")
    return (1 + extreme) / (1 + len(ordered))


def log10_e(p: ArrayLike) -> NDArray[np.float64]:
    """log10 of the e-value p^(-1/2) / 2, a calibrator: it costs 0.3 where p is 1.

    >>> round(float(log10_e(1e-4)), 2)
    1.7
    """
    return np.log10(0.5) - 0.5 * np.log10(np.asarray(p, float))
