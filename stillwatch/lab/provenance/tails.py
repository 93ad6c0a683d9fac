"""How far out a total is under its null: exact for equal weights, a saddlepoint for others.

With equal weights the total's law is known (binomial, gamma). With unequal ones, as when each pair
carries the probability mass that a suspect puts on it, the law is that of a weighted sum of
independent draws; its tail is told by Lugannani and Rice's formula (1980), whose relative error
stays small far out, where a normal tail's doesn't. Wrong keys check it in every run (`controls`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from stillwatch.lab.provenance.schemes.null import FLOOR

if TYPE_CHECKING:
    from stillwatch.lab.provenance.schemes.null import Null
    from stillwatch.lab.provenance.scoring import Floats

_NEAR = 1e-3
"""So near the mean, in deviations, the formula divides by nearly nothing: its limit is used."""

_FAR, _STEPS, _CLOSE = 1e6, 200, 1e-9


def tail(null: Null, weights: Floats, scores: Floats) -> float:
    """P(a wrong key's total is as high as this one's): the p-value of a run of scores."""
    if not len(weights):
        return 1.0
    if (weights == weights[0]).all() and weights[0] > 0:
        return null.tail(float(scores.sum()), len(scores))
    return saddlepoint(null, weights, float(weights @ scores))


def deviations(null: Null, weights: Floats, scores: Floats) -> float:
    """The total's distance from its mean in standard deviations."""
    spread = np.sqrt(null.variance * float(weights @ weights))
    return float((weights @ scores - null.mean * weights.sum()) / spread) if spread else 0.0


def saddlepoint(null: Null, weights: Floats, total: float) -> float:
    """P(sum of weights * draws >= total)."""
    weights = weights[weights != 0]
    if not len(weights):
        return 1.0
    mean, variance = null.mean * weights.sum(), null.variance * float(weights @ weights)
    if abs(total - mean) < _NEAR * np.sqrt(variance):
        return _middle(null, weights, np.sqrt(variance))
    place = _placed(null, weights, total - mean, np.sqrt(variance), mean)
    if place is None:
        return FLOOR if total > mean else 1.0
    value, _, second = _cumulants(null, weights, place)
    signed = np.sign(place) * np.sqrt(max(2 * (place * total - value), 0.0))
    spread = place * np.sqrt(second)
    density = np.exp(-(signed**2) / 2) / np.sqrt(2 * np.pi)
    told = ndtr(-signed) + density * (1 / spread - 1 / signed)
    return float(np.clip(told, FLOOR, 1.0))


def _middle(null: Null, weights: Floats, spread: float) -> float:
    """The formula's limit at the mean: one half, less what skewness takes."""
    step = 1e-3 / spread
    up, down = (_cumulants(null, weights, sign * step)[2] for sign in (1, -1))
    skewness = (up - down) / (2 * step) / spread**3
    return float(np.clip(0.5 - skewness / (6 * np.sqrt(2 * np.pi)), 0.0, 1.0))


def _cumulants(null: Null, weights: Floats, at: float) -> tuple[float, float, float]:
    value, first, second = null.cumulants(at * weights)
    return float(value.sum()), float(weights @ first), float(weights**2 @ second)


def _placed(
    null: Null, weights: Floats, distance: float, spread: float, mean: float
) -> float | None:
    """Where the tilted mean is the total, by Newton's steps kept between bounds; None if not."""
    reach = null.reach()
    inner, outer = 0.0, _FAR / spread
    if np.isfinite(reach):
        extreme = weights.max() if distance > 0 else -weights.min()
        outer = reach / extreme * (1 - 1e-9) if extreme > 0 else outer
    sign = np.sign(distance)
    at = min(abs(distance) / spread**2, outer)
    for _ in range(_STEPS):
        _, first, second = _cumulants(null, weights, sign * at)
        gap = sign * (first - mean - distance)
        if abs(gap) <= _CLOSE * spread:
            return float(sign * at)
        inner, outer = (inner, at) if gap > 0 else (at, outer)
        step = at - gap / second if second > 0 else outer
        at = step if inner < step < outer else (inner + outer) / 2
    return None
