"""How large a case is, and how it went day by day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from stillwatch.console.wording import count, day
from stillwatch.reports.document import Bars, Block, Section, Table
from stillwatch.reports.figures import Figures, as_day, day_of, one_of

CHART = "Exchanges a day"
EACH = "The campaigns of this case"
_DAY_US = 86_400_000_000
_MOST_DAYS = 400


@dataclass(frozen=True)
class Scale:
    """The figures that the summary repeats, as they are said."""

    accounts: str
    exchanges: str
    first: str
    last: str
    last_day: dt.date | None
    an_account: str
    section: Section


def scale(figures: Figures, campaigns: list[str]) -> Scale:
    """Accounts, exchanges, days, and a chart of days."""
    mine = one_of(campaigns)
    _, accounts = figures.one(
        "Accounts in the case's campaigns", "members", "count(distinct account_id)", mine, count
    )
    _, exchanges = figures.one("Exchanges", "campaigns", "sum(exchanges)::bigint", mine, count)
    _, first = figures.one("First day", "campaigns", f"min({day_of('first_ts')})", mine, _day)
    last_at, last = figures.one("Last day", "campaigns", f"max({day_of('last_ts')})", mine, _day)
    active = f"epoch_us(last_ts) // {_DAY_US} - epoch_us(first_ts) // {_DAY_US} + 1"
    _, an_account = figures.one(
        "Exchanges a day of an account, from its first day to its last",
        "members",
        f"sum(exchanges) / sum({active})",
        mine,
        lambda value: f"{value:,.1f}",
    )
    _, most = figures.one(
        "Exchanges of the busiest account", "members", "max(exchanges)", mine, count
    )
    _, median = figures.one(
        "Exchanges of a typical account (median)",
        "members",
        "median(exchanges)::bigint",
        mine,
        count,
    )
    _, everybody = figures.one("Accounts in the log", "accounts", "count(*)", "true", count)
    _, everything = figures.one(
        "Exchanges in the log", "accounts", "sum(exchanges)::bigint", "true", count
    )
    rows = (
        ("Accounts", accounts),
        ("Exchanges", exchanges),
        ("First and last day", f"{first} to {last}"),
        ("Exchanges a day of an account, from its first day to its last", an_account),
        ("Exchanges of a typical account (median)", median),
        ("Exchanges of the busiest account", most),
        ("All accounts in the log", everybody),
        ("All exchanges in the log", everything),
    )
    blocks: list[Block] = [Table("In figures", ("Figure", "Value"), rows, (1,))]
    if len(campaigns) > 1:
        blocks.append(_each(figures, mine))
    blocks += _days(figures, mine)
    return Scale(
        accounts,
        exchanges,
        first,
        last,
        as_day(last_at) if last_at is not None else None,
        an_account,
        Section("Scale", tuple(blocks)),
    )


def _each(figures: Figures, mine: str) -> Table:
    what = f"campaign_id, accounts, exchanges, {day_of('first_ts')}, {day_of('last_ts')}"
    found = figures.many(
        "Each campaign's size", EACH, "campaigns", what, f"{mine} order by exchanges desc, 1"
    )
    rows = tuple(
        (row[0], count(row[1]), count(row[2]), _day(row[3]), _day(row[4])) for row in found
    )
    return Table(EACH, ("Campaign", "Accounts", "Exchanges", "First", "Last"), rows, (1, 2))


def _days(figures: Figures, mine: str) -> list[Block]:
    found = figures.many(
        "Exchanges of each day",
        CHART,
        "daily",
        "day, sum(exchanges)::bigint",
        f"{mine} group by day order by day",
    )
    if not found:
        return []
    counts = {as_day(when): number for when, number in found}
    first, last = min(counts), max(counts)
    first = max(first, last - dt.timedelta(days=_MOST_DAYS - 1))
    length = (last - first).days + 1
    values = tuple(counts.get(first + dt.timedelta(days=at), 0) for at in range(length))
    _, busiest = figures.one(
        "Exchanges of the busiest day",
        "daily",
        "sum(exchanges)::bigint",
        f"{mine} group by day order by 1 desc limit 1",
        count,
    )
    _, when = figures.one(
        "The busiest day",
        "daily",
        "day",
        f"{mine} group by day order by sum(exchanges) desc, day limit 1",
        _day,
    )
    says = f"The busiest day was {when}, with {busiest} exchanges."
    return [Bars(CHART, first, values, says)]


def _day(value: Any) -> str:
    return day(as_day(value)) if value is not None else "–"
