"""Where a new account sits, as the gate counts it; and how near its hits have to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stillwatch.gateway.request import Request
from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.fit import SIZES, fit_of, nearness
from stillwatch.gateway.works.recogniser import Recogniser, _ways_of
from stillwatch.gateway.works.sample import FIRST_THREADS, NOBODYS, Sampled, Seen
from stillwatch.signals.content import SCALE

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


def test_seats_that_are_none_any_more_are_forgotten() -> None:
    """With a table of other campaigns, one that is left counts as one."""
    slot = sits(("203.0.113.1", None), ("203.0.113.2", None))
    recogniser = object.__new__(Recogniser)
    left = _ways_of("203.0.113.2", None, None, None)[3]
    recogniser._way, recogniser._is_seat = np.array([left], np.uint64), np.ones(1, bool)
    recogniser.names, recogniser.stamp = ["c-1"], 7
    recogniser._digests = slot["names"][:1] = np.array([5], np.uint32)
    recogniser._carry_over(slot)
    assert (int(slot["sits"]), slot["sat"].tolist()) == (1, [0, 0])


def test_how_near_parts_have_to_come_is_by_their_hits() -> None:
    """Those of a size in between as those of the lower one."""
    near = np.arange(len(SIZES), dtype=float)
    assert [nearness(near, size) for size in SIZES] == near.tolist()
    assert nearness(near, SIZES[1] - 1) == 0
    assert nearness(near, 64) == near[-1]


@pytest.mark.parametrize("narrow", [1.0, 0.1])
def test_most_members_fit_and_what_is_about_something_else_doesn_t(narrow: float) -> None:
    """Whether a campaign's prompts vary much or little, and with few hits too."""
    rng = np.random.default_rng(11)
    members, others, hits = 60, 40, FIRST_THREADS
    campaign = np.array([0] * members + [NOBODYS] * others)
    everyone = np.ones(members + others, bool)
    accounts = Sampled(
        np.arange(1, members + others + 1, dtype=np.uint64), campaign, *[everyone] * 2
    )
    home = rng.normal(size=(1 + others, 64))
    mean = home[np.where(campaign == 0, 0, np.arange(members + others) - members + 1)]
    content = np.repeat(mean, hits, 0) + 2 * narrow * rng.normal(size=(hits * len(mean), 64))
    content = np.round(SCALE * content / np.linalg.norm(content, axis=1, keepdims=True))
    threads, account = np.full(len(mean), hits), np.repeat(np.arange(len(mean)), hits)
    seen = Seen(
        threads, threads[:, None], threads, account, np.zeros_like(account), content.astype(np.int8)
    )
    fit = fit_of(0, accounts, seen)
    assert fit.fits[:members].mean() > 0.9
    assert not fit.fits[members:].any()
    assert fit.elsewhere[members:].all()
    assert fit.elsewhere[:members].mean() <= 0.05
    few = fit_of(
        0, Sampled(accounts.key, np.where(np.arange(100) < 7, 0, -1), everyone, everyone), seen
    )
    assert not few.fits.any()
    assert not few.elsewhere.any()
