"""Exchangeability: members of one queue lie together, people with interests of their own don't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.campaigns.exchangeability import TWINS, exchangeability
from tests.campaigns.made import CODE, TOPICS, Log, Made


def test_members_of_one_queue_are_alike(plain: Made):
    """Positive, at a squared MMD near zero, nearer than nearly all outsiders come."""
    test = exchangeability(plain.traffic, plain.component())
    assert test.kind == "exchangeability"
    assert test.weight > 0.3
    assert float(test.figures["median_mmd2"]) < TWINS / 2
    assert test.figures["members_compared"] == 10
    assert 0 < float(test.figures["p"]) < 0.1


def test_customers_are_not(honest: Made):
    """The look-alike: as many people of as many exchanges, each with interests of his own."""
    test = exchangeability(honest.traffic, honest.component(only_common=False))
    assert test.weight < -0.5
    assert float(test.figures["median_mmd2"]) > TWINS


def test_a_campaign_in_name_of_ten_topics_is_held_against_it():
    """The campaign's shape, but each member's prompts are about another topic: down to -3."""
    log = Log(5).outsiders(30)
    for m in range(10):
        log.campaign(members=1, own=0, start=f"m{m}", topic=4 * m)
    made = log.made()
    test = exchangeability(made.traffic, made.component())
    assert -3 <= test.weight < -1


@pytest.mark.parametrize("topics", [2, 6])
def test_the_wider_apart_the_more_it_speaks_against(topics: int):
    """Half the members of each of two topics is worse than one topic and never below the bound."""
    log = Log(6).outsiders(30)
    for m in range(10):
        log.campaign(members=1, own=0, start=f"m{m}", topic=TOPICS - 3 * (m % topics))
    made = log.made()
    assert -3 <= exchangeability(made.traffic, made.component()).weight < 0


def test_own_traffic_among_what_was_attributed_is_not_held_against_members():
    """The surest exchanges are one queue's: for, but less so than had all been."""
    made = Log(4).outsiders(30).campaign(each=40, own=40).made()
    pure, mixed = made.component(), made.component(only_common=False)
    assert exchangeability(made.traffic, mixed).weight < 0
    again = exchangeability(made.traffic, replace(mixed, surest=pure.rows))
    assert 0 < again.weight < exchangeability(made.traffic, pure).weight
    assert again.says.startswith("Of the exchanges attributed with least doubt")


def test_people_are_not_alike_in_any_part_of_what_they_ask(honest: Made):
    """Half of each one's exchanges as the surest: still against, as without them."""
    component = honest.component(only_common=False)
    half = replace(component, surest=component.rows[::2])
    first, again = (exchangeability(honest.traffic, c) for c in (component, half))
    assert (again.weight, again.says) == (first.weight, first.says)
    assert first.weight < 0


def test_the_order_of_rows_does_not_matter(plain: Made):
    """The same log in another order: the same weight and figures."""
    other = Log().outsiders().campaign().made(shuffle=2)
    first = exchangeability(plain.traffic, plain.component())
    again = exchangeability(other.traffic, other.component())
    assert (again.weight, again.figures) == (first.weight, first.figures)


def test_only_outsiders_with_exchanges_of_the_same_kind_are_compared():
    """Members who seek what no outsider seeks are compared with nobody, and it isn't proof."""
    log = Log().outsiders(30).campaign(capability=CODE["grading"])
    made = log.made()
    test = exchangeability(made.traffic, made.component())
    assert (test.weight, dict(test.figures)) == (0.0, {})
    theirs = Log().outsiders(30).campaign().made()
    compared = exchangeability(theirs.traffic, theirs.component()).figures["outsiders_compared"]
    assert 10 < int(compared) <= 30


def test_members_of_a_few_exchanges_are_not_compared(plain: Made):
    """With seven exchanges each the test is not run, and says so with no weight and no figures."""
    component = plain.component()
    account = plain.traffic.exchanges.account[component.rows]
    few = [r for a in component.accounts for r in component.rows[account == a][:7]]
    test = exchangeability(plain.traffic, replace(component, rows=np.array(few)))
    assert (test.weight, dict(test.figures)) == (0.0, {})
