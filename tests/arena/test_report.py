"""Reports say what the plays say."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from stillwatch.arena.crowd import Friction
from stillwatch.arena.operator import Tally
from stillwatch.arena.play import Outcome, Setting
from stillwatch.arena.report import Duel, Report
from tests.arena.conftest import small


def outcome(daily: list[int], **more: object) -> Outcome:
    """An outcome with so many answers a day."""
    days = [Tally(answered=n, sent=n) for n in daily]
    made = Outcome(
        small(), dt.date(2026, 4, 26), days, {"coding": sum(daily)}, {"answers": 3.0}, 20, {}
    )
    return replace(made, **more)


@pytest.mark.parametrize(
    ("free", "held", "after"),
    [
        ([100, 100, 100], [100, 9, 0], 1),
        ([100, 100, 100], [9, 9, 9], 0),
        ([100, 100, 100], [0, 0, 10], None),
        ([100, 100, 100], [9, 50, 9], 2),
        ([100, 100, 0], [100, 5, 40], 1),
    ],
)
def test_contained_is_for_good(free: list[int], held: list[int], after: int | None) -> None:
    """From then on every day stays below a tenth; days without a measure are left out."""
    duel = Duel(Setting(), outcome(free), outcome(held))
    assert duel.contained_after_days == after
    assert duel.contained_on == (None if after is None else dt.date(2026, 4, 26 + after))
    assert duel.cut == pytest.approx(1 - sum(held) / sum(free))


def test_the_least_and_the_mean_cut_and_the_honest_are_told() -> None:
    """Over all seeds; and it is all plain JSON."""
    hit = Friction(requests=5_000, slowed=1, accounts={1, 2}, denied={2})
    quiet = Friction(requests=15_000, accounts={1})
    duels = [
        Duel(Setting(seed=1), outcome([100]), outcome([20], friction={"person": hit})),
        Duel(Setting(seed=2), outcome([100]), outcome([0], friction={"batch": quiet})),
    ]
    told = Report(duels).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["cut_least"], told["cut_mean"]) == (0.8, 0.9)
    assert told["honest_requests"] == 20_000
    assert told["honest_slowed_in_10000"] == 0.5
    assert told["honest_accounts_denied"] == 1
    assert told["duels"][0]["defended"]["friction"]["person"]["denied"] == 1


def test_without_a_defence_there_is_nothing_to_compare() -> None:
    """No cut, no containment; what it takes undefended is told all the same."""
    told = Report([Duel(Setting(), outcome([0]))]).to_dict()
    assert told["cut_mean"] is None
    assert told["duels"][0]["defended"] is None
    assert told["duels"][0]["undefended"]["dollars_an_answer"] is None
