"""Networks: a pool of accounts is named a reseller, a fleet or a class is not."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns import judgement
from stillwatch.campaigns.harvest import harvest_signs
from stillwatch.campaigns.judgement import Verdict
from stillwatch.campaigns.networks import judge_network
from tests.campaigns.made import Log, Made
from tests.campaigns.test_rivals import pool_of


def judged(made: Made, taken: tuple[int, ...] = (), start: str = "m") -> Verdict | None:
    """The network of the accounts whose ids begin so; `taken` are places in a campaign."""
    gone = np.zeros(len(made.traffic.accounts), bool)
    gone[list(taken)] = True
    group = made.group(start)
    return judge_network(made.traffic, group, gone, made.others())


def pool() -> Log:
    """Twelve accounts of a reseller among sixty customers."""
    return pool_of(Log(3).outsiders())


def test_a_pool_is_a_reseller_s():
    """Shared exits, mixed traffic, even loads: named, with all of its traffic, and sure."""
    made = pool().made()
    verdict = judged(made)
    assert verdict is not None
    assert verdict.kind == "reseller"
    assert verdict.accounts.tolist() == made.places("m").tolist()
    assert sorted(verdict.rows.tolist()) == sorted(made.rows("m").tolist())
    assert verdict.margin == pytest.approx(-2 + sum(t.weight for t in verdict.tests.values()))
    assert 0.5 < verdict.confidence <= 0.999
    assert -0.31 < verdict.tests["harvest_signs"].weight <= 0


def test_signs_of_a_harvest_speak_against_a_reseller():
    """The same exits, but one queue of mathematics: what it weighs is held against a reseller."""
    log = Log(3).outsiders()
    exits = [log.key() for _ in range(4)]
    for m in range(12):
        log.campaign(members=1, own=0, start=f"m-{m:02d}", each=60, network=exits[m % 4])
    made = log.made()
    component = made.component(only_common=False)
    assert harvest_signs(made.traffic, component).weight > 1
    verdict = judged(made)
    assert verdict is None or verdict.tests["harvest_signs"].weight < -1


def test_of_a_large_pool_a_part_is_looked_at_and_all_are_named(monkeypatch: pytest.MonkeyPatch):
    """By the evidence of twelve of its accounts, all 24 with all of their traffic."""
    monkeypatch.setattr(judgement, "LOOKED_AT", 12)
    made = pool_of(Log(3).outsiders(), 24).made()
    verdict = judged(made)
    assert verdict is not None
    assert verdict.accounts.tolist() == made.places("m").tolist()
    assert sorted(verdict.rows.tolist()) == sorted(made.rows("m").tolist())
    account = made.traffic.exchanges.account
    shown = np.unique(account[verdict.tests["shared_origin"].sample])
    assert np.isin(shown, judgement.part_of(made.traffic, made.places("m"))).all()


def test_a_fleet_is_not():
    """The look-alike: the same accounts, of one organisation that says so."""
    assert judged(pool().register("m", org=3).made()) is None


def test_a_class_is_not():
    """The look-alike: one network and one assignment."""
    log = Log().outsiders().campaign(pool=20, network=5)
    assert judged(log.made()) is None


def test_customers_who_share_nothing_are_not(honest: Made):
    """The look-alike that was never a pool."""
    assert judged(honest) is None


def test_accounts_of_a_campaign_are_left_to_it():
    """What a campaign took is no network's; four that remain are too few."""
    made = pool().made()
    places = made.places("m")
    rest = judged(made, tuple(places[:5]))
    assert rest is not None
    assert rest.accounts.tolist() == places[5:].tolist()
    assert judged(made, tuple(places[:8])) is None


def test_a_network_is_compared_with_others_than_itself():
    """Though no group holds them, its accounts are not their own outsiders."""
    made = pool().made()
    by_all, by_others = made.others(), made.others("m")
    assert len(by_all) == len(by_others) + 12
    apart = by_all.without(made.places("m"))
    assert apart.accounts.tolist() == by_others.accounts.tolist()
    assert apart.load.tolist() == by_others.load.tolist()
    assert apart.signs.tolist() == by_others.signs.tolist()
    verdict = judged(made)
    assert verdict is not None
    compared = int(verdict.tests["exchangeability"].figures["outsiders_compared"])
    assert 0 < compared <= len(by_others)
