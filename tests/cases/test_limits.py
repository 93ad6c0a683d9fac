"""How sign-ins that fail slow down others, on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from stillwatch.cases import Store
from stillwatch.cases.access.limits import FREE, LONGEST_S, count_attempt, forgive
from stillwatch.cases.schema import ATTEMPTS
from stillwatch.cases.times import stamp
from stillwatch.errors import SignInLimited

HERE, THERE = "192.0.2.1", "198.51.100.1"


def fail(store: Store, name: str, address: str) -> float:
    """An attempt that fails: the seconds that it was told to wait, 0 where it was let through."""
    try:
        count_attempt(store, name, address)
    except SignInLimited as fault:
        return fault.retry_after
    return 0


def succeed(store: Store, name: str, address: str) -> None:
    """An attempt that doesn't."""
    forgive(store, name, address, count_attempt(store, name, address))


def rows(store: Store) -> int:
    """What is kept."""
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(ATTEMPTS)) or 0


def wait(store: Store, days: float = 0) -> None:
    """Let every wait pass, and so many days."""
    passed = stamp(dt.datetime.now(dt.UTC) - dt.timedelta(days=days, seconds=1))
    with store.writing() as connection:
        connection.execute(update(ATTEMPTS).where(ATTEMPTS.c.until > passed).values(until=passed))


def test_waits_double_and_end(store: Store) -> None:
    """From 2 seconds to 15 minutes, and never for good."""
    waits = []
    for _ in range(FREE["pair"] + 14):
        assert fail(store, "ana", HERE) == 0
        waits.append(round(fail(store, "ana", HERE)) if len(waits) >= FREE["pair"] else 0)
        wait(store)
    doubled = [min(2**n, LONGEST_S) for n in range(1, 15)]
    assert waits[FREE["pair"] :] == pytest.approx(doubled, abs=1)


def test_an_account_of_ones_own_buys_no_guesses(store: Store) -> None:
    """Successes between failures don't shorten what the address waits for."""
    succeed(store, "mallory", HERE)
    let_through = 0
    for n in range(FREE["address"] + 20):
        let_through += fail(store, f"name {n}", HERE) == 0
        succeed(store, "mallory", HERE)
    assert let_through == FREE["address"] + 1


def test_a_success_clears_the_name(store: Store) -> None:
    """From everywhere, but not the address."""
    for n in range(FREE["name"] + 1):
        assert fail(store, "ana", f"10.0.{n}.1") == 0
    assert fail(store, "ana", THERE) > 0
    wait(store)
    succeed(store, "ana", THERE)
    assert fail(store, "ana", HERE) == 0


def test_what_has_to_wait_writes_nothing(store: Store) -> None:
    """So that an address which guesses at names that nobody has can't fill the store."""
    for n in range(FREE["address"] + 1):
        fail(store, f"name {n}", HERE)
    before = rows(store)
    assert min(fail(store, f"other {n}", HERE) for n in range(50)) > 0
    assert rows(store) == before


def test_old_counts_are_removed(store: Store) -> None:
    """After a day without a wait."""
    for n in range(20):
        fail(store, f"name {n}", HERE)
    wait(store, days=2)
    fail(store, "ana", THERE)
    assert rows(store) == 3


@pytest.mark.parametrize(
    "nth",
    [
        lambda n: f"2001:db8::{n:x}",
        lambda n: f"2001:db8:0:0:{n:x}::1",
        lambda n: ("192.0.2.9", "::ffff:192.0.2.9")[n % 2],
    ],
)
def test_one_customer_is_one_address(store: Store, nth: Callable[[int], str]) -> None:
    """Who has a /64 has as many addresses as they like."""
    assert [fail(store, "ana", nth(n)) for n in range(FREE["pair"] + 1)] == [0] * 6
    assert fail(store, "ana", nth(99)) > 0


def test_other_networks_are_others(store: Store) -> None:
    """Also of IPv6, and what is no address at all."""
    for address in ("2001:db8::1", "2001:db8:0:1::1", "", "a socket", "x" * 10_000, "\ud800\0"):
        assert [fail(store, "ana", address) for _ in range(FREE["pair"])] == [0] * 5


def test_several_consoles_count_together(store: Store, address: str) -> None:
    """No failure is lost, however many come at once."""
    consoles = [Store.open(address) for _ in range(4)]

    def attempt(n: int) -> float:
        return fail(consoles[n % 4], f"name {n % 10}", HERE)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(40))) == [0] * 40
    for console in consoles:
        console.close()
    with store.reading() as connection:
        counts = connection.scalars(select(ATTEMPTS.c["count"])).all()
    assert sorted(counts) == [4] * 20 + [40]
