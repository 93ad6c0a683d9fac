"""One cell: a form served, an operator at work on it, and its student's test; kept as a file."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import LabRefused
from stillwatch.lab.operators.catalogue import operator_named
from stillwatch.lab.operators.operator import Holdings, Taught, chosen, taught
from stillwatch.lab.serving.catalogue import form_named
from stillwatch.lab.serving.form import Form, House, Served
from stillwatch.lab.uplift.bench import Bench

_PACED = 512
"""Answers drawn to measure the teacher's own pace."""


@dataclass(frozen=True)
class Key:
    """Which cell."""

    task: str
    seed: int
    measure: str
    operator: str

    def path(self, folder: Path) -> Path:
        """Its file."""
        return folder / "cells" / f"{self.task}-{self.seed}-{self.measure}-{self.operator}.json"


def work(bench: Bench, measure: str, operators: list[str], folder: Path) -> int:
    """Computes the cells of one form that aren't there; returns how many that were."""
    keys = [Key(bench.task_name, bench.seed, measure, operator) for operator in operators]
    missing = [key for key in keys if not key.path(folder).exists()]
    if not missing:
        return 0
    form = form_named(measure)
    served = form.serve(bench.house, bench.setting.served)
    cost = honest_cost(form, served, bench.house)
    for key in missing:
        write(key.path(folder), {**asdict(key), "honest": cost, **_cell(bench, served, key)})
    return len(missing)


def reference(bench: Bench, folder: Path) -> None:
    """The bench itself: the teacher, the base, and a student with only its own examples."""
    path = reference_path(folder, bench.task_name, bench.seed)
    if path.exists():
        return
    house = bench.house
    teacher, base = bench.hits(bench.teacher), bench.hits(bench.base)
    own = bench.hits(house.proxy)
    told = {"task": bench.task_name, "seed": bench.seed, "of": len(own), "hits": packed(own)}
    found = {"teacher": sum(teacher), "base": sum(base), "own": sum(own)}
    write(path, {**told, **found, "public": bench.knows_public(bench.base)})


def reference_path(folder: Path, task: str, seed: int) -> Path:
    """Where it is kept."""
    return folder / "cells" / f"{task}-{seed}.json"


def honest_cost(form: Form, served: Served, house: House) -> dict[str, Any]:
    """What honest customers pay: traces that aren't whole and true, wrong answers, waiting.

    `valid` is None where reasoning is withheld, for there is no trace to be false.
    """
    task, count = house.task, max(len(served.examples), 1)
    valid = sum(task.valid(each.prompt, each.completion) for each in served.examples)
    right = sum(task.right(each.prompt, each.completion) for each in served.examples)
    slower = None
    if form.forwards() and served.pace:
        plain = house.drawn(min(_PACED, count), 1.0).pace
        slower = None if plain is None else round(plain / served.pace, 3)
    return {
        "served": len(served.examples),
        "valid": None if form.withholds else valid / count,
        "right": right / count,
        "withholds": form.withholds,
        "truthful": form.truthful,
        "says": form.says,
        "forwards": form.forwards(),
        "times_slower": slower,
    }


def _cell(bench: Bench, served: Served, key: Key) -> dict[str, Any]:
    holdings = Holdings(
        bench.reader, bench.own, served, bench.classroom, bench.seed,
        bench.setting.effort,
    )  # fmt: skip
    began_s = time.process_time()
    students = taught(operator_named(key.operator), holdings)
    best, lessons = chosen(students), []
    hits: list[bool] = []
    for student in students:
        tested = _tested(bench, student)
        if student is best:
            hits = tested
        lessons.append(
            {
                "name": student.lesson.name,
                "examples": len(student.lesson.examples),
                "agreed": round(student.agreed, 4),
                "true": None if student.true is None else round(student.true, 4),
                "right": sum(tested),
                **student.lesson.figures,
            }
        )
    took_s = round(time.process_time() - began_s, 1)
    told = {"chosen": best.lesson.name, "right": sum(hits), "of": len(hits), "cpu_s": took_s}
    return {**told, "set_aside": holdings.aside, "lessons": lessons, "hits": packed(hits)}


def _tested(bench: Bench, student: Taught) -> list[bool]:
    """The student's hits, worked out once: many lessons come to the same student."""
    path = bench.folder / "students" / f"{student.digest}.json"
    if path.exists():
        return read(path)["hits"]
    hits = bench.hits(student.model)
    write(path, {"of": len(hits), "hits": packed(hits)})
    return hits


def write(path: Path, told: dict[str, Any]) -> None:
    """A JSON file, replaced at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}.writing")
    half.write_text(json.dumps(told, indent=1) + "\n")
    os.replace(half, path)


def read(path: Path) -> dict[str, Any]:
    """The file; raises `LabRefused` where it is none of ours."""
    try:
        told = json.loads(path.read_bytes())
        hits = unpacked(told["hits"], told["of"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as fault:
        what = f"this result can't be read ({type(fault).__name__})"
        raise LabRefused(path, what, "Remove it, and it is worked out anew") from None
    return {**told, "hits": hits}


def packed(hits: list[bool]) -> str:
    """Hits as text.

    >>> packed([True, False, False, False, True]), unpacked("11", 5)
    ('11', [True, False, False, False, True])
    """
    return f"{sum(hit << at for at, hit in enumerate(hits)):x}"


def unpacked(text: str, count: int) -> list[bool]:
    """The other way around."""
    bits = int(text, 16)
    if bits >> count:
        raise ValueError("more hits than there were prompts")
    return [bool(bits >> at & 1) for at in range(count)]
