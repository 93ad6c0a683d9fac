"""What an operator has come to believe about its moves, and what it would pay for.

A bandit with independent factors. By each level of each factor of a style it counts account-days,
accounts lost, requests sent and answered. A style's loss rate and its share of answers are the
whole's times a ratio for each factor, drawn from gamma and beta posteriors whose priors, each worth
one loss or ten requests, say that the factor does nothing (Thompson 1933). So what was never tried
may turn out well in a draw, and gets tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stillwatch.arena.moves import Style
from stillwatch.arena.prices import Prices

_LOSSES, _DAYS = 1.0, 50.0
"""What it thinks at first: one account lost in fifty account-days."""

_REQUESTS, _ANSWERED = 50.0, 0.97
"""And that 97% of requests are answered."""

_DOUBT = 10.0
"""Requests that the prior of a factor's share is worth."""


@dataclass
class _Count:
    days: float = 0.0
    lost: float = 0.0
    sent: float = 0.0
    answered: float = 0.0


@dataclass(frozen=True)
class _Ratios:
    """By (factor, level): its loss rate and its answered share, as ratios of the whole's."""

    losses: dict[tuple[str, object], float]
    shares: dict[tuple[str, object], float]


class Belief:
    """Counts by factor and level, and draws from what they say."""

    def __init__(self, rng: np.random.Generator, prices: Prices) -> None:
        self._rng, self._prices = rng, prices
        self._whole = _Count()
        self._by: dict[tuple[str, object], _Count] = {}

    def worked(self, style: Style, days: float, lost: int) -> None:
        """Accounts in `style` worked for `days` account-days, and `lost` of them were lost."""
        for count in self._counts(style):
            count.days += days
            count.lost += lost

    def sent(self, style: Style, answered: bool) -> None:
        """One request was sent in `style`."""
        for count in self._counts(style):
            count.sent += 1
            count.answered += answered

    def choose(self, styles: Sequence[Style], days: float, upfront: Sequence[float]) -> Style:
        """The style whose drawn answers over `days` days cost least; `upfront` [styles] dollars."""
        drawn = self._ratios(styles, draw=True)
        worth = [
            self._answers_per_dollar(style, days, dollars, drawn)
            for style, dollars in zip(styles, upfront, strict=True)
        ]
        return styles[int(np.argmax(worth))]

    def expected(self, style: Style, days: float) -> float:
        """Answers that one account in `style` is expected to bring over `days` days."""
        mean = self._ratios([style], draw=False)
        return self._life(style, days, mean) * style.harvest * self._share(style, mean)

    def _counts(self, style: Style) -> list[_Count]:
        own = [self._by.setdefault(level, _Count()) for level in asdict(style).items()]
        return [self._whole, *own]

    def _loss_rate(self) -> float:
        return (_LOSSES + self._whole.lost) / (_DAYS + self._whole.days)

    def _answered(self) -> float:
        whole = self._whole
        return (_REQUESTS * _ANSWERED + whole.answered) / (_REQUESTS + whole.sent)

    def _ratios(self, styles: Sequence[Style], draw: bool) -> _Ratios:
        rate, share = self._loss_rate(), self._answered()
        losses, shares = {}, {}
        for level in dict.fromkeys(level for s in styles for level in asdict(s).items()):
            count = self._by.get(level, _Count())
            shape, exposure = 1 + count.lost, 1 / rate + count.days
            good = _DOUBT * share + count.answered
            bad = max(_DOUBT * (1 - share) + count.sent - count.answered, 1e-6)
            drawn = self._rng.gamma(shape) if draw else shape
            losses[level] = drawn / exposure / rate
            shares[level] = (self._rng.beta(good, bad) if draw else good / (good + bad)) / share
        return _Ratios(losses, shares)

    def _life(self, style: Style, days: float, ratios: _Ratios) -> float:
        """Days that an account in `style` lives of the next `days`."""
        rate = self._loss_rate() * math.prod(ratios.losses[f] for f in asdict(style).items())
        rate = max(rate, 1e-9)
        return -math.expm1(-rate * days) / rate

    def _share(self, style: Style, ratios: _Ratios) -> float:
        share = self._answered() * math.prod(ratios.shares[f] for f in asdict(style).items())
        return min(share, 1.0)

    def _answers_per_dollar(
        self, style: Style, days: float, upfront: float, ratios: _Ratios
    ) -> float:
        price = self._prices
        life = self._life(style, days, ratios)
        answers = life * style.harvest * self._share(style, ratios)
        each = price.answer + (price.rewording if style.paraphrase else 0.0)
        customers = life * style.pace * style.camouflage * price.customer
        return answers / (upfront + answers * each + customers + life * price.upkeep + 1e-9)
