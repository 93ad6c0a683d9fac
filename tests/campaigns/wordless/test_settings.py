"""Shared settings: the chance that threads of two accounts agree, against drawn sets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from stillwatch.campaigns.wordless.settings import (
    alike_in,
    drawn,
    settings_outside,
    shared_settings,
    shares_of,
)
from tests.campaigns.wordless.made import some_works


def brute(account: list[int], settings: list[int], accounts: list[int]) -> float:
    """Over all pairs of accounts, the share of pairs of known threads that agree."""
    of = {a: [s for b, s in zip(account, settings, strict=True) if b == a and s] for a in accounts}
    rates = [
        np.mean([s == t for s in of[a] for t in of[b]]) if of[a] and of[b] else 0.0
        for a, b in combinations(accounts, 2)
    ]
    return float(np.mean(rates))


@pytest.mark.parametrize("seed", range(5))
def test_is_the_mean_over_pairs_of_accounts(seed: int):
    """Against counting every pair of threads of different accounts."""
    rng = np.random.default_rng(seed)
    account, settings = rng.integers(0, 6, 60).tolist(), rng.integers(0, 5, 60).tolist()
    accounts = sorted(set(account))[:4]
    shares = shares_of(some_works(account, settings), np.array(accounts), 6)
    assert alike_in(shares) == pytest.approx(brute(account, settings, accounts))


def test_drawn_sets_have_the_mean_of_all_pairs():
    """Sets are of different accounts: no account is compared with itself."""
    account = list(range(80))
    outside = settings_outside(some_works(account, [1 + a % 8 for a in account]), np.arange(80), 80)
    assert drawn(outside, 16).mean() == pytest.approx(9 / 79, rel=0.03)


def test_weighs_what_chance_does_not_make():
    """Twenty that call as one weigh much; twenty with settings like everybody's weigh nothing."""
    account = list(range(140))
    settings = [7 if a < 20 else 10 + a % 30 for a in account]
    works = some_works(account, settings)
    outside = settings_outside(works, np.arange(40, 140), 140)
    assert shared_settings(works, np.arange(20), 140, outside).weight > 2
    assert shared_settings(works, np.arange(20, 40), 140, outside).weight < 0.3


def test_unknown_settings_say_nothing():
    """A log without settings has no figures and no weight."""
    works = some_works(list(range(100)), [0] * 100)
    test = shared_settings(
        works, np.arange(20), 100, settings_outside(works, np.arange(20, 100), 100)
    )
    assert (test.weight, dict(test.figures)) == (0.0, {})
