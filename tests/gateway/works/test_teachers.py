"""Who teaches what honest work is."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.gateway.works.access import Access
from stillwatch.gateway.works.fit import Fit
from stillwatch.gateway.works.sample import DOUBTED, NOBODYS, Sampled, Seen, _rank
from stillwatch.gateway.works.teachers import fits_by_chance, honest_teachers
from stillwatch.statistics.mmd import Samples

STRAY = 0.02
NO_PARTS = Samples(np.zeros(0), np.zeros((0, 8)), np.zeros(0))


def crowd(
    hits: list[int],
    threads: int = 10,
    *,
    seats: int = 0,
    shared: bool = False,
    fits: bool = False,
    elsewhere: bool = False,
    unexcused: bool = True,
    of: int = NOBODYS,
) -> tuple[list[bool], float]:
    """Whether accounts with so many hits teach, beside twenty members that hit on eight threads of
    ten and forty honest accounts that hit on none; and how many are taken to fit by chance."""
    n, at_home = len(hits), 60
    everybody = at_home + n
    key = np.arange(1, everybody + 1, dtype=np.uint64)
    campaign = np.array([0] * 20 + [NOBODYS] * 40 + [of] * n)
    mine = np.arange(everybody) >= at_home
    accounts = Sampled(key, campaign, ~mine | unexcused, np.ones(everybody, bool))
    counts = np.array([8] * 20 + [0] * 40 + hits)
    many = np.where(mine, threads, 10)
    none = np.zeros(0, np.int64)
    seen = Seen(many, counts[:, None], counts, none, none, np.zeros((0, 8), np.int8))
    ways = Access(
        np.zeros(0, np.uint64),
        np.zeros((0, 1), bool),
        np.zeros(0, bool),
        (mine & (shared or seats > 0))[:, None],
        mine * seats,
    )
    fit = Fit(NO_PARTS, np.zeros(1), np.zeros(1), mine & fits, mine & elsewhere)
    teach = honest_teachers(0, STRAY, accounts, seen, fit, ways)
    return teach[mine].tolist(), fits_by_chance(0, accounts, seen, mine & fits, ways)


def test_look_alikes_teach_wherever_no_member_sits() -> None:
    """However often they hit, and whether they fit or come through a member's network."""
    assert crowd([0, 1, 5, 10])[0] == [True] * 4
    assert crowd([0, 1, 5, 10], fits=True)[0] == [True] * 4
    assert crowd([0, 1, 5, 10], shared=True)[0] == [True] * 4


def test_at_a_member_s_seat_who_hits_as_members_do_teaches_nothing() -> None:
    """Of a reseller's customers there those do who ask for something else, or once for the like."""
    assert crowd([0, 1, 2, 3], seats=1)[0] == [True, True, False, False]
    assert crowd([0, 1, 2, 5, 10], seats=2)[0] == [True, True, False, False, False]


def test_at_one_seat_whose_hits_are_about_something_else_teaches() -> None:
    """An address may have been a member's before; of whoever sits at two nobody knows."""
    assert crowd([8, 10], seats=1, elsewhere=True)[0] == [True, True]
    assert crowd([8, 10], seats=1)[0] == [False, False]
    assert crowd([8, 10], seats=2, elsewhere=True)[0] == [False, False]


def test_a_rival_excuses_at_a_seat_too() -> None:
    """What is honest by what it does is so wherever it sits."""
    assert crowd([5, 10], seats=2, unexcused=False)[0] == [True, True]
    assert crowd([5, 10], seats=1, unexcused=False, fits=True)[0] == [True, True]


def test_nothing_excuses_who_fits_at_two_seats() -> None:
    """A rival may explain what it does, and hardly that it does it at two members' places."""
    assert crowd([1, 5, 10], seats=2, unexcused=False, fits=True)[0] == [True, False, False]


def test_who_fits_and_comes_a_member_s_way_teaches_nothing() -> None:
    """It would be a member, but for the judgement's word; of one hit nobody would say so."""
    assert crowd([1, 10], shared=True, fits=True)[0] == [True, False]


def test_few_threads_that_are_all_hits_teach_nothing() -> None:
    """They may be a member's first ones; of a few that miss it is known."""
    assert crowd([2], threads=2)[0] == [False]
    assert crowd([1], threads=2)[0] == [True]
    assert crowd([2], threads=2, of=DOUBTED)[0] == [False]


def test_fits_by_chance_are_counted_where_no_member_sits_or_comes() -> None:
    """A member that was missed fits, and would make it likely that honest accounts do."""
    assert crowd([9, 9, 9], fits=True)[1] == pytest.approx(1.0)
    assert crowd([9, 9, 9], fits=True, shared=True)[1] == pytest.approx(0.5)
    assert crowd([9, 9, 9], fits=True, seats=1)[1] == pytest.approx(0.5)
    assert crowd([9, 9, 9], fits=True, of=DOUBTED)[1] == pytest.approx(0.5)


def test_many_hits_fit_no_less_often_than_was_seen() -> None:
    """Whoever hits little hardly gets to fit, and would make it rare for those who hit much."""
    assert crowd([9, 9, 9] + [5] * 20, fits=True)[1] == pytest.approx(1.0)
    assert crowd([5] * 20, fits=True)[1] == pytest.approx(20.5 / 21)
    assert crowd([5] * 20)[1] == pytest.approx(0.5 / 21)


def test_ranks_count_what_came_before() -> None:
    """Of the same place, in the order given."""
    assert _rank(np.array([3, 1, 3, 3, 1, 2])).tolist() == [0, 0, 1, 2, 1, 0]
    assert _rank(np.zeros(0, np.int64)).tolist() == []
