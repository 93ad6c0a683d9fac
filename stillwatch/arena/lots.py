"""Lots of accounts: signed up together, working in one style, and what they send.

All traffic comes from the makers of worlds; here a piece of it is asked for at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from stillwatch.arena.moves import Style
from stillwatch.arena.prices import Prices
from stillwatch.worlds.apps import CODED
from stillwatch.worlds.camouflage import draw_camouflage
from stillwatch.worlds.campaigns import Manner, carry, manner_of
from stillwatch.worlds.enrolment import FOREVER, Team, egress, keys_of, sign_up, stock
from stillwatch.worlds.harvest import Queue
from stillwatch.worlds.parameters import Campaign, Evasion
from stillwatch.worlds.scene import Scene
from stillwatch.worlds.spool import BLOCK
from stillwatch.worlds.texts.store import Texts

SURFACES = (0.4, 0.0, 0.25, 0.2, 0.15)
"""Where accounts are that are spread, by `calls.SURFACES`; otherwise all use the API."""

_CARDS = 0.75
"""Share of accounts that have a card, of their own or shared, as `enrolment` deals them."""


@dataclass(frozen=True)
class Sendings:
    """Requests to come: `rows` of `spool.BLOCK` by time, and the operator's own `numbers`."""

    rows: np.ndarray
    numbers: np.ndarray


@dataclass
class Lot:
    """Accounts `first` to `first + n` of an operator. `turn` counts changes of style."""

    first: int
    style: Style
    campaign: Campaign
    team: Team
    manner: Manner
    turn: int = 0

    @property
    def members(self) -> range:
        """The operator's own numbers of its accounts."""
        return range(self.first, self.first + len(self.team.accounts))


@dataclass(frozen=True)
class _Seats:
    """What an operator has whatever its accounts are: a row a seat in all arrays."""

    places: np.ndarray
    clients: np.ndarray
    manner: Manner


class Maker:
    """Makes lots and their traffic, on one scene.

    An account takes a seat: its addresses, its client and its settings, which whoever sits there
    after it takes over. Only accounts apart have things of their own.
    """

    def __init__(self, scene: Scene, texts: Texts, rng: np.random.Generator, seats: int) -> None:
        self._scene, self._texts, self._rng = scene, texts, rng
        self._count = seats
        self._seats: _Seats | None = None

    def enlist(self, campaign: Campaign, style: Style, n: int, first: int, now: int) -> Lot:
        """Sign up `n` accounts in the days before `now`; some were bought old."""
        scene, rng = self._scene, self._rng
        if self._seats is None:
            self._seats = self._furnish(campaign)
        seat = (first + np.arange(n)) % self._count
        campaign = campaign_in(campaign, style)
        created = now - stock(rng, n, rng.uniform(0.1, campaign.cohort_days, n))
        accounts = sign_up(
            scene,
            rng,
            n,
            "distiller",
            created=created,
            per_card=campaign.per_card,
            isolated=style.apart,
        )
        team = Team(
            accounts,
            born=created,
            died=np.full(n, FOREVER),
            places=self._seats.places[seat],
            clients=self._seats.clients[seat],
            keys=keys_of(scene, rng, n),
            carriers=np.arange(n),
            capacity=0,
        )
        lot = Lot(first, style, campaign, team, _rows(self._seats.manner, seat))
        if style.apart:
            self._move(lot)
        elif style.spread:
            lot.manner = manner_of(scene, rng, self._texts, campaign, team)
        return lot

    def restyle(self, lot: Lot, style: Style) -> None:
        """Work in another style from now on; only accounts that move apart get new things."""
        moved = style.apart and not lot.style.apart
        lot.campaign = campaign_in(lot.campaign, style)
        if moved:
            self._move(lot)
        lot.style = style
        lot.turn += 1

    def harvest(
        self, lot: Lot, queue: Queue, owner: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The exchanges of some units, carried by `owner` [units], positions in the lot.

        Returns rows of `spool.BLOCK` by time, and the unit and the step of each.
        """
        made, _, _ = carry(
            self._scene,
            self._rng,
            self._texts,
            {},
            lot.campaign,
            queue,
            owner,
            lot.team,
            lot.manner,
        )
        voice = 1 if lot.style.paraphrase else 0
        rows, which = self._scene.block(**made, campaign=0, voice=voice, banned=True)
        self._scene.accounts.label(np.unique(rows["account"]), campaign=0)
        return rows, made["unit"][which], made["step"][which]

    def customers(self, lot: Lot, volumes: np.ndarray, now: int) -> tuple[np.ndarray, np.ndarray]:
        """`volumes` [accounts] exchanges of customers until the end, and whose each is."""
        team = replace(lot.team, born=np.full(len(volumes), now))
        made = draw_camouflage(
            self._scene, self._rng, self._texts.people, team, volumes, customers=True
        )
        if not made:
            return np.empty(0, dtype=BLOCK), np.empty(0, dtype=np.int64)
        rows, which = self._scene.block(**made, banned=True)
        return rows, made["at"][which]

    def _furnish(self, campaign: Campaign) -> _Seats:
        n, rng = self._count, self._rng
        places, clients = egress(self._scene, rng, n, 3), self._scene.clients.mixed(n, CODED)
        nobody = np.zeros(n, dtype=np.int64)
        team = Team(nobody, nobody, nobody, places, clients, nobody, np.arange(n), 0)
        return _Seats(places, clients, manner_of(self._scene, rng, self._texts, campaign, team))

    def _move(self, lot: Lot) -> None:
        """Give each account of a lot an address, a client and settings of its own."""
        n = len(lot.team.accounts)
        places = egress(self._scene, self._rng, n, 1, isolated=True)
        clients = self._scene.clients.mixed(n, CODED)
        lot.team = replace(lot.team, places=places, clients=clients)
        lot.manner = manner_of(self._scene, self._rng, self._texts, lot.campaign, lot.team)


def _rows(manner: Manner, rows: np.ndarray) -> Manner:
    return Manner(*(getattr(manner, field.name)[rows] for field in fields(manner)))


def campaign_in(campaign: Campaign, style: Style) -> Campaign:
    """What a style makes of the campaign's work."""
    evasion = Evasion(paraphrase=style.paraphrase, isolated=style.apart, desync=style.apart)
    surfaces = SURFACES if style.spread else campaign.surfaces
    return replace(campaign, evasion=evasion, surfaces=surfaces)


def enlisting(prices: Prices, style: Style, n: int, per_card: float) -> dict[str, float]:
    """The bill for `n` new accounts in a style, and for what they have of their own."""
    cards = n * _CARDS if style.apart else n * _CARDS / per_card + 1
    bill = {"accounts": n * prices.account, "cards": cards * prices.card}
    if style.spread:
        bill["tenancies"] = n * (1 - SURFACES[0]) * prices.tenancy
    return bill | (moving(prices, n) if style.apart else {})


def moving(prices: Prices, n: int) -> dict[str, float]:
    """The bill for an address of its own for each of `n` accounts."""
    return {"addresses": n * prices.address}


def furnishing(prices: Prices, seats: int) -> dict[str, float]:
    """The bill for the addresses of so many seats: five share one, two in three are hosted."""
    count = max(4, seats * 3 // 5)
    return {"addresses": count * (0.65 * prices.hosted + 0.35 * prices.address)}
