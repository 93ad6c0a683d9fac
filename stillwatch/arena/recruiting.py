"""Once a day: pay for what is kept, change the ways of lots in trouble, sign up accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from stillwatch.arena.fleet import Fleet
from stillwatch.arena.lots import Lot, enlisting, furnishing, moving
from stillwatch.arena.moves import Move, Style, styles_of
from stillwatch.arena.ranks import Account

_TROUBLE = 0.85
"""A lot that gets fewer of its requests answered, or loses an account, is in trouble."""

_FEW = 10
"""Requests of a lot in a day that say nothing yet."""


def take_stock(fleet: Fleet) -> None:
    """Pay for the day that ends, and learn who lived through it."""
    for lot in fleet.lots:
        living = len(fleet.living(lot))
        fleet.belief.worked(lot.style, living, 0)
        upkeep = min(living * fleet.prices.upkeep, fleet.purse.left)
        fleet.purse.pay({"upkeep": upkeep})


def change_ways(fleet: Fleet, now: int) -> list[int]:
    """Give each lot in trouble the style that seems best now; the lots that changed."""
    changed = []
    for number, lot in enumerate(fleet.lots):
        if fleet.living(lot) and _in_trouble(fleet.lately[number]):
            style = _other_style(fleet, lot, now)
            if style != lot.style:
                fleet.maker.restyle(lot, style)
                changed.append(number)
    fleet.lately = [Counter() for _ in fleet.lots]
    return changed


def sign_up(fleet: Fleet, wanted: int, now: int) -> list[int]:
    """Sign up `wanted` accounts, or as many as can be paid, in lots; the new lots.

    The very first ones work as the strategy says: nothing has been met yet that speaks for more.
    """
    first, fresh = not fleet.accounts, []
    if first and not fleet.purse.pay(furnishing(fleet.prices, fleet.strategy.seats)):
        return []
    while wanted > 0:
        n = min(wanted, fleet.strategy.lot)
        style = fleet.strategy.first if first else _style_for(fleet, n, now)
        enlisted = _enlist(fleet, style, n, now)
        if not enlisted:
            break
        fresh.append(len(fleet.lots) - 1)
        wanted -= enlisted
    return fresh


def accounts_wanted(fleet: Fleet, target: float) -> int:
    """How many accounts to sign up today, so that `target` answers a day can be had."""
    plan, living = fleet.strategy, fleet.living()
    if not fleet.accounts:
        return plan.seats
    if Move.REPLACE not in plan.moves:
        return 0
    able = np.mean([fleet.lot_of(a).style.harvest for a in living] or [1.0])
    enough = int(np.clip(np.ceil(target / able), plan.seats, plan.hands))
    return min(enough - len(living), plan.supply)


def _in_trouble(day: Counter[str]) -> bool:
    few = day["sent"] >= _FEW and day["answered"] < _TROUBLE * day["sent"]
    return day["burnt"] > 0 or few


def _other_style(fleet: Fleet, lot: Lot, now: int) -> Style:
    """The style of a lot in trouble from now on; the move is paid where it costs anything.

    Accounts stay with the surface that they were signed up at, and what was moved stays moved.
    """
    styles = [
        style
        for style in styles_of(fleet.strategy.moves)
        if style.spread == lot.style.spread and style.apart >= lot.style.apart
    ]
    n = len(fleet.living(lot))
    bills = [moving(fleet.prices, n) if style.apart > lot.style.apart else {} for style in styles]
    style = fleet.belief.choose(styles, fleet.days_left(now), _each(bills, n))
    return style if fleet.purse.pay(bills[styles.index(style)]) else lot.style


def _style_for(fleet: Fleet, n: int, now: int) -> Style:
    styles = styles_of(fleet.strategy.moves)
    bills = [_bill(fleet, style, n) for style in styles]
    return fleet.belief.choose(styles, fleet.days_left(now), _each(bills, n))


def _enlist(fleet: Fleet, style: Style, n: int, now: int) -> int:
    """Sign up `n` accounts, or as many as leave money for their answers; how many."""
    answers = fleet.belief.expected(style, fleet.days_left(now)) * fleet.prices.answer
    while n and fleet.purse.left < sum(_bill(fleet, style, n).values()) + n * answers:
        n -= 1
    if not n or not fleet.purse.pay(_bill(fleet, style, n)):
        return 0
    campaign, number = fleet.strategy.campaign, len(fleet.lots)
    fleet.lots.append(fleet.maker.enlist(campaign, style, n, len(fleet.accounts), now))
    fleet.lately.append(Counter())
    weights = fleet.rng.lognormal(0, campaign.uneven, n).tolist()
    fleet.accounts += [Account(number, weight) for weight in weights]
    return n


def _bill(fleet: Fleet, style: Style, n: int) -> dict[str, float]:
    return enlisting(fleet.prices, style, n, fleet.strategy.campaign.per_card)


def _each(bills: Sequence[dict[str, float]], n: int) -> list[float]:
    return [sum(bill.values()) / n for bill in bills]
