"""A task of the lab as material: its tokens as words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.lab.distilling.material import Counts, Material, Pair, folded
from stillwatch.lab.tasks.task import Task
from stillwatch.lab.teachers.codec import Unspeakable, Words


def task_material(task: Task, counts: Counts, seed: int) -> Material:
    """Prompts drawn by `seed`; own examples are true ones, public texts about other knowledge."""
    words = Words(task.vocabulary)

    def drawn(count: int, part: int) -> list[str]:
        return [words.text(p) for p in task.prompts(count, np.random.default_rng([seed, part]))]

    held_out = tuple(dict.fromkeys(drawn(counts.held_out, 1)))
    kept_apart = set(held_out)
    asked, own = (
        tuple(prompt for prompt in dict.fromkeys(drawn(count, part)) if prompt not in kept_apart)
        for count, part in ((counts.asked, 2), (counts.own, 3))
    )
    public = (
        task.unrelated(counts.public, np.random.default_rng([seed, 4])) if counts.public else []
    )
    return Material(
        name=task.name,
        asked=asked,
        held_out=held_out,
        own=tuple(Pair(p, words.text(task.solve(words.prompt(p)))) for p in own),
        public=tuple(Pair(words.text(e.prompt), words.text(e.completion)) for e in public),
        longest=task.longest,
        checker=TaskChecker(task, words),
        codec=words,
    )


@dataclass(frozen=True)
class TaskChecker:
    """The task's own."""

    task: Task
    words: Words

    def right(self, prompt: str, answer: str) -> bool:
        """Whether its answer is right; not, where it can't be read."""
        try:
            return self.task.right(self.words.prompt(prompt), self.words.completion(answer))
        except Unspeakable:
            return False

    def said(self, answer: str) -> str:
        """What stands behind the word `answer`, without the reasoning."""
        return folded(answer.rpartition("answer")[2])
