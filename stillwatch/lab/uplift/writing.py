"""Writes a comparison down: figures, a page, a picture; and an arena's hauls as skill."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillwatch.lab.uplift.cells import write
from stillwatch.lab.uplift.figures import Comparison
from stillwatch.lab.uplift.page import page
from stillwatch.lab.uplift.picture import picture
from stillwatch.lab.uplift.report import Report
from stillwatch.lab.uplift.yields import Haul


def written(report: Report, found: Sequence[tuple[Haul, str]], folder: Path) -> dict[str, Any]:
    """Writes uplift.json, uplift.md and uplift.svg; returns the first as a document.

    `found` are an arena's hauls, each with a measure that it is served under.
    """
    document = report.to_dict()
    if found:
        document["arena"] = skills(report, found)
    write(folder / "uplift.json", document)
    _replace(folder / "uplift.svg", picture(report))
    said = page(report, "uplift.svg")
    if found:
        lines = (f"- {line['says']}" for line in document["arena"])
        said += "\n## What the arena's operator got\n\n" + "\n".join(lines) + "\n"
    _replace(folder / "uplift.md", said)
    return document


def skills(report: Report, found: Sequence[tuple[Haul, str]]) -> list[dict[str, Any]]:
    """Each haul with the skill that the best of the operators' students has of it.

    Who got nothing has the skill of its own examples.
    """
    tasks = {comparison.task: comparison for comparison in report.comparisons}
    return [
        _skill(tasks[haul.task], haul, measure) for haul, measure in found if haul.task in tasks
    ]


def _skill(comparison: Comparison, haul: Haul, measure: str) -> dict[str, Any]:
    rows = {row.measure: row for row in comparison.rows}
    name = haul.served(measure)
    if name is None:
        skill, retained = comparison.own, 0.0
    else:
        worst = rows[name].worst
        skill, retained = worst.skill, worst.retained and worst.retained.share
    got = sum(haul.kinds.values())
    kept = "" if retained is None else f", {retained:.0%} of the uplift"
    # under another measure all arrive as that serves them
    bare = f", {haul.blunted:,} of them without reasoning" if measure == "full" else ""
    through = f"{got:,} answers ({', '.join(haul.kinds)}), here {haul.answers:,}{bare}"
    if name is None:
        through, kept = "next to nothing got through", " of its own examples alone"
    says = (
        f"{comparison.task}, arena seed {haul.seed}, {haul.arm}, served {measure}: {through}: "
        f"skill {skill.share:.3f} ({skill.low:.3f} to {skill.high:.3f}){kept}"
    )
    return {
        "task": haul.task,
        "arm": haul.arm,
        "measure": measure,
        "seed": haul.seed,
        "kinds": dict(haul.kinds),
        "answers": haul.answers,
        "blunted": haul.blunted,
        "skill": skill.share,
        "low": skill.low,
        "high": skill.high,
        "retained": retained,
        "says": says,
    }


def _replace(path: Path, text: str) -> None:
    half = path.with_suffix(f"{path.suffix}.writing")
    half.write_text(text)
    os.replace(half, path)
