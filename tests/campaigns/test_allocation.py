"""Work allocation: dealt by a queue, against loads and days that people choose."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns import allocation
from stillwatch.campaigns.allocation import (
    DAY_US,
    counts_of_all,
    daily_counts,
    dealing,
    together,
    work_allocation,
)
from tests.campaigns.made import Log, Made, alone, bare


def test_equal_loads_on_the_same_days_are_allocated(plain: Made):
    """Both statistics show it, and together they weigh more than one decade."""
    test = work_allocation(plain.traffic, plain.component())
    assert test.weight > 1
    assert float(test.figures["load_p"]) < 0.01
    assert float(test.figures["daily_p"]) < 0.01
    assert float(test.figures["daily_correlation"]) > 0.5
    assert 0 < float(test.figures["p"]) <= 1


def test_loads_and_days_of_people_are_not(honest: Made):
    """The look-alike: loads as uneven as outside, days of each one's own."""
    log = Log(1).outsiders()
    for i in range(10):
        log.customer(f"m-{i:03d}", int(np.clip(log.rng.lognormal(3.4, 0.6), 12, 120)))
    made = log.made()
    test = work_allocation(made.traffic, made.component(only_common=False))
    assert -0.31 <= test.weight < 0.4
    assert abs(float(test.figures["daily_correlation"])) < 0.4


def test_equal_loads_alone_show():
    """Members of one quota who work on days of their own: by load only."""
    log = Log(2).outsiders()
    for m in range(10):
        log.campaign(members=1, own=0, start=f"m{m}", days=(m, (m * 3 + 1) % 14))
    made = log.made()
    test = work_allocation(made.traffic, made.component())
    assert float(test.figures["load_p"]) < 0.01
    assert float(test.figures["daily_p"]) > 0.05
    assert test.weight > 0.5


def test_common_days_alone_show():
    """Members of very different loads, all busy on the same three days: by days only."""
    log = Log(2).outsiders()
    for m in range(10):
        log.campaign(members=1, own=0, start=f"m{m}", each=12 + 3 * m**2 // 2, days=(1, 5, 12))
    made = log.made()
    test = work_allocation(made.traffic, made.component())
    assert float(test.figures["daily_p"]) < 0.01
    assert float(test.figures["load_p"]) > 0.05
    assert test.weight > 0.5


def test_too_few_to_compare():
    """Nineteen outsiders are too few, and the test says that it was not run."""
    made = Log(2).outsiders(19).campaign().made()
    test = work_allocation(made.traffic, made.component())
    assert (test.weight, dict(test.figures)) == (0.0, {})


@pytest.mark.parametrize("seed", range(5))
def test_dealing_is_one_for_a_queue(seed: int):
    """Prompts that come again, dealt at random to accounts of unequal load."""
    rng = np.random.default_rng(seed)
    account = rng.choice(8, 4000, p=np.array([4, 1, 1, 2, 2, 3, 1, 2]) / 16)
    traffic = bare(account.tolist(), rng.integers(1, 1500, 4000).tolist())
    assert dealing(traffic, alone(traffic)) == pytest.approx(1, abs=0.15)


def test_dealing_is_large_for_those_who_repeat_themselves():
    """Each with a template of its own: as many times chance as there are accounts."""
    account = np.repeat(np.arange(8), 20)
    traffic = bare(account.tolist(), (account + 1).tolist())
    # Every pair is within; chance is one in eight.
    assert dealing(traffic, alone(traffic)) == pytest.approx(8)


def test_dealing_is_nil_for_a_set_run_once_and_unknown_without_repeats():
    """Each account runs through all of one set, once; then a set in which nothing comes twice."""
    account = np.repeat(np.arange(8), 20).tolist()
    traffic = bare(account, list(range(1, 21)) * 8)
    assert dealing(traffic, alone(traffic)) == 0
    traffic = bare(account, list(range(1, 161)))
    assert np.isnan(dealing(traffic, alone(traffic)))


def test_daily_counts_are_by_account_and_day():
    """Days begin at midnight UTC, and count from the log's first."""
    ts = [5 * DAY_US, 5 * DAY_US + 1, 6 * DAY_US - 1, 6 * DAY_US, 8 * DAY_US]
    traffic = bare([0, 1, 0, 0, 2], [1] * 5, ts)
    counts = daily_counts(traffic, np.array([0, 1, 2, 3]), np.array([0, 1]))
    assert counts.tolist() == [[2, 1, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("years", [0, 5])
def test_counts_of_all_are_those_of_every_account(years: int, monkeypatch: pytest.MonkeyPatch):
    """Counted seven rows at a time; with a clock years off only days in use, as all at once."""
    rng = np.random.default_rng(years)
    ts = rng.integers(0, 9 * DAY_US, 60)
    ts[0] += years * 365 * DAY_US
    traffic = bare([*range(5), *rng.integers(0, 5, 55).tolist()], [1] * 60, ts.tolist())
    expected = daily_counts(traffic, np.arange(60), np.arange(5))
    monkeypatch.setattr(allocation, "BLOCK", 7)
    assert counts_of_all(traffic).tolist() == expected.tolist()
    assert expected.sum() == 60
    assert expected.shape[1] <= 10


def test_together_is_correlation_with_the_rest():
    """Against NumPy, and nought for who is as busy every day."""
    rng = np.random.default_rng(0)
    daily = rng.poisson(4, (6, 14)).astype(float)
    daily[3] = 5
    rest = daily.sum(0) - daily
    expected = [0.0 if i == 3 else np.corrcoef(daily[i], rest[i])[0, 1] for i in range(6)]
    np.testing.assert_allclose(together(daily), expected, atol=1e-12)
