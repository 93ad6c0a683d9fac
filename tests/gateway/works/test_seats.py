"""Seats: whose they are, who sits at them, and what sitting there is worth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.works.access import (
    CAME,
    WAYS,
    Access,
    access,
    came,
    told_by,
    way_keys,
    ways_of,
)
from stillwatch.gateway.works.learn import STAKES, _stake
from stillwatch.gateway.works.sample import DOUBTED, NOBODYS, RELEASED, Sampled
from stillwatch.gateway.works.teachers import share_of_their_sort

HOME, NEXT_DOOR, OFFICE, HOTEL = 101, 102, 201, 301
"""Addresses; the first two are of one network."""

CURL, SDK = 11, 12


def come(
    visits: list[tuple[int, int, int, int]], kinds: dict[int, int], refused: int = 0
) -> Access:
    """The ways of one campaign: visits are (account, address, client, device), kinds by account;
    the last ones, so many, were refused."""
    account, address, client, device = np.array(visits, np.uint64).T
    columns = {"account": account, "network": address // 100, "address": address}
    columns |= {"client": client, "device": device}
    key = np.array(sorted(kinds), np.uint64)
    kind = np.array([kinds[int(k)] for k in key])
    everyone = np.ones(len(key), bool)
    accounts = Sampled(key, kind, everyone, everyone)
    seen = len(visits) - refused
    knocks = {name: values[seen:] for name, values in columns.items()}
    return access(accounts, columns, seen, knocks, 1)


def seated(
    visits: list[tuple[int, int, int, int]], kinds: dict[int, int], refused: int = 0
) -> dict[int, bool]:
    """Who sits at a seat that is the campaign's by others."""
    seats = come(visits, kinds, refused).seats
    return dict(zip(sorted(kinds), (seats > 0).tolist(), strict=True))


CROWD = dict.fromkeys(range(1000, 1200), NOBODYS)
ELSEWHERE = [(account, 7, 8, 0) for account in CROWD]


def test_an_address_or_a_device_is_a_seat_and_a_network_isn_t() -> None:
    """Who comes from next door with a member's client comes its way, and sits elsewhere."""
    visits = [(1, HOME, CURL, 5), (2, HOME, SDK, 0), (3, NEXT_DOOR, CURL, 0), (4, OFFICE, CURL, 5)]
    visits += [(5, NEXT_DOOR, SDK, 0)]
    kinds = {1: 0, 2: NOBODYS, 3: NOBODYS, 4: NOBODYS, 5: NOBODYS}
    made = come(visits + ELSEWHERE, kinds | CROWD)
    assert made.seats[:5].tolist() == [0, 1, 0, 1, 0]
    assert made.shared[:5, 0].tolist() == [False, True, True, True, False]


def test_seats_are_counted_of_one_kind_and_each_once() -> None:
    """Whoever's they are: a device at an address is one place, and so is an address seen twice."""
    visits = [(1, HOME, CURL, 5), (2, OFFICE, SDK, 6), (3, HOME, CURL, 5), (4, HOME, SDK, 0)]
    visits += [(4, OFFICE, SDK, 0), (4, OFFICE, CURL, 0), (5, HOTEL, SDK, 5), (5, HOTEL, SDK, 6)]
    made = come(visits + ELSEWHERE, {1: 0, 2: 0, 3: NOBODYS, 4: NOBODYS, 5: NOBODYS} | CROWD)
    assert made.seats[:5].tolist() == [0, 0, 1, 2, 2]


def test_who_is_looked_at_doesn_t_count_itself() -> None:
    """A member alone sits at nobody's seat; coming doesn't make a seat honest."""
    visits = [(1, HOME, CURL, 0), (2, OFFICE, SDK, 0), (3, OFFICE, SDK, 0), (4, HOME, CURL, 0)]
    found = seated(visits + ELSEWHERE, {1: 0, 2: 0, 3: 0, 4: NOBODYS} | CROWD)
    assert [found[a] for a in (1, 2, 3, 4)] == [False, True, True, True]


def test_a_seat_at_which_mostly_others_sit_is_nobodys() -> None:
    """One member in an office, a lounge or behind a gateway of many."""
    guests = dict.fromkeys(range(10, 14), NOBODYS)
    visits = [(account, HOTEL, SDK, 0) for account in (1, *guests)]
    made = come(visits + ELSEWHERE, {1: 0} | guests | CROWD)
    assert not made.seats.any()
    assert not len(made.way)


def test_whoever_is_decided_on_keeps_its_seat_known_and_who_was_let_go_doesn_t() -> None:
    """A replacement is known by the seat of one that was stopped, not by that of one let go."""
    visits = [(2, HOME, CURL, 0), (3, HOME, CURL, 0), (4, OFFICE, SDK, 0), (5, OFFICE, SDK, 0)]
    kinds = {1: 0, 2: DOUBTED, 3: NOBODYS, 4: RELEASED, 5: NOBODYS}
    found = seated([(1, HOTEL, SDK, 0), *visits, *ELSEWHERE], kinds | CROWD)
    assert found[3]
    assert not found[5]


def test_a_seat_is_known_by_who_was_refused_there() -> None:
    """Of whom nothing was ever answered, as of anybody else."""
    visits = [(1, HOTEL, SDK, 0), (3, HOME, CURL, 0), *ELSEWHERE, (2, HOME, CURL, 0)]
    kinds = {1: 0, 2: DOUBTED, 3: NOBODYS} | CROWD
    assert seated(visits, kinds, refused=1) == seated(visits, kinds)
    assert seated(visits, kinds, refused=1)[3]
    assert not seated(visits[:-1], kinds)[3]


def test_unknown_parts_make_no_way() -> None:
    """Without an address, or without a client, nobody sits anywhere."""
    columns = {"network": np.array([5, 5, 0], np.uint64), "client": np.array([0, 6, 6], np.uint64)}
    assert (way_keys(0, columns) != 0).tolist() == [True, True, False]
    assert (way_keys(1, columns) != 0).tolist() == [False, True, False]


TEXTS = st.none() | st.text(max_size=9)
ADDRESSES = st.none() | st.ip_addresses().map(str) | st.text("0123456789abcdefF.:, ", max_size=20)


@settings(max_examples=300, deadline=None)
@given(ip=ADDRESSES, device=TEXTS, agent=TEXTS, handshake=TEXTS)
def test_one_request_comes_the_ways_that_many_come(
    ip: str | None, device: str | None, agent: str | None, handshake: str | None
) -> None:
    """Keys that a gate makes of a request are those that are learnt of a log."""
    values = (None, ip, agent, handshake, device)
    columns = came(pa.record_batch([pa.array([value], pa.string()) for value in values], CAME))
    expected = [int(way_keys(kind, columns)[0]) for kind in range(len(WAYS))]
    assert ways_of(told_by(ip, device, agent, handshake)).tolist() == expected


def test_a_device_that_is_called_like_an_address_is_none() -> None:
    """Who names its device after somebody's network or address makes no seat of it."""
    key = np.array([5], np.uint64)
    columns = dict.fromkeys(("network", "client", "device", "address"), key)
    assert len({int(way_keys(kind, columns)[0]) for kind in range(len(WAYS))}) == len(WAYS)
    visits = [(1, HOTEL, CURL, HOME), (2, OFFICE, SDK, HOME // 100), (3, HOME, CURL, 0)]
    made = come(visits + ELSEWHERE, {1: 0, 2: 0, 3: NOBODYS} | CROWD)
    assert made.seats[2] == 0
    assert not made.shared[2].any()


def test_the_stake_is_what_was_seen_and_never_all() -> None:
    """However few or many members sit at others' seats."""
    assert _stake(np.zeros(1_000, bool)) == STAKES[0]
    assert _stake(np.ones(1_000, bool)) == STAKES[1]
    assert _stake(np.arange(98) < 49) == pytest.approx(0.5)


def test_look_alikes_bear_a_mark_as_often_as_look_alikes_do() -> None:
    """Whatever the many do who do nothing of the kind; and none of few is not nobody."""
    bearing, alike = np.arange(200) < 100, np.arange(200) >= 150
    share = share_of_their_sort(bearing, alike)
    np.testing.assert_allclose(share[alike], 0.5 / 51)
    np.testing.assert_allclose(share[~alike], 100.5 / 151)
