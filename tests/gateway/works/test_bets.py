"""Bets on a new account's marks: how they are spread, and that all of them come to one at most."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.bets import BETS, FITTING, worths
from stillwatch.gateway.works.learn import MARKS, ON_ANY, ON_SEATS, SEATS, STAKES, _spread
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
    spread = _spread(np.repeat(np.arange(campaigns), [50, 5, 1]), campaigns)
    shares = np.log10([[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]], dtype=np.float32)
    evidence = np.tile(shares[:, :, None, None], (1, 1, 17, 17))
    seated = np.zeros((len(SEATS), 17, 17), np.float32)
    fitting = np.zeros((campaigns, len(SEATS), 17, 17), np.float32)
    slot = np.zeros(1, SLOT)
    slot["any_hits"], slot["threads"], slot["sits"], slot["access"] = 4, 5, seats, 0b111
    slot["summed"] = -1
    bets = sum(worths(slot, stake, spread, evidence, seated, fitting))
    for campaign in range(campaigns):
        slot["summed"] = campaign
        bets += sum(worths(slot, stake, spread, evidence, seated, fitting)[FITTING:])
    assert 1 - stake - 1e-6 <= bets <= 1 + 1e-6
    assert (bets == pytest.approx(1)) == (seats == len(SEATS))


@pytest.mark.parametrize("seed", range(20))
def test_a_bet_is_worth_its_part_of_the_stake_times_its_evidence(seed: int) -> None:
    """Mark by mark, whatever an account bears and whichever campaign it is taken for, if any."""
    rng, k = np.random.default_rng(seed), 3
    evidence = rng.normal(0, 3, (k, len(MARKS), 9, 9)).astype(np.float32)
    seated = rng.normal(0, 3, (len(SEATS), 9, 9)).astype(np.float32)
    fitting = rng.normal(0, 3, (k, len(SEATS), 9, 9)).astype(np.float32)
    stake, spread = rng.uniform(*STAKES), rng.dirichlet(np.ones(k))
    slot = np.zeros(1, SLOT)
    for name, most in {"threads": 9, "any_hits": 9, "sits": 3, "access": 8}.items():
        slot[name] = rng.integers(most)
    slot["asked"], slot["hits"] = rng.integers(9, size=(2, 16))
    slot["summed"] = campaign = int(rng.integers(-1, k))
    threads, hits = int(slot["threads"][0]), int(slot["any_hits"][0])
    own = int(slot["asked"][0, campaign]), int(slot["hits"][0, campaign])
    expected = dict.fromkeys(BETS, 0.0)
    for n in range(int(slot["sits"][0])):
        alone, both = SEATS[n]
        expected[alone] = stake * ON_SEATS[n][0] * 10 ** float(seated[n, threads, hits])
        if campaign >= 0:
            sure = 10 ** float(fitting[campaign, n, threads, hits])
            expected[both] = spread[campaign] * stake * ON_SEATS[n][1] * sure
    for mark, name in enumerate(MARKS):
        if campaign >= 0 and (mark == 0 or int(slot["access"][0]) >> campaign & 1):
            sure = 10 ** float(evidence[campaign, mark, *own])
            expected[name] = spread[campaign] * (1 - stake) * sure
    found = worths(slot, stake, spread, evidence, seated, fitting)
    assert dict(zip(BETS, found, strict=True)) == pytest.approx(expected)


def test_counts_beyond_a_table_are_those_at_its_end() -> None:
    """And a campaign that it doesn't have is none: workers may count without the lock."""
    rng, spread = np.random.default_rng(3), np.ones(1)
    evidence = rng.normal(size=(1, len(MARKS), 9, 9)).astype(np.float32)
    seated = rng.normal(size=(len(SEATS), 9, 9)).astype(np.float32)
    fitting = rng.normal(size=(1, len(SEATS), 9, 9)).astype(np.float32)
    found = []
    for most, seats in ((8, 2), (9, 3), (65_535, 2**32 - 1)):
        slot = np.zeros(1, SLOT)
        slot["threads"] = slot["any_hits"] = slot["asked"] = slot["hits"] = most
        slot["sits"], slot["access"] = seats, 1
        found.append(worths(slot, 0.5, spread, evidence, seated, fitting))
        slot["summed"] = 1
        assert worths(slot, 0.5, spread, evidence, seated, fitting)[FITTING:] == (0.0,) * 4
    assert found[0] == found[1] == found[2]
