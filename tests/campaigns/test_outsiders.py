"""Outsiders: who is one, and what every group of a pass is compared with."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns import outsiders as module
from stillwatch.campaigns.component import Outsiders
from stillwatch.campaigns.outsiders import LEAST_EXCHANGES
from stillwatch.statistics.mmd import squared_mmd
from tests.campaigns.made import Log, Made


@pytest.fixture(scope="module")
def made() -> Made:
    """A campaign, customers, some of whom send too little, and software that several use."""
    log = Log(5).outsiders(40).campaign()
    for i, exchanges in enumerate((6, 8)):
        log.customer(f"few-{i}", exchanges)
    for name in ("c-001", "c-002", "c-003", "m-001"):
        log.customer(name, 5, system=77)
    for name in ("c-004", "m-001", "m-002"):
        log.customer(name, 5, system=78)
    for name in ("m-001", "m-002", "few-0"):
        log.customer(name, 1, system=79)
    return log.made()


@pytest.fixture(scope="module")
def others(made: Made) -> Outsiders:
    """The outsiders to its campaign."""
    return made.others("m")


def test_outsiders_are_in_no_group_and_send_enough(made: Made, others: Outsiders):
    """Eight exchanges are enough."""
    assert LEAST_EXCHANGES == 8
    ids = [made.traffic.accounts.ids[a] for a in others.accounts]
    assert ids == [*(f"c-{i:03d}" for i in range(40)), "few-1"]


def test_their_figures_are_those_of_the_ground(made: Made, others: Outsiders):
    """Rates, loads and signs were counted once for everybody."""
    assert others.signs.tolist() == made.ground.sign_rates[others.accounts].tolist()
    assert others.load.tolist() == made.traffic.accounts.exchanges[others.accounts].tolist()
    assert (others.all_signs == made.ground.signs).all()


def test_systems_are_those_of_an_outsider_and_of_anybody_else(made: Made, others: Outsiders):
    """Prompts of two outsiders, or of one and a member; not of an outsider alone, nor of none."""
    assert sorted(others.systems.tolist()) == [77, 78]


def test_the_pool_is_all_that_they_send(made: Made, others: Outsiders):
    """Sums over their rows, whatever is added up at a time."""
    content = made.traffic.exchanges.content
    rows = made.traffic.exchanges.rows_of(others.accounts)
    total = content[rows].astype(np.int64).sum(0)
    assert others.pool.size.tolist() == [content[rows].any(1).sum()]
    np.testing.assert_allclose(others.pool.total[0], total / made.traffic.scale, rtol=1e-6)


def test_neither_blocks_nor_samples_move_what_is_typical(
    made: Made, others: Outsiders, monkeypatch: pytest.MonkeyPatch
):
    """Five accounts at a time the pool is the same; of every other account the median is near."""
    monkeypatch.setattr(module, "BLOCK", 5)
    blocks = made.others("m")
    assert blocks.strangeness == others.strangeness
    assert (
        squared_mmd(blocks.pool, others.pool).tolist()
        == squared_mmd(others.pool, others.pool).tolist()
    )
    monkeypatch.setattr(module, "TYPICAL", 20)
    assert made.others("m").strangeness == pytest.approx(others.strangeness, rel=0.2)
