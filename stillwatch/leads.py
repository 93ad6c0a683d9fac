"""Leads: what peers told of a campaign, in the terms of our own log's signals.

A lead says where to look. What is found there is judged by the log's own tests, and the lead's own
weight is bounded so that these must speak for a campaign too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from stillwatch.statistics.mmd import Means

MOST_WEIGHT = 1.0
"""log10 of the likelihood ratio that peers' word can count for: with it a campaign is reported that
is twice as likely as not by the log alone (`judgement.LEAST_MARGIN` is 1.3)."""


@dataclass(frozen=True)
class Centre:
    """A centroid that was told: of a capability's code, or `traffic.WHOLE`. Accounts whose content
    lies within the squared MMD `radius` of `mean`, one sample, come near it."""

    about: int
    mean: Means
    radius: float


@dataclass(frozen=True)
class Lead:
    """One campaign that peers told.

    `name` is what it is called among them, `peers` are those that told it; `weight` is log10, after
    age, corroboration and their own confidence. `bands` and `networks` are keys as in
    `tables.SIGNALS`, sorted. `told` is how many marks of each kind there are, and how many of them
    can't be looked for here.
    """

    name: str
    peers: tuple[str, ...]
    weight: float
    bands: NDArray[np.uint64]
    networks: NDArray[np.uint64]
    centres: tuple[Centre, ...]
    told: Mapping[str, int]

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= MOST_WEIGHT:
            raise ValueError(f"{self.weight} is no weight of a lead")
