"""Shared objects: members who send each other's prompts, against as many drawn at random."""

from __future__ import annotations

import pytest

from stillwatch.campaigns.sharing import LEAST_P, shared_objects
from tests.campaigns.made import Log, Made


def test_members_of_one_pool_share_frames(plain: Made):
    """Repeats of a pool fall on other members; drawn outsiders share nothing."""
    component = plain.component()
    test = shared_objects(plain.traffic, component)
    assert test.weight > 0.5
    assert LEAST_P <= float(test.figures["p"]) <= 1
    # By hand: exchanges whose frame another member sent too, by account, over all it sent.
    x = plain.traffic.exchanges
    frames = {
        a: x["frame"][component.all_rows][x.account[component.all_rows] == a].tolist()
        for a in component.accounts
    }
    shares = []
    for a, mine in frames.items():
        others = {f for b, theirs in frames.items() if b != a for f in theirs}
        shares.append(sum(f in others for f in mine) / len(mine))
    assert float(test.figures["share_of_exchanges"]) == pytest.approx(sum(shares) / 10, abs=1e-4)


def test_customers_share_none(honest: Made):
    """The look-alike: busy accounts with templates of their own weigh nothing, at most -0.31."""
    test = shared_objects(honest.traffic, honest.component(only_common=False))
    assert -0.31 <= test.weight <= 0
    assert test.figures["share_of_exchanges"] == 0


def test_what_everybody_sends_counts_for_nothing():
    """Fifty greetings that members and outsiders send alike are no object of a group's own."""
    log = Log(3).outsiders()
    for i in range(10):
        log.customer(f"m-{i:03d}", 40)
    for row in log.rows:
        if log.rng.random() < 0.3:
            row["frame"] = 4242 + 1000 * int(log.rng.integers(50))
    made = log.made()
    test = shared_objects(made.traffic, made.component(only_common=False))
    assert float(test.figures["share_of_exchanges"]) > 0.2
    assert float(test.figures["share_in_drawn_sets"]) > 0.2
    assert -0.31 <= test.weight < 0.3


def test_one_template_is_one_coincidence():
    """The look-alike: ten customers with one tool's template, that makes most of what they send."""
    log = Log(3).outsiders()
    for i in range(10):
        log.customer(f"m-{i:03d}", 40, frame=4242)
    made = log.made()
    test = shared_objects(made.traffic, made.component(only_common=False))
    assert float(test.figures["share_of_exchanges"]) == 1
    assert test.figures["shared_families"] == 1
    assert -0.31 <= test.weight < 0.2


def test_nobody_to_compare_with():
    """With two outsiders no set can be drawn, and the test says that it was not run."""
    made = Log(3).outsiders(2).campaign().made()
    test = shared_objects(made.traffic, made.component())
    assert (test.weight, dict(test.figures)) == (0.0, {})
