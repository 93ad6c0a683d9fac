"""The curve of student against teacher as an SVG: by step, and by the teacher's examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stillwatch.lab.distilling.card import skill

_WIDE, _HIGH, _LEFT, _TOP, _GAP = 330, 220, 56, 40, 76
_COLOURS = ("#8a8f98", "#c2742b", "#2b7a78", "#6b4fa0", "#b03a5b", "#1f5fa8")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600}"
    ".g{stroke:#ddd}.k{stroke:#333;stroke-dasharray:5 4}"
)


def curve_picture(curve: Mapping[str, Any]) -> str:
    """One SVG document of three panels; shares of right answers, or of agreement where none is."""
    arms = list(curve["by_step"].items())
    top = skill(curve["teacher"])
    known = curve["teacher"]["accuracy"] is not None
    what = "Right answers" if known else "Agreement with the teacher"
    steps = max(point["step"] for _, points in arms for point in points) or 1
    by_step = [
        [(p["step"] / steps, share["share"]) for p in points if (share := skill(p))]
        for _, points in arms
    ]
    finals = curve["by_examples"]
    most = max(1, len(finals) - 1)
    shares = [(place / most, skill(row)) for place, row in enumerate(finals)]
    losses = [[(p["step"] / steps, p["loss"]) for p in points] for _, points in arms]
    highest = max((loss for line in losses for _, loss in line), default=1.0) or 1.0
    names = ["no teacher" if name == "no_teacher" else f"{name} examples" for name, _ in arms]
    teacher = None if top is None else top["share"]
    panels = [
        _panel(0, f"{what} by step", by_step, ("0", f"{steps} steps"), 1.0, teacher),
        _panel(
            1,
            f"{what} by examples",
            [[(x, share["share"]) for x, share in shares if share]],
            tuple(f"{row['examples']:,}" for row in finals),
            1.0,
            teacher,
            [(x, share["low"], share["high"]) for x, share in shares if share],
        ),
        _panel(
            2,
            "Loss on the teacher's answers by step",
            [[(x, loss / highest) for x, loss in line] for line in losses],
            ("0", f"{steps} steps"),
            highest,
            None if curve["teacher"]["loss"] is None else curve["teacher"]["loss"] / highest,
        ),
    ]
    width = 3 * (_WIDE + _GAP) + _LEFT
    height = _TOP + _HIGH + 74
    legend = "".join(
        f'<rect x="{_LEFT + 150 * at}" y="{height - 20}" width="12" height="12" '
        f'fill="{_colour(at, len(names))}"/>'
        f'<text x="{_LEFT + 150 * at + 18}" y="{height - 10}">{name}</text>'
        for at, name in enumerate(names)
    )
    at = _LEFT + 150 * len(names)
    key = (
        f'<line class="k" x1="{at}" x2="{at + 20}" y1="{height - 14}" y2="{height - 14}"/>'
        f'<text x="{at + 26}" y="{height - 10}">teacher</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="The student against its teacher, by step and by examples">'
        f"<style>{_STYLE}</style>"
        f'<rect width="{width}" height="{height}" fill="#fff"/>{"".join(panels)}{legend}{key}'
        "</svg>\n"
    )


def _panel(
    place: int,
    title: str,
    lines: Sequence[Sequence[tuple[float, float]]],
    ticks: Sequence[str],
    most: float,
    teacher: float | None,
    bars: Sequence[tuple[float, float, float]] = (),
) -> str:
    """Axes and lines; places and values are shares of the panel's width and height."""
    left = _LEFT + place * (_WIDE + _GAP)

    def x(share: float) -> float:
        return round(left + share * _WIDE, 1)

    def y(share: float) -> float:
        return round(_TOP + (1 - share) * _HIGH, 1)

    parts = [f'<text class="t" x="{left}" y="{_TOP - 16}">{title}</text>']
    for share in (0.0, 0.5, 1.0):
        parts.append(
            f'<line class="g" x1="{left}" x2="{left + _WIDE}" y1="{y(share)}" y2="{y(share)}"/>'
            f'<text x="{left - 8}" y="{y(share) + 4}" text-anchor="end">{share * most:.2g}</text>'
        )
    last = max(1, len(ticks) - 1)
    for at, tick in enumerate(ticks):
        parts.append(
            f'<text x="{x(at / last)}" y="{_TOP + _HIGH + 20}" text-anchor="middle">{tick}</text>'
        )
    if teacher is not None:
        parts.append(
            f'<line class="k" x1="{left}" x2="{left + _WIDE}" y1="{y(teacher)}" y2="{y(teacher)}"/>'
        )
    for at, low, high in bars:
        parts.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{y(low)}" y2="{y(high)}" '
            f'stroke="{_COLOURS[-1]}" stroke-width="2"/>'
        )
    for at, line in enumerate(lines):
        colour = _colour(at, len(lines))
        points = " ".join(f"{x(a)},{y(b)}" for a, b in line)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts += [f'<circle cx="{x(a)}" cy="{y(b)}" r="3" fill="{colour}"/>' for a, b in line]
    return "".join(parts)


def _colour(at: int, of: int) -> str:
    """The last line, the student of all examples, always has the same colour."""
    return _COLOURS[-1] if at == of - 1 else _COLOURS[at % (len(_COLOURS) - 1)]
