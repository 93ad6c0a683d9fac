"""The picture: retained uplift, worst case, against how much of what is served is true.

Written by hand as SVG that is readable on light and dark pages, with no script and no font.
"""

from __future__ import annotations

from html import escape

from stillwatch.lab.uplift.figures import Comparison, Row
from stillwatch.lab.uplift.report import Report

_WIDE, _HIGH, _LEFT, _TOP = 420, 300, 56, 46
_PANEL, _FOOT, _LINE = 760, 80, 15
_MIDDLE = _LEFT + _WIDE / 2
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1c2733; }
  .title { font-size: 14px; font-weight: 600; }
  .soft { fill: #55606c; }
  .axis { stroke: #8a95a1; fill: none; }
  .grid { stroke: #d5dae0; }
  .true { fill: #1668b3; stroke: #1668b3; }
  .false { fill: #b8480f; stroke: #b8480f; }
  .less { fill: none; stroke: #1668b3; stroke-width: 2; }
  .whisker { stroke-width: 2; opacity: 0.6; fill: none; }
  .rise { stroke-width: 1; opacity: 0.5; fill: none; stroke-dasharray: 2 3; }
  .faint { opacity: 0.5; }
  .corner { fill: #2a9d5c; opacity: 0.12; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6ebf0; } .soft { fill: #a5b0bb; } .axis { stroke: #7d8894; }
    .grid { stroke: #38424c; } .true { fill: #6db3f2; stroke: #6db3f2; }
    .false { fill: #f0935c; stroke: #f0935c; } .less { stroke: #6db3f2; }
  }
"""


def picture(report: Report) -> str:
    """One panel a task, each point a measure with a number that the list beside it explains."""
    heights = [_height(told) for told in report.comparisons]
    tops = [sum(heights[:at]) for at in range(len(heights))]
    panels = "".join(
        f'<g transform="translate(0 {top})">{_panel(told)}</g>'
        for top, told in zip(tops, report.comparisons, strict=True)
    )
    size = f'viewBox="0 0 {_PANEL} {sum(heights)}" width="{_PANEL}" height="{sum(heights)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        f"<title>Retained uplift against trace validity</title><style>{_STYLE}</style>"
        f"{panels}</svg>\n"
    )


def _height(told: Comparison) -> int:
    return max(_TOP + _HIGH + _FOOT, _TOP + 40 + _LINE * len(told.rows))


def _panel(told: Comparison) -> str:
    seeds = "seed" if len(told.seeds) == 1 else "seeds"
    title = f"{told.task}: uplift kept, worst case over operators ({len(told.seeds)} {seeds})"
    parts = [f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>', _axes()]
    for number, row in enumerate(told.rows, 1):
        parts += [_point(row), _entry(number, row)]
    return "".join(parts) + _numbers(told.rows)


def _axes() -> str:
    bottom, right = _TOP + _HIGH, _LEFT + _WIDE
    corner = f'<rect class="corner" x="{_x(0.95)}" y="{_y(0.5)}" width="{_x(1) - _x(0.95)}"'
    parts = [f'{corner} height="{_y(0) - _y(0.5)}"/>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{_y(share)}" y2="{_y(share)}"/>',
            f'<text class="soft" x="{_LEFT - 8}" y="{_y(share) + 4}" text-anchor="end">'
            f"{share:.0%}</text>",
            f'<text class="soft" x="{_x(share)}" y="{bottom + 18}" text-anchor="middle">'
            f"{share:.0%}</text>",
        ]
    parts += [
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>',
        f'<text class="soft" x="{_MIDDLE}" y="{bottom + 38}" text-anchor="middle">'
        "served traces whole and true (hollow: reasoning withheld, nothing false)</text>",
        f'<text class="soft" x="{_MIDDLE}" y="{bottom + 54}" text-anchor="middle">'
        "green: where a free point would lie; small and faint: against the passive operator"
        "</text>",
    ]
    return "".join(parts)


def _point(row: Row) -> str:
    """The worst case with its interval, and faintly beneath it what the passive operator keeps."""
    share = row.worst.retained
    if share is None:
        return ""
    x, y, kind = _across(row), _y(share.share), _kind(row)
    plain = next((kept.retained for kept in row.kept if kept.operator == "passive"), None)
    faint = ""
    if plain is not None:
        low = _y(plain.share)
        faint = (
            f'<path class="{kind} rise" d="M{x:.1f} {low:.1f}V{y:.1f}"/>'
            f'<circle class="{kind} faint" cx="{x:.1f}" cy="{low:.1f}" r="3"/>'
        )
    return (
        f'{faint}<path class="{kind} whisker" d="M{x:.1f} {_y(share.low):.1f}'
        f'V{_y(share.high):.1f}"/><circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    )


def _numbers(rows: tuple[Row, ...]) -> str:
    """The numbers of points; those of points that lie together stand together."""
    spots: list[tuple[float, float, list[int]]] = []
    for number, row in enumerate(rows, 1):
        if row.worst.retained is None:
            continue
        x, y = _across(row), _y(row.worst.retained.share)
        near = next((s for s in spots if abs(s[0] - x) < 26 and abs(s[1] - y) < 16), None)
        if near is None:
            spots.append((x, y, [number]))
        else:
            near[2].append(number)
    return "".join(
        f'<text x="{x + (8 if x < _MIDDLE else -8):.1f}" y="{y - 7:.1f}" '
        f'text-anchor="{"start" if x < _MIDDLE else "end"}">{" ".join(map(str, numbers))}</text>'
        for x, y, numbers in spots
    )


def _entry(number: int, row: Row) -> str:
    share = row.worst.retained
    kept = "-" if share is None else f"{share.share:.0%}"
    y = _TOP + 10 + _LINE * (number - 1)
    x = _LEFT + _WIDE + 30
    return (
        f'<circle class="{_kind(row)}" cx="{x}" cy="{y - 4}" r="4"/>'
        f'<text x="{x + 12}" y="{y}">{number}  {escape(row.measure)}</text>'
        f'<text x="{_PANEL - 14}" y="{y}" text-anchor="end">{kept}</text>'
    )


def _kind(row: Row) -> str:
    if row.honest.withholds:
        return "less"
    return "true" if row.honest.truthful else "false"


def _across(row: Row) -> float:
    return _x(1.0 if row.honest.valid is None else row.honest.valid)


def _x(share: float) -> float:
    return _LEFT + _WIDE * share


def _y(share: float) -> float:
    return _TOP + _HIGH * (1 - min(max(share, -0.05), 1.05))
