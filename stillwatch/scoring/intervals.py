"""Two kinds of interval, which answer two questions and must not be taken for each other.

*Within one world* (`wilson`): how well a share is known from the accounts or exchanges of this one
world, as if each were drawn alone. Accounts of one campaign are found or missed together, so it
says little about the next world.

*Over seeds* (`over_seeds`): how well the mean over worlds is known, each seed one draw. This is the
one to report. Student's t is used at every number of seeds: in 600 simulated sets of 5 seeds its
95% interval held the true mean 91 to 96% of the time, the BCa bootstrap's 81 to 85%, because few
values leave a bootstrap few resamples; from 20 on the two agree. Neither knows of a failure that
was not drawn: where one seed in five misses a campaign, 5 seeds hold the true mean 66% of the time.
So a summary says the worst seed too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

WITHIN = "within one world (Wilson)"
SEEDS = "over seeds (Student's t)"


@dataclass(frozen=True)
class Interval:
    """From `low` to `high` at confidence `level`; `kind` is `WITHIN` or `SEEDS`."""

    low: float
    high: float
    level: float
    kind: str


@dataclass(frozen=True)
class Pooled:
    """One figure over several seeds.

    `seeds` counts those where it is defined, `undefined` the others (a precision with nothing
    flagged). `interval` is None for fewer than two seeds, and where all seeds agree: no spread was
    seen to estimate one from, which is not certainty.
    """

    seeds: int
    undefined: int
    mean: float | None
    worst: float | None
    best: float | None
    interval: Interval | None


def wilson(right: int, of: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval of the share `right` / `of`; None where `of` is 0.

    Unlike the plain normal interval it stays inside 0 to 1 and has a width when all are right.
    Raises `ValueError` unless 0 <= right <= of and 0 < level < 1.

    >>> i = wilson(10, 10)
    >>> round(i.low, 3), i.high
    (0.722, 1.0)
    """
    if not 0 <= right <= of or not 0 < level < 1:
        raise ValueError(f"wilson: {right} of {of} at level {level} is no share")
    if not of:
        return None
    z = float(ndtri((1 + level) / 2))
    share, square = right / of, z * z / of
    middle = (share + square / 2) / (1 + square)
    half = z * np.sqrt(share * (1 - share) / of + square / of / 4) / (1 + square)
    low = 0.0 if right == 0 else float(middle - half)
    high = 1.0 if right == of else float(middle + half)
    return Interval(low, high, level, WITHIN)


def over_seeds(
    values: Sequence[float | None],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
    smaller_is_worse: bool = True,
) -> Pooled:
    """Mean, interval and worst of one figure's values, one a seed; None is undefined.

    The interval is cut at `bounds`, which no value can pass. Raises `ValueError` for a value that
    is not finite.

    >>> p = over_seeds([0.9, 1.0, None, 0.95])
    >>> p.seeds, p.undefined, round(p.mean, 3), p.worst, round(p.interval.low, 3)
    (3, 1, 0.95, 0.9, 0.826)
    """
    known = np.array([v for v in values if v is not None], dtype=np.float64)
    if not np.isfinite(known).all():
        raise ValueError("over_seeds: a value is not finite; hand in None where it is undefined")
    n = len(known)
    if not n:
        return Pooled(0, len(values), None, None, None, None)
    low, high = float(known.min()), float(known.max())
    mean = min(max(float(known.mean()), low), high)
    interval = None
    if n > 1 and high > low:
        half = float(stdtrit(n - 1, (1 + level) / 2) * known.std(ddof=1) / np.sqrt(n))
        interval = Interval(max(bounds[0], mean - half), min(bounds[1], mean + half), level, SEEDS)
    worst, best = (low, high) if smaller_is_worse else (high, low)
    return Pooled(n, len(values) - n, mean, worst, best, interval)
