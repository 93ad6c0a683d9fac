"""Tails of distributions, by the functions that they are made of: `scipy.stats` takes half a second
to import, which is much of a day's update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def at_least(hits: ArrayLike, tries: ArrayLike, rate: ArrayLike) -> NDArray[np.float64]:
    """Probability of so many `hits` or more among `tries`, each of which hits at `rate`.

    >>> round(float(at_least(2, 2, 0.5)), 3)
    0.25
    >>> float(at_least(0, 0, 0.5))
    1.0
    """
    return np.asarray(bdtrc(np.asarray(hits) - 1.0, tries, rate))
