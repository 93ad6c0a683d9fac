"""The operator: deals its queue to its accounts, and changes its ways by what becomes of it.

It sees what any client sees: which of its own requests were answered, slowed or refused, and when.
It plans at the beginning of every shift, reacts to every answer, and takes stock once a day.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from stillwatch.arena.belief import Belief
from stillwatch.arena.dealing import CUSTOMERS, Dealer, Sending
from stillwatch.arena.fleet import Fleet
from stillwatch.arena.lots import Maker, Sendings
from stillwatch.arena.moves import Move, Strategy, Style
from stillwatch.arena.prices import Prices, Purse
from stillwatch.arena.ranks import Standing
from stillwatch.arena.recruiting import accounts_wanted, change_ways, sign_up, take_stock
from stillwatch.worlds.harvest import draw_queue
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import Scene, Window
from stillwatch.worlds.texts.store import POOLS, Texts

TRIES = 3
"""Times that a request is sent, while it is told to come again."""

_WAIT_S = 30
"""Seconds until then, where nobody says how many."""

_SLACK = 1.03
"""What it deals of what it needs, for some requests fail at any provider."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that an operator learns of one of its requests; `whole`: nothing was left out."""

    number: int
    ts: int
    status: int
    retry_after_s: int | None = None
    whole: bool = True


@dataclass
class Tally:
    """What one day brought an operator. `styles` are those of its living accounts."""

    answered: int = 0
    blunted: int = 0
    customers: int = 0
    sent: int = 0
    slowed: int = 0
    refused: int = 0
    burnt: int = 0
    signed_up: int = 0
    styles: Counter[Style] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """The counts, and the styles as a list, the commonest first."""
        styles = [{**asdict(style), "accounts": n} for style, n in self.styles.most_common()]
        counts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "styles"}
        return {**counts, "styles": styles}


class Operator:
    """One operator at work in the span `window`, with a purse of its own.

    `haul` counts answers by kind; `days` says what each day brought.
    """

    def __init__(
        self,
        scene: Scene,
        texts: Texts,
        strategy: Strategy,
        window: Window,
        prices: Prices,
    ) -> None:
        rng = scene.rng(f"operator {strategy.name}")
        self.fleet = Fleet(
            strategy,
            window,
            prices,
            Purse(strategy.dollars),
            Belief(scene.rng(f"belief {strategy.name}"), prices),
            Maker(scene, texts, rng, strategy.seats),
            rng,
        )
        queue = draw_queue(
            rng,
            strategy.campaign,
            exchanges=3 * strategy.answers,
            window=window,
            accounts=strategy.seats,
        )
        self._dealer = Dealer(self.fleet, queue)
        self.haul: Counter[str] = Counter()
        self.days: list[Tally] = []

    def plan(self, now: int, day_end: int) -> list[Sendings]:
        """What is sent from `now` on beside what was planned before, mostly until `day_end`."""
        made: list[Sendings] = []
        if self.fleet.day_of(now) == len(self.days):
            made += self._begin_day(now)
        if self._has_enough():
            return made
        missing = self._target(now) * _SLACK - self.days[-1].answered - self._dealer.pending
        return made + self._dealer.deal(missing, now, day_end)

    def sends(self, number: int) -> bool:
        """Whether a request that was planned is sent at all, now that its time has come."""
        sending = self._dealer.sendings[number]
        account = self.fleet.accounts[sending.account]
        wanted = self._dealer.is_wanted(sending)
        if sending.task != CUSTOMERS:
            wanted = wanted and not self._has_enough()
        able = account.standing in (Standing.WORKING, Standing.ON_TRIAL)
        if wanted and able and self.fleet.purse.left >= sum(self._price(sending).values()):
            return True
        self._dealer.done(number)
        self._dealer.cut_short(sending)
        return False

    def saw(self, seen: Seen) -> int | None:
        """Take note of an outcome; seconds until the same request is sent again, if it is."""
        sending = self._dealer.sendings[seen.number]
        account = self.fleet.accounts[sending.account]
        today = self.days[-1]
        sending.tries += 1
        good = seen.status == 200
        today.sent += 1
        if sending.tries == 1:
            self.fleet.belief.sent(self.fleet.lots[account.lot].style, good)
            self.fleet.lately[account.lot].update(sent=1, answered=int(good))
        if good:
            account.answered()
            self._dealer.done(seen.number)
            self._was_answered(sending, seen.whole)
            return None
        given_up, day = False, self.fleet.day_of(seen.ts)
        if seen.status in (401, 403):
            today.refused += 1
            given_up = account.was_refused(day)
        elif seen.status == 429:
            today.slowed += 1
            given_up = account.was_slowed(day)
        if given_up:
            self._give_up(sending.account, day)
        again = seen.status in (429, 500, 529) and sending.tries < TRIES
        if again and account.standing is Standing.WORKING:
            return _WAIT_S if seen.retry_after_s is None else seen.retry_after_s
        self._dealer.done(seen.number)
        self._dealer.cut_short(sending)
        return None

    def _begin_day(self, now: int) -> list[Sendings]:
        """Take stock, change ways, sign up; what customers send from now on."""
        fleet, day = self.fleet, self.fleet.day_of(now)
        take_stock(fleet)
        self.days.append(Tally())
        for number, account in enumerate(fleet.accounts):
            account.begin_day(day, Move.PROBE in fleet.strategy.moves)
            account.used = self._dealer.pending_of(number)
        lots, before = change_ways(fleet, now), len(fleet.accounts)
        if not self._has_enough():
            lots += sign_up(fleet, accounts_wanted(fleet, self._target(now)), now)
        self.days[-1].signed_up = len(fleet.accounts) - before
        living = fleet.living()
        self.days[-1].styles = Counter(fleet.lot_of(a).style for a in living)
        load = self._target(now) / max(1, len(living))
        return [made for lot in lots for made in self._dealer.serve_customers(lot, load, now)]

    def _was_answered(self, sending: Sending, whole: bool) -> None:
        today = self.days[-1]
        self.fleet.purse.pay(self._price(sending))
        if sending.task == CUSTOMERS:
            today.customers += 1
            return
        today.answered += 1
        today.blunted += not whole
        self.haul[POOLS[self._dealer.kind(sending)]] += 1

    def _give_up(self, number: int, day: int) -> None:
        account = self.fleet.accounts[number]
        if account.burnt_day == day:
            self.days[-1].burnt += 1
            self.fleet.lately[account.lot].update(burnt=1)
            self.fleet.belief.worked(self.fleet.lots[account.lot].style, 0.0, 1)
        self._dealer.take_back(number)

    def _price(self, sending: Sending) -> dict[str, float]:
        """What a request costs where it is answered."""
        prices = self.fleet.prices
        if sending.task == CUSTOMERS:
            return {"customers": prices.customer}
        reworded = self.fleet.lot_of(sending.account).style.paraphrase
        return {"answers": prices.answer} | ({"rewording": prices.rewording} if reworded else {})

    def _has_enough(self) -> bool:
        return self.haul.total() >= self.fleet.strategy.answers

    def _target(self, now: int) -> float:
        """Answers that today has to bring, if all days that are left bring as many."""
        window = self.fleet.window
        before = self.haul.total() - self.days[-1].answered
        days = (window.end - window.start) // DAY - self.fleet.day_of(now)
        return (self.fleet.strategy.answers - before) / max(1, days)
