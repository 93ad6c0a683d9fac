"""The comparison as a page of Markdown."""

from __future__ import annotations

from stillwatch.lab.uplift.figures import Comparison, Kept, Row
from stillwatch.lab.uplift.report import Report
from stillwatch.lab.uplift.verdict import overall, verdict

CAVEAT = (
    "These are percentages of toys: secrets of a hundred or so cells, repeated thousands of times "
    "in what is served, and operators that know the form of what is hidden. They rank measures and "
    "show which attacks work; they say nothing of how much of a real model's skill would be kept."
)


def page(report: Report, picture: str) -> str:
    """The whole page; `picture` is the file to show."""
    setting = report.setting
    head = [
        "# Uplift under countermeasures",
        "",
        f"Setting `{setting.name}`: {setting.served:,} answers served, {setting.own} examples of "
        f"the operator's own, {setting.test:,} prompts to test on.",
        "",
        CAVEAT,
        "",
        f"![Retained uplift against trace validity]({picture})",
    ]
    return "\n".join(head + [line for told in report.comparisons for line in _task(told)]) + "\n"


def _task(told: Comparison) -> list[str]:
    names = [kept.operator for kept in told.rows[0].kept] if told.rows else []
    seeds = ", ".join(str(seed) for seed in told.seeds)
    lines = [
        "",
        f"## {told.task}",
        "",
        f"Seeds {seeds}. Teacher {told.teacher:.1%}; student with its own examples only "
        f"{_range(told.own)}; of everything, undefended, {_range(told.full)}; form alone "
        f"{told.form_alone:.1%}.",
        "",
        overall(told),
        "",
        f"| measure | {' | '.join(names)} | kept, worst case | traces whole and true | "
        "answers right | slower |",
        f"|---|{'---|' * len(names)}---|---|---|---|",
    ]
    lines += [_line(row) for row in told.rows]
    lines += ["", *(f"- **{row.measure}** ({row.says}): {verdict(row)}" for row in told.rows)]
    tried = [(row.measure, kept) for row in told.rows for kept in row.kept if len(kept.tried) > 1]
    if tried:
        lines += [
            "",
            "What operators tried; what each chose, by answers set aside, is in bold:",
            "",
        ]
        lines += [f"- {measure}, {kept.operator}: {_tried(kept)}" for measure, kept in tried]
    return lines


def _line(row: Row) -> str:
    skills = " | ".join(f"{kept.skill.share:.3f}" for kept in row.kept)
    share = row.worst.retained
    kept = "-" if share is None else f"{share.share:.2f} ({share.low:.2f} to {share.high:.2f})"
    honest = row.honest
    valid = "withheld" if honest.valid is None else f"{honest.valid:.1%}"
    slower = "-" if honest.times_slower is None else f"{honest.times_slower:.1f} times"
    return f"| {row.measure} | {skills} | {kept} | {valid} | {honest.right:.1%} | {slower} |"


def _tried(kept: Kept) -> str:
    told = (
        f"**{name} {skill:.3f}**" if name in kept.lessons else f"{name} {skill:.3f}"
        for name, skill in kept.tried.items()
    )
    return ", ".join(told)


def _range(skill: object) -> str:
    share, low, high = (getattr(skill, name) for name in ("share", "low", "high"))
    return f"{share:.1%} ({low:.1%} to {high:.1%})"
