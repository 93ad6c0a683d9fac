"""What gates share: slots that are found again, a bucket that leaks, windows, and the breaker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import TableBroken
from stillwatch.gateway.state import REACH, State

SECOND = 1_000_000


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A small one."""
    return State(tmp_path / "state", slots=64)


def test_accounts_keep_their_slots_whoever_asks(tmp_path: Path) -> None:
    """Two workers see one slot, with what the other wrote."""
    one, two = State(tmp_path / "state", 0, 64), State(tmp_path / "state", 1, 64)
    place = one.slot_of(11, 12, 5)
    one.slots[place]["requests"] = 7
    assert two.slot_of(11, 12, 6) == place
    assert two.slots[place]["requests"] == 7
    assert one.slot_of(11, 13, 6) != place


def test_the_oldest_goes_where_there_is_no_room(state: State) -> None:
    """Of accounts that want one slot, as many as are within reach are kept: the latest."""
    for i in range(3 * REACH):
        state.slot_of(64, i + 1, i)
    kept = {int(c) for c in state.slots["check"] if c}
    assert kept == set(range(2 * REACH + 1, 3 * REACH + 1))


@settings(max_examples=60)
@given(
    every_s=st.integers(1, 100),
    burst=st.integers(1, 5),
    gaps=st.lists(st.integers(0, 200), min_size=1, max_size=60),
)
def test_a_slowed_account_gets_what_its_bucket_leaks(
    tmp_path_factory, every_s: int, burst: int, gaps: list[int]
) -> None:
    """In no stretch of time more than its burst and its rate; and whoever waits is let through."""
    state = State(tmp_path_factory.mktemp("state") / "state", slots=64)
    place, now, let = state.slot_of(1, 1, 1), 1_000 * SECOND, []
    since = now
    for gap in gaps:
        now += gap * SECOND
        wait = state.throttle(place, now, since, every_s * SECOND, burst)
        if wait:
            assert wait <= burst * every_s * SECOND
            later = now + wait
            assert state.throttle(place, later, since, every_s * SECOND, burst) == 0
            now = later
        let.append(now)
    times = np.array(let)
    for i in range(len(times)):
        within = (times >= times[i]) & (times < times[i] + every_s * SECOND)
        assert within.sum() <= burst + 1


def test_a_slowed_account_begins_with_an_empty_bucket(state: State) -> None:
    """The first request after the decision waits; one who was quiet meanwhile doesn't."""
    place, since = state.slot_of(1, 1, 1), 1_000 * SECOND
    assert state.throttle(place, since + SECOND, since, 60 * SECOND, 5) == 59 * SECOND
    other = state.slot_of(2, 2, 1)
    for _ in range(5):
        assert state.throttle(other, since + 301 * SECOND, since, 60 * SECOND, 5) == 0
    assert state.throttle(other, since + 301 * SECOND, since, 60 * SECOND, 5) > 0


def test_windows_add_up_over_workers_and_pass(tmp_path: Path) -> None:
    """Requests of all workers count for as long as a window lasts."""
    workers = [State(tmp_path / "state", n, 64) for n in range(3)]
    now, window = 10**15, 80 * SECOND
    for n, worker in enumerate(workers):
        for i in range(100):
            worker.count(now + i * 10_000, window, refused=i < n)
    assert workers[0].shares(now + 2 * SECOND, window) == (3, 300)
    assert workers[2].shares(now + 200 * SECOND, window) == (0, 0)


def test_the_breaker_stays_open_for_all_until_it_is_closed(tmp_path: Path) -> None:
    """Whoever opens it, opens it for all, and it outlasts them."""
    one = State(tmp_path / "state", 0, 64)
    assert not one.is_open()
    one.open_breaker(123, 9, 100)
    two = State(tmp_path / "state", 1, 64)
    assert two.is_open()
    assert (two.breaker.opened_us, two.breaker.refused, two.breaker.requests) == (123, 9, 100)
    two.close_breaker()
    assert not one.is_open()


def test_the_days_budget_is_one_for_all(tmp_path: Path) -> None:
    """So many a day, whoever takes them, and anew the day after."""
    workers = [State(tmp_path / "state", n, 64) for n in range(2)]
    day = 86_400 * SECOND
    taken = [workers[i % 2].take_recognised(20_000 * day + i, 5) for i in range(8)]
    assert taken == [True] * 5 + [False] * 3
    assert workers[0].take_recognised(20_001 * day, 5)


def test_another_file_is_no_state(tmp_path: Path) -> None:
    """It isn't written to."""
    (tmp_path / "state").write_bytes(b"something else" * 10_000)
    with pytest.raises(TableBroken, match="no gate's state"):
        State(tmp_path / "state")


def test_a_signal_while_it_waits_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a request's time limit may raise while another worker has the state: the next gets in."""
    state, other = State(tmp_path / "state", 0, 64), State(tmp_path / "state", 1, 64)

    def ring() -> None:
        raise TimeoutError("time limit")

    def enter() -> bool:
        with state.threads, state.alone as sure:
            return sure

    with other.threads, other.alone:
        assert not enter()
        with monkeypatch.context() as patched:
            patched.setattr("os.sched_yield", ring)
            with pytest.raises(TimeoutError):
                enter()
    assert enter()
