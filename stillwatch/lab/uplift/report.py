"""The comparison as figures: by task and measure what each operator keeps, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.lab.operators.adaptive import SOLVED
from stillwatch.lab.uplift.cells import Key, read, reference_path
from stillwatch.lab.uplift.figures import Comparison, Honest, Kept, Row, Skill
from stillwatch.lab.uplift.retained import over_several, over_test, retained
from stillwatch.lab.uplift.setting import Setting
from stillwatch.lab.uplift.sweep import REFERENCE, Plan
from stillwatch.lab.uplift.verdict import overall, verdict


@dataclass(frozen=True)
class Report:
    """All tasks of a setting."""

    setting: Setting
    comparisons: tuple[Comparison, ...]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, with the verdicts in words."""
        tasks = []
        for comparison in self.comparisons:
            told = asdict(comparison)
            for row, plain in zip(comparison.rows, told["rows"], strict=True):
                plain["verdict"] = verdict(row)
            tasks.append({**told, "verdict": overall(comparison)})
        return {"setting": self.setting.to_dict(), "tasks": tasks}


def gathered(plan: Plan, folder: Path) -> Report:
    """The report of a plan whose cells are all there; raises `LabRefused` where one is not."""
    return Report(
        plan.setting,
        tuple(_comparison(plan, folder, task, found) for task, found in plan.measures.items()),
    )


def _comparison(plan: Plan, folder: Path, task: str, measures: Sequence[str]) -> Comparison:
    base = [read(reference_path(folder, task, seed)) for seed in plan.seeds]
    full = [read(Key(task, seed, REFERENCE, "passive").path(folder)) for seed in plan.seeds]
    own, undefended = [cell["hits"] for cell in base], [cell["hits"] for cell in full]
    rows = []
    for measure in measures:
        cells = {
            operator: [read(Key(task, seed, measure, operator).path(folder)) for seed in plan.seeds]
            for operator in plan.operators
        }
        rows.append(_row(measure, cells, own, undefended))
    tests = [cell["of"] for cell in base]
    return Comparison(
        task,
        plan.seeds,
        _mean(cell["teacher"] / of for cell, of in zip(base, tests, strict=True)),
        _mean(cell["base"] / of for cell, of in zip(base, tests, strict=True)),
        Skill.of(own),
        Skill.of(undefended),
        tuple(rows),
    )


def _row(
    measure: str,
    cells: dict[str, list[dict[str, Any]]],
    own: list[list[bool]],
    full: list[list[bool]],
) -> Row:
    kept = tuple(_kept(operator, found, own, full) for operator, found in cells.items())
    # the worst case is taken seed by seed, since an operator knows how its own student did
    by_seed = [
        max(found, key=lambda cell: sum(cell["hits"]))
        for found in zip(*cells.values(), strict=True)
    ]
    names = dict.fromkeys(cell["operator"] for cell in by_seed)
    honest = [cell["honest"] for cell in next(iter(cells.values()))]
    return Row(
        measure,
        honest[0]["says"],
        kept,
        _kept(" or ".join(names), by_seed, own, full),
        _formless(kept, own, full),
        _honest(honest),
    )


def _kept(
    operator: str,
    cells: Sequence[dict[str, Any]],
    own: list[list[bool]],
    full: list[list[bool]],
) -> Kept:
    hits = [cell["hits"] for cell in cells]
    tried: dict[str, list[float]] = {}
    for cell in cells:
        for lesson in cell["lessons"]:
            tried.setdefault(lesson["name"], []).append(lesson["right"] / cell["of"])
    if len(hits) == 1:
        share = over_test(hits[0], own[0], full[0])
    else:
        each = zip(hits, own, full, strict=True)
        share = over_several([retained(*(float(np.mean(row)) for row in rows)) for rows in each])
    return Kept(
        operator,
        Skill.of(hits),
        share,
        tuple(cell["chosen"] for cell in cells),
        {name: _mean(shares) for name, shares in tried.items()},
    )


def _formless(kept: Sequence[Kept], own: list[list[bool]], full: list[list[bool]]) -> float | None:
    tried = [skill for each in kept for lesson, skill in each.tried.items() if lesson != SOLVED]
    return retained(max(tried), float(np.mean(own)), float(np.mean(full))) if tried else None


def _honest(costs: list[dict[str, Any]]) -> Honest:
    first = costs[0]
    valid = None if first["valid"] is None else _mean(cost["valid"] for cost in costs)
    slower = [cost["times_slower"] for cost in costs if cost["times_slower"] is not None]
    return Honest(
        valid,
        _mean(cost["right"] for cost in costs),
        first["withholds"],
        first["truthful"],
        first["forwards"],
        round(_mean(slower), 2) if slower else None,
    )


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
