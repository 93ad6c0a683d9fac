"""Accounts as the operator knows them."""

from __future__ import annotations

from stillwatch.arena.ranks import RESTS, SLOWED, STRIKES, TRY_AGAIN_DAYS, Account, Standing


def account() -> Account:
    """One that works."""
    return Account(lot=0, weight=1.0)


def test_refusals_in_a_row_burn_it() -> None:
    """An answer between them begins the count anew."""
    one = account()
    assert not any(one.was_refused(0) for _ in range(STRIKES - 1))
    one.answered()
    assert [one.was_refused(2) for _ in range(STRIKES)] == [False] * (STRIKES - 1) + [True]
    assert (one.standing, one.burnt_day) == (Standing.BURNT, 2)


def test_slowed_accounts_rest_and_are_given_up_in_the_end() -> None:
    """It rests until the next day, and after some such days it is given up."""
    one = account()
    for day in range(RESTS):
        given_up = [one.was_slowed(day) for _ in range(SLOWED)]
        assert given_up[-1] == (day == RESTS - 1)
        if day < RESTS - 1:
            assert one.standing is Standing.RESTING
            one.begin_day(day + 1, tries_again=False)
            assert one.standing is Standing.WORKING
    assert one.standing is Standing.BURNT


def test_burnt_accounts_are_tried_again_by_those_who_do() -> None:
    """Some days later one request is tried; what comes of it decides."""
    one = account()
    for _ in range(STRIKES):
        one.was_refused(1)
    for day in range(2, 1 + TRY_AGAIN_DAYS):
        one.begin_day(day, tries_again=True)
        assert one.standing is Standing.BURNT
    one.begin_day(1 + TRY_AGAIN_DAYS, tries_again=False)
    assert one.standing is Standing.BURNT
    one.begin_day(1 + TRY_AGAIN_DAYS, tries_again=True)
    assert one.standing is Standing.ON_TRIAL
    assert one.was_refused(1 + TRY_AGAIN_DAYS)
    assert (one.standing, one.burnt_day) == (Standing.BURNT, 1)
    one.begin_day(1 + 2 * TRY_AGAIN_DAYS, tries_again=True)
    one.answered()
    assert one.standing is Standing.WORKING
