"""What a pair's score is worth under a key that has nothing to do with the text.

A pair is a context with the token after it. Under a key drawn at random, scores of pairs that the
pseudo-random function tells apart are independent draws from one law, whatever the text: that is
the null of every test here, and its randomness is over keys only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.integrate import quad
from scipy.special import bdtrc, gammaincc, gammaln, xlogy

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOOR = 1e-300
"""No tail is told below this: doubles end there."""


class Null(Protocol):
    """The law of one pair's score under a random key."""

    @property
    def mean(self) -> float:
        """Expected score of a pair."""
        ...

    @property
    def variance(self) -> float:
        """Variance of a pair's score."""
        ...

    def tail(self, total: float, pairs: int) -> float:
        """Probability that `pairs` independent scores sum to `total` or more; exact."""
        ...

    def cumulants(
        self, at: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The logarithm of the moment generating function at `at`, and two derivatives of it."""
        ...

    def reach(self) -> float:
        """The moment generating function is finite below this."""
        ...


@dataclass(frozen=True)
class Trials:
    """A score is how many of `trials` bits are set, each with probability `rate`."""

    rate: float
    trials: int = 1

    @property
    def mean(self) -> float:
        """Expected score of a pair."""
        return self.rate * self.trials

    @property
    def variance(self) -> float:
        """Variance of a pair's score."""
        return self.rate * (1 - self.rate) * self.trials

    def tail(self, total: float, pairs: int) -> float:
        """As `Null.tail`."""
        hits = round(total)
        return max(float(bdtrc(hits - 1, pairs * self.trials, self.rate)), FLOOR) if hits else 1.0

    def cumulants(
        self, at: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """As `Null.cumulants`."""
        grown = np.logaddexp(np.log1p(-self.rate), np.log(self.rate) + at)
        tilted = np.exp(np.log(self.rate) + at - grown)
        return self.trials * grown, self.trials * tilted, self.trials * tilted * (1 - tilted)

    def reach(self) -> float:
        """As `Null.reach`."""
        return np.inf


@dataclass(frozen=True)
class Exponentials:
    """A score is a weighted sum of independent exponential variables with mean 1."""

    weights: tuple[float, ...] = (1.0,)

    @property
    def mean(self) -> float:
        """Expected score of a pair."""
        return sum(self.weights)

    @property
    def variance(self) -> float:
        """Variance of a pair's score."""
        return sum(weight**2 for weight in self.weights)

    def tail(self, total: float, pairs: int) -> float:
        """Gamma for one key; for two the convolution of two gammas, integrated."""
        if total <= 0 or pairs == 0:
            return 1.0
        used = sorted(weight for weight in self.weights if weight > 0)
        if len(used) == 1:
            return max(float(gammaincc(pairs, total / used[0])), FLOOR)
        small, large = used
        return max(_two_gammas(total, pairs, small, large), FLOOR)

    def cumulants(
        self, at: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """As `Null.cumulants`."""
        value, first, second = np.zeros_like(at), np.zeros_like(at), np.zeros_like(at)
        for weight in self.weights:
            left = 1 - weight * at
            value -= np.log(left)
            first += weight / left
            second += (weight / left) ** 2
        return value, first, second

    def reach(self) -> float:
        """As `Null.reach`."""
        return 1 / max(self.weights)


def _two_gammas(total: float, pairs: int, small: float, large: float) -> float:
    """P(small * A + large * B >= total) for independent gammas A and B of shape `pairs`."""
    end = total / small
    beyond = float(gammaincc(pairs, end))

    def integrand(value: float) -> float:
        density = np.exp(xlogy(pairs - 1, value) - value - gammaln(pairs))
        return float(density * gammaincc(pairs, (total - small * value) / large))

    # the integrand's bulk lies within some deviations of where a tilted A would be
    lower, upper = 0.0, min(end, pairs + 12 * np.sqrt(pairs) + 50)
    middle = [point for point in (pairs * 0.5, float(pairs), pairs * 1.25) if point < upper]
    inside, _ = quad(integrand, lower, upper, points=middle, limit=400, epsabs=0, epsrel=1e-8)
    rest = 0.0
    if upper < end:
        rest, _ = quad(integrand, upper, end, limit=400, epsabs=0, epsrel=1e-6)
    return min(1.0, inside + rest + beyond)
