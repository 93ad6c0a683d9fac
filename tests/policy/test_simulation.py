"""A policy tried on a small labelled world, from the log to what it would have stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stillwatch.policy import default_policy
from stillwatch.policy.file import Breaker, Budget
from stillwatch.policy.simulation import Simulation
from stillwatch.replaying import simulate
from stillwatch.worlds import make_world

SCALE = 0.0005


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """177 accounts and three campaigns."""
    folder = tmp_path_factory.mktemp("simulated") / "log"
    make_world("plain", folder, scale=SCALE, seed=3)
    return folder


@pytest.fixture(scope="module")
def done(world: Path) -> Simulation:
    """The default policy with bounds as wide as a world needs that is a third campaigns."""
    wide = replace(
        default_policy(),
        budget=Budget(share_of_accounts=0.5),
        breaker=Breaker(share_of_accounts=0.6),
    )
    return simulate(world, wide, every_days=10, confirmed_after=10, threads=1)


def test_days_add_up(done: Simulation) -> None:
    """Every exchange of the log is in one day, and what is let through is less than all."""
    assert done.labelled
    assert sum(day.exchanges for day in done.days) > 50_000
    made = sum(leak.exchanges for leak in done.leaks)
    assert sum(day.attributed for day in done.days) == made
    assert sum(day.let_through for day in done.days) == sum(x.let_through for x in done.leaks)
    assert done.days[0].touched == 0, "nothing is decided before the first day has ended"
    assert all(leak.let_through <= leak.exchanges for leak in done.leaks)


def test_a_policy_stops_most_of_what_comes_after_it(done: Simulation) -> None:
    """Campaigns that people confirm get little from then on; no honest account is refused."""
    last = done.days[-1]
    assert last.let_through < 0.2 * last.attributed
    by_action = {hit.action: hit for hit in done.hits}
    assert by_action["deny"].accounts > 20
    assert by_action["deny"].honest == 0
    assert by_action["deny"].roles.keys() <= {"distiller", "reseller"}
    # resellers' other customers are hit with them, and that was foreseen within a factor of two
    true = sum(day.honest or 0 for day in done.days)
    expected = sum(day.honest_expected for day in done.days)
    assert 0.5 * expected < true < 2 * expected


def test_the_default_bounds_stop_it_in_such_a_world(world: Path) -> None:
    """A third of all accounts is more than any breaker believes; it says so and does nothing."""
    done = simulate(world, default_policy(), every_days=30, threads=1)
    assert all(day.touched == 0 for day in done.days)
    assert any("active accounts" in trip for day in done.days for trip in day.trips)
    assert any("dry run" in note for note in done.notes)
    assert any("confirmed" in note for note in done.notes)
