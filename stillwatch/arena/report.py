"""What a defence took from an operator, and what it cost honest customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stillwatch.arena.moves import Strategy
from stillwatch.arena.play import Outcome, Setting

CONTAINED = 0.1
"""Share of the undefended yield of a day below which an operator is contained that day."""


@dataclass(frozen=True)
class Duel:
    """One seed: the same operator in the same world without a defence, and with one (or none)."""

    setting: Setting
    undefended: Outcome
    defended: Outcome | None = None

    @property
    def cut(self) -> float | None:
        """Share of the undefended answers that the defence prevented."""
        if self.defended is None or not self.undefended.answers:
            return None
        return 1 - self.defended.answers / self.undefended.answers

    @property
    def contained_after_days(self) -> int | None:
        """Whole days of the operator before those that all stay below a tenth of the undefended.

        `None` where its last day doesn't. Days on which it had all it wanted, undefended, are no
        measure and are left out.
        """
        if self.defended is None:
            return None
        free = [day.answered for day in self.undefended.days]
        held = [
            held.answered < CONTAINED * before
            for held, before in zip(self.defended.days, free, strict=True)
            if before
        ]
        open_days = [i for i, contained in enumerate(held) if not contained]
        after = open_days[-1] + 1 if open_days else 0
        return after if after < len(held) else None

    @property
    def contained_on(self) -> dt.date | None:
        """The first of those days."""
        after = self.contained_after_days
        return None if after is None else self.undefended.began + dt.timedelta(days=after)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "seed": self.setting.seed,
            "scale": self.setting.scale,
            "days": self.setting.days,
            "cut": None if self.cut is None else round(self.cut, 4),
            "contained_after_days": self.contained_after_days,
            "contained_on": None if self.contained_on is None else self.contained_on.isoformat(),
            "undefended": self.undefended.to_dict(),
            "defended": None if self.defended is None else self.defended.to_dict(),
        }


@dataclass(frozen=True)
class Report:
    """Duels of one operator over some seeds."""

    duels: Sequence[Duel]

    @property
    def strategy(self) -> Strategy:
        """The operator."""
        return self.duels[0].undefended.strategy

    def to_dict(self) -> dict[str, Any]:
        """The duels, and over all of them: least and mean cut, and what happened to the honest."""
        strategy = self.strategy
        cuts = [duel.cut for duel in self.duels if duel.cut is not None]
        fought = [duel.defended for duel in self.duels if duel.defended is not None]
        requests = sum(outcome.requests for outcome in fought)
        slowed = sum(outcome.honest("slowed") for outcome in fought)
        return {
            "operator": {
                "name": strategy.name,
                "says": strategy.says,
                "moves": sorted(strategy.moves),
                "answers": strategy.answers,
                "seats": strategy.seats,
                "hands": strategy.hands,
                "supply": strategy.supply,
                "dollars": strategy.dollars,
            },
            "cut_least": round(min(cuts), 4) if cuts else None,
            "cut_mean": round(sum(cuts) / len(cuts), 4) if cuts else None,
            "honest_requests": requests,
            "honest_accounts_denied": sum(outcome.honest("denied") for outcome in fought),
            "honest_requests_slowed": slowed,
            "honest_slowed_in_10000": round(1e4 * slowed / requests, 3) if requests else None,
            "duels": [duel.to_dict() for duel in self.duels],
        }
