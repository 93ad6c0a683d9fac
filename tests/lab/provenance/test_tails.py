"""Tails: against scipy, against drawing, and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stillwatch.lab.provenance.schemes.null import FLOOR, Exponentials, Null, Trials
from stillwatch.lab.provenance.tails import deviations, saddlepoint, tail

RNG = np.random.default_rng(0)
DRAWS = 40_000


def test_equal_weights_have_exact_tails() -> None:
    """Binomial and gamma, as scipy has them."""
    ones = np.ones(100)
    hits = np.concatenate([np.ones(40), np.zeros(60)])
    assert tail(Trials(0.25), ones, hits) == pytest.approx(stats.binom.sf(39, 100, 0.25))
    surprise = np.full(100, 1.2)
    assert tail(Exponentials(), ones, surprise) == pytest.approx(stats.gamma.sf(120, 100))
    five = np.full(100, 3.0)
    assert tail(Trials(0.5, 5), ones, five) == pytest.approx(stats.binom.sf(299, 500, 0.5))


@pytest.mark.parametrize("total", [8.0, 10.0, 12.0, 20.0])
def test_two_keys_have_the_tail_of_the_sum(total: float) -> None:
    """The convolution against drawing."""
    drawn = 0.9 * RNG.gamma(10, size=400_000) + 0.1 * RNG.gamma(10, size=400_000)
    assert Exponentials((0.9, 0.1)).tail(total, 10) == pytest.approx(
        (drawn >= total).mean(), abs=3e-3
    )


def test_equal_halves_are_a_gamma() -> None:
    """Two keys of equal weight: twice the shape at half the scale."""
    assert Exponentials((0.5, 0.5)).tail(12, 20) == pytest.approx(stats.gamma.sf(24, 40), rel=1e-6)


@pytest.mark.parametrize(
    ("null", "drawn"),
    [
        (Trials(0.25), lambda size: (RNG.random(size) < 0.25).astype(float)),
        (Trials(0.5, 5), lambda size: RNG.binomial(5, 0.5, size).astype(float)),
        (Exponentials(), lambda size: RNG.exponential(size=size)),
    ],
)
@pytest.mark.parametrize("centred", [False, True])
def test_unequal_weights_have_the_tail_of_drawing(null: Null, drawn, centred: bool) -> None:
    """The saddlepoint within a few per cent, near the middle and far out, also below zero."""
    weights = RNG.gamma(0.5, size=600)
    weights -= weights.mean() if centred else 0
    totals = np.concatenate([drawn((4000, 600)) @ weights for _ in range(DRAWS // 4000)])
    mean, spread = null.mean * weights.sum(), np.sqrt(null.variance * (weights @ weights))
    for z in (-1.5, -0.3, 0.0, 0.4, 1.64, 2.5):
        seen = (totals >= mean + z * spread).mean()
        noise = 4 * np.sqrt(seen * (1 - seen) / DRAWS)
        assert saddlepoint(null, weights, mean + z * spread) == pytest.approx(
            seen, abs=noise + 0.004
        )


def test_the_saddlepoint_is_right_far_out() -> None:
    """Where a normal tail would be wrong by orders of magnitude."""
    ones = np.ones(2000)
    exact = stats.gamma.sf(2800, 2000)
    assert exact < 1e-50
    assert saddlepoint(Exponentials(), ones, 2800) == pytest.approx(exact, rel=1e-3)
    # a lattice is told within its own step
    exact = stats.binom.sf(399, 1000, 0.25)
    assert exact / 2 < saddlepoint(Trials(0.25), np.ones(1000), 400) < exact


def test_what_cannot_be_reached_is_the_floor() -> None:
    """More than all weights together; and nothing at all is no evidence."""
    assert saddlepoint(Trials(0.25), np.full(5, 0.3), 1.6) == FLOOR
    assert saddlepoint(Trials(0.25), np.full(5, 0.3), -0.1) == 1.0
    assert tail(Trials(0.25), np.zeros(0), np.zeros(0)) == 1.0
    assert saddlepoint(Trials(0.25), np.zeros(4), 0.0) == 1.0
    assert deviations(Trials(0.25), np.zeros(0), np.zeros(0)) == 0.0


def test_deviations_are_those_of_the_weighted_sum() -> None:
    """By hand for two weights."""
    told = deviations(Trials(0.5), np.array([3.0, 4.0]), np.array([1.0, 1.0]))
    assert told == pytest.approx(3.5 / 2.5)
