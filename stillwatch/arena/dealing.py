"""Dealing a queue to accounts: who sends what, when, and what becomes of what wasn't answered."""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from dataclasses import dataclass, replace

import numpy as np

from stillwatch.arena.fleet import Fleet
from stillwatch.arena.lots import Sendings
from stillwatch.arena.ranks import Standing
from stillwatch.worlds.harvest import Queue
from stillwatch.worlds.places import UTC_OFFSETS
from stillwatch.worlds.rhythm import DAY, by_daylight

CUSTOMERS = -1
"""The task of what customers send."""

_HOME_OFFSET = 8.0
"""Hours from UTC of the operator's own day."""

_LOOKS = 4
"""Units in a row that are too long for what an account may still send, after which it has enough.
"""


@dataclass(slots=True)
class Sending:
    """One request of the operator's: the `step` of a `task` through an `account`.

    `turn` is the lot's when it was planned, and `tries` how often it was sent.
    """

    account: int
    task: int
    step: int
    turn: int
    tries: int = 0


class Dealer:
    """Deals the units of `queue` through the accounts of `fleet`; each dealing is a task."""

    def __init__(self, fleet: Fleet, queue: Queue) -> None:
        self._fleet, self._queue = fleet, queue
        self._next = 0
        self._returned: deque[int] = deque()
        self._units: list[int] = []
        self._broken: set[int] = set()
        self._pending: dict[int, set[int]] = {}
        self.sendings: list[Sending] = []

    @property
    def pending(self) -> int:
        """Requests of the harvest that were dealt, and of which nothing was heard yet."""
        return sum(len(numbers) for numbers in self._pending.values())

    def pending_of(self, account: int) -> int:
        """As many of one account; yesterday's, that go on today, are today's."""
        return len(self._pending.get(account, ()))

    def kind(self, sending: Sending) -> int:
        """What a request is after: a position in `texts.POOLS`."""
        return int(self._queue.kind[self._units[sending.task]])

    def is_wanted(self, sending: Sending) -> bool:
        """Whether it is part of what is still going on."""
        if sending.task == CUSTOMERS:
            return sending.turn == self._fleet.lot_of(sending.account).turn
        return sending.task not in self._broken

    def done(self, number: int) -> None:
        """Something was heard of a request, or it won't be sent."""
        self._pending.get(self.sendings[number].account, set()).discard(number)

    def cut_short(self, sending: Sending) -> None:
        """A task won't be finished; one that hasn't begun goes back to the queue."""
        if sending.task == CUSTOMERS or sending.task in self._broken:
            return
        self._broken.add(sending.task)
        if sending.step == 0:
            self._returned.append(self._units[sending.task])

    def take_back(self, account: int) -> None:
        """Whatever was dealt to an account goes back."""
        for number in sorted(self._pending.pop(account, set())):
            self.cut_short(self.sendings[number])

    def deal(self, answers: float, now: int, day_end: int) -> list[Sendings]:
        """Deal units that bring about `answers` in what is left of the day."""
        owners, units = self._owners(answers, (day_end - now) / DAY)
        lots = np.array([self._fleet.accounts[o].lot for o in owners], dtype=int)
        made = []
        for lot in np.unique(lots).tolist():
            mine = lots == lot
            made.append(self._send(lot, owners[mine], units[mine], now, day_end))
        return made

    def serve_customers(self, number: int, load: float, now: int) -> list[Sendings]:
        """Customers of a lot until the end, whose share beside `load` a day is its style's."""
        fleet, lot = self._fleet, self._fleet.lots[number]
        share = lot.style.camouflage
        if not share:
            return []
        living = set(fleet.living(lot))
        alive = np.array([member in living for member in lot.members])
        each = min(lot.style.harvest, load) * share / (1 - share) * fleet.days_left(now)
        rows, at = fleet.maker.customers(lot, np.round(alive * each).astype(np.int64), now)
        return [self._note(rows, [Sending(lot.first + a, CUSTOMERS, 0, lot.turn) for a in at])]

    def _owners(self, answers: float, part: float) -> tuple[np.ndarray, np.ndarray]:
        """Accounts and units that come to so many answers in what is left of the day, `part` of it.

        The least used account, by its weight, gets the next unit; none gets more than its pace.
        """
        left = {n: self._room(n, part) for n in range(len(self._fleet.accounts))}
        turns = [(self._turn(n, 0), n) for n, room in left.items() if room]
        heapq.heapify(turns)
        owners: list[int] = []
        units: list[int] = []
        given, aside, looks = Counter[int](), list[int](), 0
        while answers > 0 and turns:
            number, unit = turns[0][1], self._take()
            length = int(self._queue.length[unit])
            if length > left[number] - given[number]:
                aside.append(unit)
                looks += 1
                if looks == _LOOKS:
                    heapq.heappop(turns)
                    looks = 0
                continue
            owners.append(number)
            units.append(unit)
            answers -= length
            given[number] += length
            looks = 0
            heapq.heapreplace(turns, (self._turn(number, given[number]), number))
        self._returned.extendleft(reversed(aside))
        return np.array(owners, dtype=int), np.array(units, dtype=int)

    def _turn(self, number: int, given: int) -> float:
        account = self._fleet.accounts[number]
        return (account.used + given) / account.weight

    def _room(self, number: int, part: float) -> int:
        """Requests that an account may still get today."""
        account, pace = self._fleet.accounts[number], self._fleet.lot_of(number).style.harvest
        if account.standing is Standing.ON_TRIAL:
            return 1 - min(1, account.used)
        if account.standing is not Standing.WORKING:
            return 0
        return max(0, min(int(pace) - account.used, math.ceil(pace * part)))

    def _take(self) -> int:
        if self._returned:
            return self._returned.popleft()
        unit, self._next = self._next, (self._next + 1) % len(self._queue.kind)
        return unit

    def _send(
        self, number: int, owner: np.ndarray, units: np.ndarray, now: int, day_end: int
    ) -> Sendings:
        """The requests of some units through accounts of one lot, at hours of their day."""
        lot, n = self._fleet.lots[number], len(units)
        begin = now + (self._fleet.rng.random(n) * (day_end - now)).astype(np.int64)
        offset, night = np.full(n, _HOME_OFFSET), 0.75
        if lot.style.apart:
            # hours of its own for each account, the same every day
            offset, night = UTC_OFFSETS[owner % len(UTC_OFFSETS)], 0.1
        lit = by_daylight(self._fleet.rng, begin, offset, night)
        begin = np.where((lit >= now) & (lit < day_end), lit, begin)
        piece = replace(self._queue.take(units), begin=begin)
        rows, unit, step = self._fleet.maker.harvest(lot, piece, owner - lot.first)
        first = len(self._units)
        self._units += units.tolist()
        sent = [
            Sending(int(owner[u]), first + u, s, lot.turn)
            for u, s in zip(unit.tolist(), step.tolist(), strict=True)
        ]
        return self._note(rows, sent)

    def _note(self, rows: np.ndarray, sent: list[Sending]) -> Sendings:
        first = len(self.sendings)
        self.sendings += sent
        for number, sending in enumerate(sent, first):
            if sending.task != CUSTOMERS:
                self._pending.setdefault(sending.account, set()).add(number)
                self._fleet.accounts[sending.account].used += 1
        return Sendings(rows, np.arange(first, len(self.sendings)))
