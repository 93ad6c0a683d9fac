"""Exchanges a day by campaign: one row of bars each, because a small campaign vanishes in a stack.

Every row has a scale of its own, said beside it; what may be compared down the page is time.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from stillwatch.console.story import Story
from stillwatch.console.wording import count, day, span
from stillwatch.findings import Findings

_MOST_BARS = 120
_MOST_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """One day, or one span of days: its place from the left, height as a share of the peak."""

    at: int
    height: float
    title: str


@dataclass(frozen=True)
class Line:
    """One row: `tone` names its colour in the style sheet, `cells` its exchanges by bar."""

    label: str
    after: str
    tone: str
    bars: tuple[Bar, ...]
    cells: tuple[int, ...]
    peak: int
    total: int


@dataclass(frozen=True)
class Timeline:
    """All rows over the same `width` bars of `step` days; `ticks` are (share of width, label)."""

    lines: tuple[Line, ...]
    width: int
    step: int
    starts: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]


def timeline(findings: Findings, story: Story) -> Timeline | None:
    """The rows of `findings.daily`: campaigns as in `story`, then all other traffic; `None`: empty.

    Beyond 120 days a bar stands for several days, the same number everywhere.
    """
    rows = findings.daily.to_pylist()
    if not rows:
        return None
    first, last = min(row["day"] for row in rows), max(row["day"] for row in rows)
    days = (last - first).days + 1
    step = -(-days // _MOST_BARS)
    width = -(-days // step)
    counts: defaultdict[str | None, list[int]] = defaultdict(lambda: [0] * width)
    for row in rows:
        counts[row["campaign_id"]][(row["day"] - first).days // step] += row["exchanges"]
    starts = [first + dt.timedelta(days=step * at) for at in range(width)]
    spans = [span(start, start + dt.timedelta(days=step - 1)) for start in starts]
    lines = []
    for chapter in (*story.campaigns, *story.networks):
        if chapter.campaign_id in counts:
            tone = f"c{(chapter.number - 1) % 6 + 1}" if chapter.kind == "distillation" else "n"
            cells = counts.pop(chapter.campaign_id)
            lines.append(_line(chapter.name, chapter.after, tone, cells, spans))
    rest = [sum(column) for column in zip(*counts.values(), strict=True)] or [0] * width
    names = ("All other traffic", "Not part of a campaign") if lines else ("All traffic", "")
    lines.append(_line(*names, "n", rest, spans))
    pace = -(-width // _MOST_TICKS)
    ticks = tuple((at / width, f"{starts[at].day} {starts[at]:%b}") for at in range(0, width, pace))
    return Timeline(tuple(lines), width, step, tuple(day(start) for start in starts), ticks)


def _line(label: str, after: str, tone: str, cells: list[int], spans: list[str]) -> Line:
    peak = max(cells)
    bars = tuple(
        Bar(at, cell / peak, f"{label}, {spans[at]}: {count(cell, 'exchange')}")
        for at, cell in enumerate(cells)
        if cell
    )
    return Line(label, after, tone, bars, tuple(cells), peak, sum(cells))
