"""Harvest signs: breadth in one turn of what models are trained on, against ordinary use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.campaigns.harvest import TRAINABLE, harvest_signs, sign_rates, signs_of_all
from stillwatch.tables import CAPABILITIES
from tests.campaigns.made import CODE, Log, Made
from tests.profiles.traffic_made import gathered, some_signals


def test_a_harvest_shows(plain: Made):
    """Members' rates are far above those outside."""
    test = harvest_signs(plain.traffic, plain.component())
    assert test.weight > 1
    assert test.figures["most_sought"] == "mathematical_reasoning"
    assert float(test.figures["share_of_exchanges"]) > 0.5
    assert float(test.figures["share_of_exchanges"]) > 2 * float(test.figures["share_outside"])
    assert 0 < float(test.figures["p"]) <= 1


def test_ordinary_customers_show_none(honest: Made):
    """The look-alike: customers like those outside."""
    test = harvest_signs(honest.traffic, honest.component(only_common=False))
    assert -0.31 <= test.weight < 0.4


@pytest.mark.parametrize(
    "change",
    [
        {"capability": CODE["chat"]},
        {"capability": CODE["other"]},
        {"turns": 9},
        {"frame": 99},
    ],
)
def test_without_one_of_its_marks_it_is_no_harvest(change: dict):
    """Chat, later turns, or one template over and over: as equal and common, and no harvest."""
    made = Log().outsiders().campaign(own=0, **change).made()
    test = harvest_signs(made.traffic, made.component())
    assert -0.31 <= test.weight <= 0
    assert float(test.figures["share_of_exchanges"]) <= 0.05


def test_what_else_the_members_do_does_not_hide_it():
    """The common work is looked at by itself: camouflage of three in four changes nothing."""
    bare, hidden = (Log().outsiders().campaign(each=20, own=own).made() for own in (0, 60))
    said = [harvest_signs(made.traffic, made.component()) for made in (bare, hidden)]
    assert said[0].weight > 1
    assert said[1].figures["share_of_exchanges"] == said[0].figures["share_of_exchanges"]


def test_signs_that_were_chosen_are_told_from_more_signs():
    """Of customers the exchanges that are signs, and no others: many there, altogether the usual.

    Of a campaign with as much of its own there are more altogether too.
    """
    log = Log(1).outsiders(120)
    for i in range(10):
        log.customer(f"m-{i:03d}", 100)
    log.campaign(members=10, each=40, own=60, start="n")
    made = log.made()
    customers, campaign = (made.component(s, only_common=s == "n") for s in "mn")
    exchanges, rows = made.traffic.exchanges, customers.rows
    sign = TRAINABLE[exchanges["capability"][rows]] & (exchanges["turns"][rows] == 1)
    chosen, harvest = (
        harvest_signs(made.traffic, component)
        for component in (replace(customers, rows=rows[sign]), campaign)
    )
    assert min(chosen.weight, harvest.weight) > 1
    assert float(chosen.figures["p_altogether"]) > 0.2
    assert float(harvest.figures["p_altogether"]) < 0.01


@pytest.mark.parametrize("name", CAPABILITIES)
def test_sign_rates_count_first_single_turns_of_trainable_kinds(name: str):
    """By hand: five exchanges of which the third repeats a frame and the fourth is a third turn."""
    log = Log()
    for frame, turns in ((1, 1), (2, 2), (1, 1), (3, 3), (4, -1)):
        log.send("m-0", frame=frame, turns=turns, capability=CODE[name])
    log.send("m-1", frame=1, turns=1, capability=CODE[name])
    log.send("m-2", frame=1, turns=1, capability=CODE["chat"])
    traffic = log.made().traffic
    signs = signs_of_all(traffic.exchanges)
    rates = sign_rates(traffic, np.flatnonzero(traffic.exchanges.account < 2), signs)
    trains = name not in ("chat", "other")
    assert rates[:2].tolist() == ([0.6, 1.0] if trains else [0.0, 0.0])
    assert np.isnan(rates[2])


@pytest.mark.parametrize("seed", range(3))
def test_signs_are_the_first_of_their_frame_by_account(seed: int):
    """Against walking through each thread as they begin, with a set of frames for each account."""
    traffic = gathered(some_signals(500, 7, seed, values=40))
    x, seen, expected = traffic.exchanges, set(), np.zeros(500, bool)
    for row in np.lexsort((x["exchange"], x["ts"], x["thread"])).tolist():
        used = (int(x.account[row]), int(x["frame"][row]))
        trains = CAPABILITIES[x["capability"][row]] not in ("chat", "other")
        expected[row] = used not in seen and trains and x["turns"][row] <= 2
        seen.add(used)
    assert (signs_of_all(x) == expected).all()
    assert 20 < expected.sum() < 250


def test_a_sign_does_not_depend_on_what_is_looked_at():
    """The second of a frame is none, even where the first is of the account's own traffic."""
    log = Log()
    log.send("m-0", frame=5, turns=1, ts=1, capability=CODE["coding"])
    log.send("m-0", frame=5, turns=1, ts=2, capability=CODE["coding"], common=True)
    made = log.made()
    rows = np.flatnonzero(made.common)
    assert sign_rates(made.traffic, rows, signs_of_all(made.traffic.exchanges)).tolist() == [0.0]


def test_nobody_to_compare_with():
    """Without outsiders the test says that it was not run."""
    made = Log(3).campaign().made()
    test = harvest_signs(made.traffic, made.component())
    assert (test.weight, dict(test.figures)) == (0.0, {})
