"""Where a new account sits, as the gate counts it; and how near its hits have to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stillwatch.gateway.request import Request
from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.fit import COMPARED_FROM, SIZES, nearness
from stillwatch.gateway.works.recogniser import Recogniser, _ways_of
from stillwatch.gateway.works.sample import FIRST_THREADS

MEMBERS = [("203.0.113.1", "d-1"), ("203.0.113.2", "d-2"), ("203.0.113.3", "d-3")]


def sits(*requests: tuple[str | None, str | None]) -> Any:
    """The slot of an account that came from such addresses, with such devices: those of `MEMBERS`
    are a campaign's seats, and the network of theirs is its way."""
    keys = {key for ip, device in MEMBERS for key in _ways_of(ip, device, None, None) if key}
    network = _ways_of(MEMBERS[0][0], None, None, None)[0]
    recogniser = object.__new__(Recogniser)
    recogniser._way = np.array(sorted(keys), np.uint64)
    recogniser._access = np.ones(len(keys), np.uint32)
    recogniser._is_seat = recogniser._way != network
    slot = np.zeros(1, SLOT)[0]
    for ip, device in requests:
        recogniser._note_access(Request("a", 0, ip=ip, device_id=device), slot)
    return slot


@pytest.mark.parametrize(
    ("requests", "seats"),
    [
        ([("198.51.100.1", None)], 0),
        ([("203.0.113.9", None)], 0),
        ([("203.0.113.1", None)] * 3, 1),
        ([("203.0.113.1", "d-1"), ("203.0.113.1", None), (None, "d-1")], 1),
        ([("203.0.113.1", None), ("203.0.113.9", "d-2")], 1),
        ([("203.0.113.1", None), ("203.0.113.2", None)], 2),
        ([("198.51.100.1", "d-1"), (None, "d-3")], 2),
        ([(ip, None) for ip, _ in MEMBERS], 2),
    ],
)
def test_places_of_one_kind_are_counted_once_each(
    requests: list[tuple[str | None, str | None]], seats: int
) -> None:
    """A device at an address is one place; a member's network is none."""
    slot = sits(*requests)
    assert int(slot["sits"]) == seats
    assert bool(slot["seats"]) == (seats > 0)


def test_a_part_of_few_hits_has_to_come_nearer() -> None:
    """And as near as members' parts do, once it has as many as these."""
    asked = [nearness(0.03, size) for size in SIZES]
    assert asked == sorted(asked)
    assert asked[0] < 0.03 == pytest.approx(asked[-1])
    assert SIZES[0] == COMPARED_FROM
    assert nearness(0.03, 4 * FIRST_THREADS) == pytest.approx(0.03)
