"""Bets on a new account's marks: how they are spread, and that all of them come to one at most."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.learn import ON_ANY, SEATS, STAKES, _spread
from stillwatch.gateway.works.recogniser import Recogniser
from stillwatch.gateway.works.sample import DOUBTED, NOBODYS, RELEASED


@pytest.mark.parametrize(
    "members", [[7], [0], [3, 3], [4000, 1], [4000, 0], [0, 0, 0], list(range(16))]
)
def test_bets_on_work_go_by_members_and_leave_no_campaign_out(members: list[int]) -> None:
    """Whoever is nobody's counts for none; the smallest keeps its part of what is spread evenly."""
    others = [NOBODYS, DOUBTED, RELEASED] * 5
    campaign = np.array([*np.repeat(np.arange(len(members)), members), *others], np.int64)
    spread = _spread(campaign, len(members))
    assert spread.sum() == pytest.approx(1)
    assert (spread >= ON_ANY / len(members)).all()
    order = np.argsort(members, kind="stable")
    assert (np.diff(spread[order]) >= 0).all()


@pytest.mark.parametrize("stake", STAKES)
@pytest.mark.parametrize("seats", [0, 1, 2])
def test_all_bets_come_to_one_at_most(stake: float, seats: int) -> None:
    """Where marks say nothing, a stake is worth what was bet, whichever campaign it is taken for.
    How a campaign's bet is shared out over its two marks of content is in their evidence."""
    campaigns = 3
    recogniser = object.__new__(Recogniser)
    recogniser.names, recogniser._places = ["a", "b", "c"], np.arange(campaigns)
    recogniser._stake = stake
    recogniser._spread = _spread(np.repeat(np.arange(campaigns), [50, 5, 1]), campaigns)
    shares = np.log10([[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]])
    recogniser._evidence = np.tile(shares[:, :, None, None], (1, 1, 17, 17))
    recogniser._seated = np.zeros((len(SEATS), 17, 17), np.float32)
    recogniser._seated_fitting = np.zeros((campaigns, len(SEATS), 17, 17), np.float32)
    slot = np.zeros(1, SLOT)[0]
    slot["any_hits"], slot["threads"], slot["sits"], slot["access"] = 4, 5, seats, 0b111
    bets = sum(recogniser._told_by_seats(slot).values())
    for campaign in range(campaigns):
        slot["summed"] = campaign
        bets += sum(recogniser._told_by_content(slot).values())
    assert 1 - stake - 1e-9 <= bets <= 1 + 1e-9
    assert (bets == pytest.approx(1)) == (seats == len(SEATS))
