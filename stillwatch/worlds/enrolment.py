"""Many accounts of one operator: how they are signed up, and where they call from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import Scene
from stillwatch.worlds.schedule import Cooldowns

COHORT = 120
"""Accounts of one sign-up cohort, about; a smaller operator has one cohort."""

FOREVER = np.int64(2**62)


@dataclass(frozen=True)
class Team:
    """An operator's accounts, and what its requests through them look like.

    Arrays are by account: the operator uses it from `born` to `died`, from `places` [n, k], with
    one of `keys` (-1: not told) whoever the customer, and with `clients` or, for a share `relayed`
    of the work, with `relays`. `cooldowns` are None where nobody is told to slow down. A campaign
    makes `capacity` exchanges through the `carriers`.
    """

    accounts: np.ndarray
    born: np.ndarray
    died: np.ndarray
    places: np.ndarray
    clients: np.ndarray
    keys: np.ndarray
    carriers: np.ndarray
    capacity: int
    relays: np.ndarray | None = None
    relayed: float = 0.0
    cooldowns: Cooldowns | None = None

    def take_over(self, owner: np.ndarray, ts: np.ndarray) -> np.ndarray:
        """`owner` [n] at `ts`, or the next account where that one cools down or is out of service.

        The accounts that fill a seat one after another are neighbours, so the one before is looked
        at first where work comes too early, and then those that follow.
        """
        if self.cooldowns is not None:
            owner = self.cooldowns.hand_over(owner, ts)
        n = len(self.accounts)
        owner = (owner - (ts < self.born[owner])) % n
        for _ in range(8):
            out = (ts < self.born[owner]) | (ts >= self.died[owner])
            owner = np.where(out, (owner + 1) % n, owner)
        return owner


def enrol(
    scene: Scene,
    rng: np.random.Generator,
    seats: int,
    role: str,
    *,
    begin: int,
    cohort_days: float,
    per_card: float,
    isolated: bool = False,
    churn: float = 0.0,
    network: int = -1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sign up accounts for `seats` at a time: their numbers, and from when to when each is used.

    They come in cohorts that spread `cohort_days`, the first one ready before `begin`. Three in
    five use cards that `per_card` of them share, a quarter has none; one in seven was bought old;
    plans and domains are mixed like those of honest customers, programs a little more often. A
    quarter is retired before the end. With `isolated`, dates, cards and addresses are drawn as
    those of strangers are. With `churn`, that share of the seats is banned each day, and filled
    by an account that was made in the days before (or bought old).
    """
    if churn > 0:
        first, last = _spells(rng, seats, begin, scene.window.end, churn)
        created = first - stock(rng, len(first), rng.uniform(0.1, 4.0, len(first)))
        banned = np.where(last < scene.window.end, last, FOREVER)
    else:
        created = None if isolated else _cohorts(rng, seats, begin, cohort_days)
        first, last, banned = None, None, None
    accounts = sign_up(
        scene,
        rng,
        seats if first is None else len(first),
        role,
        created=created,
        banned=banned,
        per_card=per_card,
        isolated=isolated,
        network=network,
    )
    if first is not None and last is not None:
        return accounts, first, last
    return accounts, *_service(scene, rng, accounts)


def sign_up(
    scene: Scene,
    rng: np.random.Generator,
    n: int,
    role: str,
    *,
    created: np.ndarray | None,
    banned: np.ndarray | None = None,
    per_card: float,
    isolated: bool = False,
    network: int = -1,
) -> np.ndarray:
    """`n` accounts that were made at `created` (absent: as strangers' are): their numbers."""
    country = scene.places.countries(n)
    home = scene.places.homes(country)
    shared = scene.places.clouds(n, 6)
    place = home if isolated else np.where(rng.random(n) < 0.5, home, shared)
    return scene.accounts.add(
        n,
        role,
        created=created,
        banned=banned,
        country=country,
        payment=None if isolated else _cards(scene, rng, n, per_card),
        org=-1 if isolated else np.where(rng.random(n) < 0.15, scene.numbers(n), -1),
        place=place,
        business=0.2,
        plan=(0.12, 0.2, 0.28, 0.1, 0.02, 0.28),
        program=(0.85, 0.08, 0.06, 0.01),
        network=network,
    )


def keys_of(scene: Scene, rng: np.random.Generator, n: int) -> np.ndarray:
    """One key for each of `n` accounts, known in four of five."""
    return np.where(rng.random(n) < 0.8, scene.numbers(n), -1)


def egress(
    scene: Scene, rng: np.random.Generator, n: int, each: int, *, isolated: bool = False
) -> np.ndarray:
    """Addresses [n, each]: hosting and consumer proxies, each for about five accounts.

    With `isolated`, consumer addresses of one country, all an account's own.
    """
    if isolated:
        country = np.repeat(scene.places.countries(n), each)
        return scene.places.homes(country).reshape(n, each)
    count = max(4, n * each // 5)
    hosted = scene.places.clouds(count, 9)
    proxied = scene.places.homes(scene.places.countries(count))
    store = np.where(rng.random(count) < 0.65, hosted, proxied)
    return store[rng.integers(0, count, (n, each))]


def stock(rng: np.random.Generator, n: int, fresh_days: np.ndarray) -> np.ndarray:
    """Ages at first use, in microseconds: `fresh_days`, or old ones in one of seven."""
    old = rng.exponential(150, n) % 800 + 5
    return (np.where(rng.random(n) < 0.15, old, fresh_days) * DAY).astype(np.int64)


def _cohorts(rng: np.random.Generator, n: int, begin: int, cohort_days: float) -> np.ndarray:
    cohorts = max(1, round(n / COHORT))
    centre = np.where(np.arange(cohorts) == 0, -3.0, rng.uniform(-20, 18, cohorts))
    days = centre[rng.integers(0, cohorts, n)] + rng.normal(0, cohort_days, n)
    return begin - stock(rng, n, -np.where(days > 25, 50 - days, days))


def _cards(scene: Scene, rng: np.random.Generator, n: int, per_card: float) -> np.ndarray:
    cards = scene.numbers(max(2, round(n / per_card)))
    u = rng.random(n)
    return np.select([u < 0.62, u < 0.75], [rng.choice(cards, n), scene.numbers(n)], -1)


def _spells(
    rng: np.random.Generator, seats: int, begin: int, end: int, churn: float
) -> tuple[np.ndarray, np.ndarray]:
    """Begins and ends of the accounts that fill `seats` one after another until `end`."""
    most = int(2 * churn * (end - begin) / DAY) + 8
    spans = (rng.exponential(1 / churn, (seats, most)) * DAY).astype(np.int64) + DAY // 24
    last = begin + np.cumsum(spans, axis=1)
    first = last - spans
    used = first < end
    return first[used], np.minimum(last[used], end)


def _service(
    scene: Scene, rng: np.random.Generator, accounts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From when to when the operator uses each account: a quarter is retired before the end."""
    born, died = (life[accounts] for life in scene.accounts.lives())
    start, end = scene.window.start, scene.window.end
    retired = start + (rng.uniform(0.55, 1.0, len(accounts)) * (end - start)).astype(np.int64)
    return born, np.where(rng.random(len(accounts)) < 0.25, np.minimum(retired, died), died)
