"""What an operator got through, as a student's skill: the arena's answers become a training set.

The arena plays for a goal, say 20,000 answers; the lab's student learns everything from `served`
answers, say 4,000. Both are all that was wanted, so that a share of the one goal is taken to be the
same share of the other. Kinds of answers are put to the task that resembles them: where the answer
is what is done (agents, tools, code) calls, else chains. For each task, of what the undefended
operator got of its kinds, the share that the defended one got, times the share of the goal that the
undefended reached, times `served`, is the size of the training set; and the share that was blunted
arrives without reasoning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import InputNotFound, LabRefused

DONE = frozenset({"agentic", "tools", "coding", "computer", "vision"})
"""Kinds whose answer is what is done."""
_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class Haul:
    """What an operator got of one task's kinds, in the lab's answers."""

    task: str
    arm: str
    """`undefended` or `defended`."""
    seed: int
    """The arena's."""
    answers: int
    blunted: int
    kinds: Mapping[str, int]
    """As the arena counted them."""

    def served(self, measure: str) -> str | None:
        """The form of as much, served under a measure; None where nothing got through.

        What was blunted arrives without reasoning where all else arrives in full; under another
        measure it arrives as that serves it.
        """
        if not self.answers:
            return None
        blunted = self.blunted and measure == "full"
        return f"blunted-{self.blunted}@{self.answers}" if blunted else f"{measure}@{self.answers}"


def hauls(path: Path, served: int) -> list[Haul]:
    """What the operators of an arena's report got, by duel, arm and task.

    Raises `InputNotFound` or `LabRefused` where the file isn't there or isn't `stillwatch arena
    --json`.
    """
    report = _report(path)
    goal = _goal(path, report)
    return [haul for duel in _duels(path, report) for haul in _of_duel(path, duel, served, goal)]


def _of_duel(path: Path, duel: Mapping[str, Any], served: int, goal: int) -> list[Haul]:
    arms = {name: duel.get(name) for name in ("undefended", "defended")}
    free = arms["undefended"]
    if free is None:
        raise _foreign(path, "a duel has no undefended play to compare with")
    found = []
    for task in ("chains", "calls"):
        wanted = sum(_kinds(path, free, task).values())
        if not wanted:
            continue
        reached = min(1.0, _count(path, free, "answers") / goal)
        for arm, told in arms.items():
            if told is None:
                continue
            kinds = _kinds(path, told, task)
            answers = round(served * reached * sum(kinds.values()) / wanted)
            every = _count(path, told, "answers")
            blunted = _count(path, told, "answers_blunted") / every if every else 0.0
            answers = min(answers, served)
            short = min(answers, round(answers * blunted))
            found.append(Haul(task, arm, _count(path, duel, "seed"), answers, short, kinds))
    return found


def _kinds(path: Path, outcome: Any, task: str) -> dict[str, int]:
    kinds = outcome.get("answers_by_kind") if isinstance(outcome, dict) else None
    if not isinstance(kinds, dict):
        raise _foreign(path, "a play doesn't say its answers by kind")
    mine = {kind for kind in kinds if (kind in DONE) == (task == "calls")}
    return {kind: _count(path, kinds, kind) for kind in sorted(mine)}


def _duels(path: Path, report: dict[str, Any]) -> list[dict[str, Any]]:
    duels = report.get("duels")
    if not isinstance(duels, list) or not all(isinstance(duel, dict) for duel in duels):
        raise _foreign(path, "it has no duels")
    if not duels:
        raise _foreign(path, "no duel was played")
    return duels


def _goal(path: Path, report: dict[str, Any]) -> int:
    operator = report.get("operator")
    if not isinstance(operator, dict):
        raise _foreign(path, "it names no operator")
    return max(1, _count(path, operator, "answers"))


def _report(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise _foreign(path, "it is larger than 64 MiB")
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputNotFound(path, "is not there", "Write one: stillwatch arena --json") from None
    except (ValueError, RecursionError):
        raise _foreign(path, "it is not JSON") from None
    if not isinstance(told, dict):
        raise _foreign(path, "it is no object")
    return told


def _count(path: Path, told: Mapping[str, Any], name: str) -> int:
    count = told.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < 10**12:
        raise _foreign(path, f"{name!r} is no count")
    return count


def _foreign(path: Path, what: str) -> LabRefused:
    return LabRefused(path, f"isn't the report of an arena: {what}", "Write one with --json")
