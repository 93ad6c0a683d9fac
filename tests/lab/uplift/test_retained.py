"""Retained uplift: the formula, its intervals, and what has none."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.lab.uplift.retained import over_several, over_test, retained


@pytest.mark.parametrize(
    ("defended", "base", "full", "share"),
    [(1.0, 0.25, 1.0, 1.0), (0.25, 0.25, 1.0, 0.0), (0.1, 0.25, 1.0, -0.2), (0.4, 0.25, 0.3, None)],
)
def test_the_formula(defended: float, base: float, full: float, share: float | None) -> None:
    """All, nothing, less than nothing; none where full answers teach next to nothing."""
    assert retained(defended, base, full) == (None if share is None else pytest.approx(share))


def _hits(share: float, seed: int, count: int = 1_000) -> list[bool]:
    return (np.random.default_rng(seed).random(count) < share).tolist()


def test_the_interval_of_one_seed_holds_the_truth_as_often_as_it_says() -> None:
    """Two hundred tests of 300 prompts of a true share of a half; 95% would be 190."""
    held = 0
    for seed in range(200):
        told = over_test(*(_hits(p, 3 * seed + at, 300) for at, p in enumerate((0.6, 0.2, 1.0))))
        assert told is not None
        held += told.low <= 0.5 <= told.high
    assert 180 <= held <= 199


def test_several_seeds_are_met_by_students_t() -> None:
    """By hand: mean 0.3, standard deviation 0.1, t of two degrees of freedom 4.303."""
    told = over_several([0.2, 0.3, 0.4])
    assert told is not None
    assert told.share == pytest.approx(0.3)
    assert told.high - told.share == pytest.approx(4.3027 * 0.1 / 3**0.5, abs=1e-3)
    assert over_several([0.2, None]) is None


def test_no_uplift_has_no_share() -> None:
    """Rather than a division by next to nothing."""
    same = _hits(0.5, 1)
    assert over_test(same, same, same) is None
