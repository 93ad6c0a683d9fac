"""The card: what was distilled, from whom, by what right, with what, and what came of it.

No text of prompts or answers stands in it, only how many there were and their digests.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers

import stillwatch
from stillwatch.lab.distilling.arms import Arm
from stillwatch.lab.distilling.material import Material
from stillwatch.lab.distilling.measuring import Figures
from stillwatch.lab.distilling.recipe import Recipe
from stillwatch.lab.teachers.teacher import Identity
from stillwatch.reports import Document, as_markdown
from stillwatch.reports.document import Bullets, Paragraph, Section, Table

NOT_FOR = (
    "To tell how larger models, other tasks or other data would come out: figures are of this "
    "student, on held-out prompts of the same kind as those it learned from.",
    "To serve people without tests of one's own: nothing here measures safety, bias or truth "
    "outside the subject, and a student takes over its teacher's faults.",
    "To pass over the teacher's licence or terms, which hold for the student as well.",
)


@dataclass(frozen=True)
class Told:
    """All that a card is made of. `points` are figures by step for each arm, none to all."""

    recipe: Recipe
    teacher: Identity
    begun: Identity
    student: Identity
    material: Material
    answers: Sequence[str]
    learned: Mapping[str, int]
    left_out: Mapping[str, int]
    held_out: int
    held_out_unfit: int
    unanswered: Sequence[str]
    teacher_figures: Figures
    points: Mapping[Arm, Sequence[Mapping[str, Any]]]
    device: str
    seconds: Mapping[str, float]


def card_of(told: Told) -> dict[str, Any]:
    """The card as one JSON document."""
    material, recipe = told.material, told.recipe
    arms = list(told.points.items())
    curve = {
        "teacher": told.teacher_figures.to_dict(),
        "by_step": {arm.name: list(points) for arm, points in arms},
        "by_examples": [{"examples": arm.examples, **points[-1]} for arm, points in arms],
    }
    baseline, full = arms[0][1], arms[-1][1]
    return {
        "kind": "stillwatch distillation card",
        "teacher": told.teacher.to_dict(),
        "right": recipe.right,
        "student_before": told.begun.to_dict(),
        "student": told.student.to_dict(),
        "method": recipe.to_dict()["method"],
        "recipe": recipe.to_dict(),
        "data": {
            "subject": material.name,
            "asked": _counted(material.asked),
            "answers": _counted(told.answers),
            "learned_from": dict(told.learned),
            "left_out": dict(told.left_out),
            "unanswered": len(told.unanswered),
            "held_out": _counted(material.held_out),
            "measured_on": told.held_out,
            "held_out_unfit": told.held_out_unfit,
            "own": _counted(f"{pair.prompt}\n{pair.answer}" for pair in material.own),
            "public": _counted(f"{pair.prompt}\n{pair.answer}" for pair in material.public),
            "put_aside": len(material.put_aside),
            "put_aside_first": list(material.put_aside[:20]),
        },
        "figures": {
            "teacher": told.teacher_figures.to_dict(),
            "no_teacher": dict(baseline[-1]),
            "no_teacher_best": _best(baseline),
            "student": dict(full[-1]),
            "gap_closed": _gap_closed(told.teacher_figures.to_dict(), baseline, full),
        },
        "curve": curve,
        "not_for": list(NOT_FOR),
        "made_with": {
            "stillwatch": stillwatch.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "device": told.device,
            "threads": torch.get_num_threads(),
            "seed": recipe.seed,
            "seconds": dict(told.seconds),
        },
    }


def card_text(card: Mapping[str, Any]) -> str:
    """The card for people, as Markdown."""
    figures, data, made = card["figures"], card["data"], card["made_with"]
    teacher, student = card["teacher"], card["student"]
    rows = tuple(
        (title, *_row(figures[name]))
        for title, name in (
            ("Teacher", "teacher"),
            ("No teacher, at the end", "no_teacher"),
            ("No teacher, at its best", "no_teacher_best"),
            ("Student", "student"),
        )
    )
    by_examples = tuple(
        (f"{row['examples']:,}", *_row(row)) for row in card["curve"]["by_examples"]
    )
    head = ("Loss", "Right", "Agrees with the teacher")
    counts = tuple(
        f"{name.replace('_', ' ')}: {data[name]['count']:,} (SHA-256 {data[name]['sha256'][:16]})"
        for name in ("asked", "answers", "held_out", "own", "public")
    )
    left = ", ".join(f"{n:,} for {why}" for why, n in data["left_out"].items()) or "none"
    sections = (
        Section(
            "Who",
            (
                Bullets(
                    (
                        f"Teacher: {teacher['name']} ({teacher['kind']}), {_size(teacher)}",
                        f"Student: {_size(student)}; begun as {card['student_before']['kind']}",
                        f"Right to distil it: {card['right'] or 'not asserted'}",
                    )
                ),
            ),
        ),
        Section(
            "What came of it",
            (
                Table("On held-out prompts, with 95% intervals", ("Who", *head), rows, (1,)),
                Paragraph(_worth(figures["gap_closed"])),
                Table("By the teacher's examples", ("Examples", *head), by_examples, (0, 1)),
            ),
        ),
        Section(
            "From what",
            (
                Bullets(
                    (
                        f"Subject: {data['subject']}",
                        *counts,
                        "learned from: "
                        + ", ".join(f"{n:,} of {name}" for name, n in data["learned_from"].items())
                        + f"; left out: {left}; "
                        f"unanswered: {data['unanswered']:,}; put aside: {data['put_aside']:,}",
                    )
                ),
            ),
        ),
        Section(
            "How",
            (
                Bullets(
                    (
                        "Method: " + ", ".join(f"{k} {v}" for k, v in card["method"].items()),
                        "Schedule: "
                        + ", ".join(f"{k} {v}" for k, v in card["recipe"]["schedule"].items()),
                        ", ".join(f"{name} {value}" for name, value in made.items()),
                    )
                ),
            ),
        ),
        Section("What it must not be used for", (Bullets(tuple(card["not_for"])),)),
    )
    subtitle = f"{teacher['name']} taught a student of {student['weights']:,} weights"
    return as_markdown(Document("Distillation card", subtitle, None, sections))


def skill(point: Mapping[str, Any]) -> Mapping[str, float] | None:
    """The share that tells most: right answers, where somebody knows, else agreement."""
    return point["accuracy"] or point["agreement"]


def _best(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The best of each figure by step, chosen on the held-out prompts: a baseline's benefit."""
    best = max(points, key=lambda point: (skill(point) or {"share": 0.0})["share"])
    return dict(best) | {"loss": min(point["loss"] for point in points)}


def _gap_closed(
    teacher: Mapping[str, Any],
    baseline: Sequence[Mapping[str, Any]],
    full: Sequence[Mapping[str, Any]],
) -> float | None:
    """(student - no teacher at its best) / (teacher - that); None without a gap."""
    top, low, got = skill(teacher), skill(_best(baseline)), skill(full[-1])
    if top is None or low is None or got is None or top["share"] <= low["share"]:
        return None
    return (got["share"] - low["share"]) / (top["share"] - low["share"])


def _counted(texts: Iterable[str]) -> dict[str, Any]:
    digest, count = hashlib.sha256(), 0
    for text in texts:
        digest.update(f"{len(text)}\n{text}\n".encode("utf-8", "surrogatepass"))
        count += 1
    return {"count": count, "sha256": digest.hexdigest()}


def _row(figures: Mapping[str, Any]) -> tuple[str, str, str]:
    loss = "–" if figures["loss"] is None else f"{figures['loss']:.3f}"
    return loss, _share(figures["accuracy"]), _share(figures["agreement"])


def _share(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "not known"
    return f"{found['share']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _size(identity: Mapping[str, Any]) -> str:
    weights = identity["weights"]
    size = "weights elsewhere" if weights is None else f"{weights:,} weights"
    return f"{size}, digest {identity['digest'][:16]}"


def _worth(gap: float | None) -> str:
    if gap is None:
        return "The teacher is no better than what its student reaches without it."
    return f"Of the gap between no teacher, at its best, and the teacher, {gap:.0%} is closed."
