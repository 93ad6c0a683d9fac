"""All that an operator has: its accounts in lots, its purse, and what it believes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from stillwatch.arena.belief import Belief
from stillwatch.arena.lots import Lot, Maker
from stillwatch.arena.moves import Strategy
from stillwatch.arena.prices import Prices, Purse
from stillwatch.arena.ranks import Account, Standing
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import Window

_SHORTEST_DAYS = 0.25


@dataclass
class Fleet:
    """What an operator has in the span `window`. `lately` counts, by lot, what today brought."""

    strategy: Strategy
    window: Window
    prices: Prices
    purse: Purse
    belief: Belief
    maker: Maker
    rng: np.random.Generator
    accounts: list[Account] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    lately: list[Counter[str]] = field(default_factory=list)

    def lot_of(self, account: int) -> Lot:
        """The lot of an account."""
        return self.lots[self.accounts[account].lot]

    def living(self, lot: Lot | None = None) -> list[int]:
        """Accounts, of a lot or of all, that aren't given up."""
        members = range(len(self.accounts)) if lot is None else lot.members
        return [m for m in members if self.accounts[m].standing is not Standing.BURNT]

    def day_of(self, ts: int) -> int:
        """The day of the window, from 0."""
        return (ts - self.window.start) // DAY

    def days_left(self, now: int) -> float:
        """Days until the end, never quite none."""
        return max((self.window.end - now) / DAY, _SHORTEST_DAYS)
