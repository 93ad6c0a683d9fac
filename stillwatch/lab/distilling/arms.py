"""Arms of a run: students that differ in how many of the teacher's examples they saw.

One sees all, some see fewer, and one sees none: what it learns it learns from own examples, for
just as many steps. It is what a teacher's worth is counted from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.lab.distilling.material import Material
from stillwatch.lab.distilling.measuring import HeldOut, measured
from stillwatch.lab.distilling.mixing import mixed
from stillwatch.lab.distilling.recipe import Recipe
from stillwatch.lab.distilling.students import Student
from stillwatch.lab.folders import put_json, read_json
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.teachers.teacher import Weights
from stillwatch.lab.training import next_token_loss, train
from stillwatch.progress import Progress

BASELINE, FULL = "no_teacher", "all"


@dataclass(frozen=True)
class Arm:
    """One student, by what it sees of the teacher's `examples`."""

    name: str
    examples: int


@dataclass(frozen=True)
class Curriculum:
    """What arms learn from, by source."""

    own: Sequence[Example]
    teacher: Sequence[Example]
    public: Sequence[Example]


def arms_of(recipe: Recipe, examples: int) -> tuple[Arm, ...]:
    """From none to all."""
    fewer = sorted({n for n in recipe.fewer if n < examples})
    return (Arm(BASELINE, 0), *(Arm(str(n), n) for n in fewer), Arm(FULL, examples))


def points_of(folder: Path) -> list[dict[str, Any]]:
    """An arm's figures by step, as far as it has come."""
    path = folder / "points.json"
    return read_json(path) if path.exists() else []


def finished(folder: Path) -> bool:
    """Whether an arm's last figures are there."""
    points = points_of(folder)
    return bool(points) and bool(points[-1]["last"])


def trained(
    arm: Arm,
    folder: Path,
    student: Student,
    curriculum: Curriculum,
    teacher: Weights | None,
    held_out: HeldOut,
    material: Material,
    recipe: Recipe,
    watch: Progress,
    kept: Callable[[], None],
) -> None:
    """Train an arm's student in place, or go on with it; its points are left in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    schedule = recipe.schedule
    points = points_of(folder)
    taught = arm.examples > 0
    sources = {
        "own": curriculum.own,
        "teacher": curriculum.teacher[: arm.examples],
        "public": curriculum.public,
    }
    learns = any(sources.values())
    watch.start(f"training, {arm.examples} of the teacher's examples", schedule.steps, "steps")

    def at(done: int) -> None:
        if points and points[-1]["step"] >= done:
            return
        figures = measured(student.model, student.codec, held_out, material, 64)
        last = done == schedule.steps or not learns
        points.append({"step": done, "last": last, **figures.to_dict()})
        put_json(folder / "points.json", points)
        kept()

    if learns:
        batches = mixed(
            sources,
            _weights(recipe.mixture, sources),
            schedule.batch,
            schedule.seed,
            str(student.model.device),
        )

        def watched(step: int) -> Any:
            watch.advance(1)
            return batches(step)

        method = recipe.method
        loss = method.loss(teacher, material.longest, schedule.seed) if taught else next_token_loss
        train(
            student.model, watched, schedule, loss=loss, checkpoint=folder / "checkpoint.pt", at=at
        )
    else:
        at(0)
    watch.finish()


def _weights(
    mixture: Mapping[str, float] | None, sources: Mapping[str, Sequence[Example]]
) -> Mapping[str, float] | None:
    """The mixture, but for an arm that it leaves nothing: that sees what it has."""
    left = [name for name, weight in (mixture or {}).items() if weight > 0 and sources.get(name)]
    return mixture if left else None
