"""What every cell of a comparison shares: a base, a teacher, its answers, and the test."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from stillwatch.lab.generating import generate
from stillwatch.lab.serving.form import House
from stillwatch.lab.small import small
from stillwatch.lab.tasks.catalogue import task_named
from stillwatch.lab.tasks.reading import Reader
from stillwatch.lab.tasks.task import Example, Task, Tokens
from stillwatch.lab.training import Schedule, batches_of, train
from stillwatch.lab.uplift.school import Classroom, loaded, save
from stillwatch.lab.uplift.setting import Setting

_CONTEXT = 96
_OWN, _SERVED, _TEST, _PUBLIC, _TEACHER, _PUBLIC_NEW = range(6)
_KNOWN, _PUBLIC_TEST, _AGAIN = 0.95, 200, 3


@dataclass(frozen=True)
class Bench:
    """One task with one seed, which draws the secret, the texts and the first weights alike."""

    setting: Setting
    task_name: str
    seed: int
    folder: Path
    desk: Path
    """Where this process keeps what is in the making."""

    @cached_property
    def task(self) -> Task:
        """With its secret."""
        return task_named(self.task_name, self.seed)[0]

    @cached_property
    def reader(self) -> Reader:
        """Of the task's completions."""
        return task_named(self.task_name, self.seed)[1]

    @cached_property
    def own(self) -> list[Example]:
        """The operator's own examples, solved by a person."""
        return self._solved(self.setting.own, _OWN)

    @cached_property
    def public(self) -> list[Example]:
        """Texts of the same form about other knowledge."""
        return self.task.unrelated(self.setting.public, self._random(_PUBLIC))

    @cached_property
    def test(self) -> list[Tokens]:
        """Prompts that no student has seen."""
        return self.task.prompts(self.setting.test, self._random(_TEST))

    @cached_property
    def base(self) -> PreTrainedModel:
        """A model that knows the form from public texts.

        Some first weights find it later than others, and a student of a base that hasn't learns
        the form first, not the secret; so it goes on, a few times, until it knows new public texts.
        """
        setting = self.setting
        schedule = Schedule(setting.base_steps, setting.batch, rate=3e-3, seed=self.seed)
        model = self._trained("base", None, lambda: self.public, schedule)
        for again in range(1, _AGAIN + 1):
            if self.knows_public(model) >= _KNOWN:
                break
            more = replace(schedule, steps=setting.base_steps // 2, seed=self.seed + 1_000 * again)
            model = self._trained(f"base-{again}", model, lambda: self.public, more)
        return model

    @cached_property
    def teacher(self) -> PreTrainedModel:
        """The base, trained further on the secret."""
        setting = self.setting
        schedule = Schedule(setting.teacher_steps, setting.batch, seed=self.seed)
        return self._trained("teacher", self.base, self._secret_lessons, schedule)

    @cached_property
    def classroom(self) -> Classroom:
        """Where students are trained."""
        setting = self.setting
        schedule = Schedule(setting.student_steps, setting.batch, seed=self.seed)
        students = self.folder / "students"
        return Classroom(self.base, students, self.desk, schedule, self.task.longest)

    @cached_property
    def house(self) -> House:
        """The teacher with its undefended answers; its proxy is a student that nobody taught."""
        prompts = self.task.prompts(self.setting.served, self._random(_SERVED))
        said = generate(self.teacher, prompts, self.task.longest)
        clean = [Example(*pair) for pair in zip(prompts, said, strict=True)]
        proxy = self.classroom.student(self.own)
        return House(self.task, self.reader, self.teacher, proxy, self.seed, clean)

    def knows_public(self, model: PreTrainedModel) -> float:
        """Share of public prompts, new ones, that `model` answers as they are answered."""
        new = self.task.unrelated(_PUBLIC_TEST, self._random(_PUBLIC_NEW))
        said = generate(model, [example.prompt for example in new], self.task.longest)
        same = (told == each.completion for told, each in zip(said, new, strict=True))
        return sum(same) / len(new)

    def hits(self, model: PreTrainedModel) -> list[bool]:
        """Which of the test's prompts `model` answers rightly."""
        said = generate(model, self.test, self.task.longest)
        return [self.task.right(*pair) for pair in zip(self.test, said, strict=True)]

    def _secret_lessons(self) -> list[Example]:
        return self._solved(self.setting.teacher_prompts, _TEACHER)

    def _solved(self, count: int, stream: int) -> list[Example]:
        prompts = self.task.prompts(count, self._random(stream))
        return [Example(prompt, self.task.solve(prompt)) for prompt in prompts]

    def _random(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, 31])

    def _trained(
        self,
        name: str,
        begun: PreTrainedModel | None,
        lessons: Callable[[], list[Example]],
        schedule: Schedule,
    ) -> PreTrainedModel:
        done, half = self.folder / f"{name}.pt", self.folder / f"{name}.half.pt"
        tokens, size = len(self.task.vocabulary.tokens), self.setting.size
        model = small(tokens, _CONTEXT, size, self.seed) if begun is None else copy.deepcopy(begun)
        if done.exists():
            return loaded(model, done)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.desk.mkdir(parents=True, exist_ok=True)
        batches = batches_of(lessons(), schedule.batch, schedule.seed)
        train(model, batches, schedule, checkpoint=half)
        save(model, done, self.desk)
        half.unlink(missing_ok=True)
        return model
