"""Which models a campaign asks for, and the day it turns to a new one."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from stillwatch.findings import Findings

_NEW_SHARE = 0.2
_OLD_SHARE = 0.02
_DAYS_BEFORE = 3
_MOST_MODELS = 4


@dataclass(frozen=True)
class Turn:
    """From `day` on, `share` of a campaign's exchanges go to `model`, which it hardly knew."""

    model: str
    day: dt.date
    share: float


@dataclass(frozen=True)
class Models:
    """A campaign's models, first those it turned to, then by share; its turns, in order of time.

    `strip` has one tuple a day: the shares of `names` that day, or `None` where it was silent.
    """

    names: tuple[tuple[str, float], ...]
    turns: tuple[Turn, ...]
    strip: tuple[tuple[float, ...] | None, ...]
    first: dt.date

    def shade(self, at: int) -> str:
        """The style of `names[at]`: full colour for a model it turned to, paler by rank else."""
        turned = {turn.model for turn in self.turns}
        return "new" if self.names[at][0] in turned else f"m{at + 1}"

    def day(self, at: int) -> dt.date:
        """The day of `strip[at]`."""
        return self.first + dt.timedelta(days=at)


def models(findings: Findings) -> dict[str, Models]:
    """By campaign id, what `findings.daily` says of its models.

    A turn is a day on which a model takes at least 20% of the campaign's exchanges, after three
    or more active days on which it had at most 2% of them.
    """
    counts: defaultdict[str, defaultdict[dt.date, defaultdict[str, int]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for row in findings.daily.to_pylist():
        if row["campaign_id"] is not None:
            counts[row["campaign_id"]][row["day"]][row["model"]] += row["exchanges"]
    return {campaign_id: _of(days) for campaign_id, days in counts.items()}


def _of(days: defaultdict[dt.date, defaultdict[str, int]]) -> Models:
    totals: defaultdict[str, int] = defaultdict(int)
    for by_model in days.values():
        for model, number in by_model.items():
            totals[model] += number
    everything = sum(totals.values()) or 1
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:_MOST_MODELS]
    active = sorted(days)
    turns = sorted(
        (turn for model, _ in ranked if (turn := _turn(model, days, active))),
        key=lambda turn: (turn.day, turn.model),
    )
    turned = {turn.model for turn in turns}
    ranked.sort(key=lambda item: (item[0] not in turned, -item[1], item[0]))
    strip = []
    for offset in range((active[-1] - active[0]).days + 1):
        by_model = days.get(active[0] + dt.timedelta(days=offset))
        whole = sum(by_model.values()) if by_model else 0
        if not by_model or not whole:
            strip.append(None)
            continue
        strip.append(tuple(by_model.get(model, 0) / whole for model, _ in ranked))
    return Models(
        names=tuple((model, number / everything) for model, number in ranked),
        turns=tuple(turns),
        strip=tuple(strip),
        first=active[0],
    )


def _turn(
    model: str, days: defaultdict[dt.date, defaultdict[str, int]], active: list[dt.date]
) -> Turn | None:
    before = before_all = 0
    for at, when in enumerate(active):
        whole = sum(days[when].values())
        here = days[when].get(model, 0)
        if whole and here / whole >= _NEW_SHARE:
            if at < _DAYS_BEFORE or before > _OLD_SHARE * before_all:
                return None
            after = sum(days[later].get(model, 0) for later in active[at:])
            after_all = sum(sum(days[later].values()) for later in active[at:])
            return Turn(model, when, after / after_all)
        before, before_all = before + here, before_all + whole
    return None
