"""Where a new account sits, as the gate counts it; and how near its hits have to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stillwatch.campaigns.membership import COMPARED
from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.access import told_by, ways_of
from stillwatch.gateway.works.counting import carry_over, note_access
from stillwatch.gateway.works.fit import SIZES, apart, fit_of, of_size
from stillwatch.gateway.works.recogniser import Recogniser
from stillwatch.gateway.works.sample import FIRST_THREADS, NOBODYS, Sampled, Seen
from stillwatch.signals.content import SCALE
from stillwatch.statistics.mmd import Means, samples, squared_mmd
from stillwatch.tables import CONTENT_COMPONENTS

MEMBERS = [("203.0.113.1", "d-1"), ("203.0.113.2", "d-2"), ("203.0.113.3", "d-3")]


def sits(*requests: tuple[str | None, str | None]) -> Any:
    """The slot of an account that came from such addresses, with such devices: those of `MEMBERS`
    are a campaign's seats, and the network of theirs is its way."""
    keys = {
        key for ip, device in MEMBERS for key in ways_of(told_by(ip, device, None, None)) if key
    }
    network = ways_of(told_by(MEMBERS[0][0], None, None, None))[0]
    way = np.array(sorted(keys), np.uint64)
    slot = np.zeros(1, SLOT)
    for ip, device in requests:
        ways = ways_of(told_by(ip, device, None, None))
        note_access(slot, ways, way, np.ones(len(way), np.uint32), way != network)
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
    assert int(slot["sits"][0]) == seats
    assert bool(slot["seats"][0]) == (seats > 0)


def test_seats_that_are_none_any_more_are_forgotten() -> None:
    """With a table of other campaigns, one that is left counts as one."""
    slot = sits(("203.0.113.1", None), ("203.0.113.2", None))
    left = ways_of(told_by("203.0.113.2", None, None, None))[3]
    slot["names"][0, 0] = 5
    carry_over(slot, np.uint64(7), np.array([5], np.uint32), np.array([left], np.uint64))
    assert (int(slot["sits"][0]), slot["sat"].tolist()) == (1, [[0, 0]])


def test_how_near_parts_have_to_come_is_by_their_hits() -> None:
    """Those of a size in between as those of the lower one."""
    near = np.arange(len(SIZES), dtype=float)
    assert [of_size(near, size) for size in SIZES] == near.tolist()
    assert of_size(near, SIZES[1] - 1) == 0
    assert of_size(near, 64) == near[-1]


@pytest.mark.parametrize("members", [1, 2, 9, 40])
def test_how_far_off_an_account_is_is_the_median_squared_mmd(members: int) -> None:
    """To members' parts, as those are compared where it is learnt how near is near."""
    rng, parts = np.random.default_rng(members), 5
    content = rng.integers(-127, 128, (members + 1, parts, CONTENT_COMPONENTS))
    sizes = np.full(members + 1, parts)
    every = samples(content.sum(1), (content**2).sum((1, 2)), sizes, SCALE)
    mine, theirs = every.at(np.arange(1)), every.at(np.arange(1, members + 1))
    slot = np.zeros(1, SLOT)
    slot["sums"], slot["parts"] = content[0].sum(0), parts
    slot["squares"] = (content[0] ** 2).sum()
    mean = theirs.mean.astype(np.float32)
    expected = np.median(squared_mmd(mine, Means(theirs.size, mean, theirs.own)))
    assert apart(slot, mean, theirs.own) == pytest.approx(expected, rel=1e-12)


def asked(narrow: float) -> tuple[Sampled, Seen]:
    """Sixty members who ask about one thing and forty others who each ask about their own."""
    rng = np.random.default_rng(11)
    members, others, hits = 60, 40, FIRST_THREADS
    campaign = np.array([0] * members + [NOBODYS] * others)
    everyone = np.ones(members + others, bool)
    accounts = Sampled(
        np.arange(1, members + others + 1, dtype=np.uint64), campaign, *[everyone] * 2
    )
    home = rng.normal(size=(1 + others, CONTENT_COMPONENTS))
    mean = home[np.where(campaign == 0, 0, np.arange(members + others) - members + 1)]
    content = np.repeat(mean, hits, 0)
    content += 2 * narrow * rng.normal(size=content.shape)
    content = np.round(SCALE * content / np.linalg.norm(content, axis=1, keepdims=True))
    threads, account = np.full(len(mean), hits), np.repeat(np.arange(len(mean)), hits)
    return accounts, Seen(
        threads, threads[:, None], threads, account, np.zeros_like(account), content.astype(np.int8)
    )


@pytest.mark.parametrize("narrow", [1.0, 0.1])
def test_most_members_fit_and_what_is_about_something_else_doesn_t(narrow: float) -> None:
    """Whether a campaign's prompts vary much or little, and with few hits too."""
    accounts, seen = asked(narrow)
    theirs, everyone = accounts.campaign == 0, accounts.unexcused
    fit = fit_of(0, accounts, seen)
    assert fit.fits[theirs].mean() > 0.9
    assert not fit.fits[~theirs].any()
    assert fit.elsewhere[~theirs].all()
    assert fit.elsewhere[theirs].mean() <= 0.05
    few = fit_of(
        0, Sampled(accounts.key, np.where(np.arange(100) < 7, 0, -1), everyone, everyone), seen
    )
    assert not few.fits.any()
    assert not few.elsewhere.any()
    assert (few.far == np.inf).all()


@pytest.mark.parametrize(("hits", "others_known"), [(COMPARED - 1, True), (COMPARED, False)])
def test_who_asks_for_something_else_isn_t_known_by_a_seat(hits: int, others_known: bool) -> None:
    """However sure it looks by its hits and its seat, from so many hits on as can be compared."""
    accounts, seen = asked(1.0)
    theirs, fit = accounts.campaign == 0, fit_of(0, accounts, seen)
    recogniser = object.__new__(Recogniser)
    recogniser._stake, recogniser._spread = 0.9, np.ones(1)
    recogniser._near, recogniser._far = fit.near[None], fit.far[None]
    recogniser._members = [Means(fit.parts.size, fit.parts.mean, fit.parts.own)]
    recogniser._seated = np.full((2, 17, 17), 9.0, np.float32)
    recogniser._seated_fitting = np.full((1, 2, 17, 17), -9.0, np.float32)
    recogniser._evidence = np.full((1, 2, 17, 17), -9.0, np.float32)
    known = []
    for account in range(len(theirs)):
        slot = np.zeros(1, SLOT)
        rows = seen.content[seen.account == account][:hits].astype(np.int64)
        slot["sums"], slot["squares"], slot["parts"] = rows.sum(0), (rows**2).sum(), hits
        slot["any_hits"] = slot["threads"] = slot["asked"] = slot["hits"] = hits
        slot["sits"] = slot["seats"] = 1
        known.append(recogniser._decide(slot, 1e5) is not None)
    assert np.mean(np.array(known)[theirs]) >= 0.9
    assert set(np.array(known)[~theirs].tolist()) == {others_known}
