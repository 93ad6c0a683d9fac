"""Asking the teacher, a chunk of prompts at a time; what was answered once is never asked again.

A chunk's file is there as a whole or not at all, and what it holds depends on recipe and chunk
alone, so a killed run goes on with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import LabRefused
from stillwatch.lab.folders import put_json, read_json
from stillwatch.lab.teachers.teacher import Answer, Draw, Reply, Teacher, Unanswered
from stillwatch.progress import Progress


@dataclass(frozen=True)
class Asked:
    """Prompts that were answered, with all answers to each; why others weren't."""

    prompts: tuple[str, ...]
    answers: tuple[tuple[Answer, ...], ...]
    unanswered: tuple[str, ...]


def ask(
    teacher: Teacher,
    prompts: Sequence[str],
    draw: Draw,
    samples: int,
    folder: Path,
    watch: Progress,
    kept: Callable[[], None] = lambda: None,
) -> Asked:
    """Replies to all prompts, `samples` each; `kept` is called after each chunk.

    A prompt with no usable reply is left out. Raises `LabRefused` where that is every one of them,
    or a chunk's file is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = max(1, teacher.at_once)
    answered: list[tuple[str, tuple[Answer, ...]]] = []
    unanswered: list[str] = []
    watch.start(f"asking {teacher.identity.name}", len(prompts), "prompts")
    for number, start in enumerate(range(0, len(prompts), size)):
        chunk = prompts[start : start + size]
        path = folder / f"{number:06d}.json"
        if not path.exists():
            seeds = (draw.seed * 1_000_003 + number * samples + j for j in range(samples))
            draws = [Draw(draw.longest, draw.temperature, seed) for seed in seeds]
            replies = zip(*(teacher.answers(chunk, one) for one in draws), strict=True)
            rows = [_row(*pair) for pair in zip(chunk, replies, strict=True)]
            put_json(path, rows)
            kept()
        for prompt, (answers, faults) in zip(chunk, _rows(path, chunk), strict=True):
            if answers:
                answered.append((prompt, answers))
            else:
                unanswered.append(f"prompt {start + 1} and on: {faults[0]}" if faults else "")
        watch.advance(len(chunk))
    watch.finish()
    if not answered:
        what = f"none of {len(prompts)} prompts was answered"
        why = f"; {unanswered[0]}" if unanswered else ""
        raise LabRefused(teacher.identity.name, what + why, "Look at teacher and prompts")
    prompts_, answers_ = zip(*answered, strict=True)
    return Asked(prompts_, answers_, tuple(unanswered))


def _row(prompt: str, replies: Sequence[Reply]) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "answers": [[r.text, r.ended] for r in replies if isinstance(r, Answer)],
        "faults": [r.reason for r in replies if isinstance(r, Unanswered)],
    }


def _rows(path: Path, chunk: Sequence[str]) -> list[tuple[tuple[Answer, ...], list[str]]]:
    try:
        rows = read_json(path)
        if [row["prompt"] for row in rows] != list(chunk):
            raise ValueError
        return [
            (tuple(Answer(str(text), bool(ended)) for text, ended in row["answers"]), row["faults"])
            for row in rows
        ]
    except (ValueError, KeyError, TypeError):
        what = "isn't what the teacher answered to these prompts"
        raise LabRefused(path, what, "Remove it, and they are asked again") from None
