"""Unread answers: rates of a group's accounts against drawn sets of outsiders."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.wordless.unread import unread_answers


@pytest.fixture
def outside() -> np.ndarray:
    """Rates of three hundred accounts, one in five of whom is a program."""
    rng = np.random.default_rng(4)
    return np.where(rng.random(300) < 0.2, rng.uniform(0.3, 1, 300), rng.uniform(0, 0.3, 300))


def test_high_rates_weigh_and_usual_ones_do_not(outside: np.ndarray):
    """Twenty accounts at 60% can't be drawn; twenty of the outsiders can."""
    assert unread_answers(np.full(20, 0.6), outside).weight > 1.5
    assert unread_answers(outside[:20], outside).weight < 0.4


def test_many_accounts_count_for_sixteen(outside: np.ndarray):
    """A pool's accounts carry the same customers: four hundred weigh no more than sixteen."""
    few, many = (unread_answers(np.full(n, 0.42), outside).weight for n in (16, 400))
    assert few == many


def test_unknown_lengths_say_nothing():
    """Where no account has an unread thread, nothing can be compared."""
    assert unread_answers(np.zeros(20), np.zeros(99)).figures == {}
