"""What a served form is, what it is made from, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from transformers import LogitsProcessorList, PreTrainedModel

from stillwatch.lab.generating import generate
from stillwatch.lab.tasks.reading import Parts, Reader
from stillwatch.lab.tasks.task import Example, Task, Tokens
from stillwatch.lab.training import Batch

LogProbabilities = Callable[[Batch], torch.Tensor]
"""The teacher's log-probabilities of the tokens of a batch, (texts, length, vocabulary), as an API
tells them: those of the likeliest few, -inf elsewhere."""


@dataclass(frozen=True)
class House:
    """Who serves: a teacher, and its guess at what a student looks like before it learns."""

    task: Task
    reader: Reader
    teacher: PreTrainedModel
    proxy: PreTrainedModel
    seed: int
    clean: Sequence[Example] = field(repr=False, default=())
    """What the teacher answers when nothing is done to it."""

    def asked(self, count: int) -> list[Tokens]:
        """The first prompts that customers ask."""
        return [example.prompt for example in self.clean[:count]]

    def drawn(
        self,
        count: int,
        temperature: float,
        processors: Callable[[], LogitsProcessorList] | None = None,
    ) -> Served:
        """The teacher's answers at a temperature, its logits seen by `processors` first."""
        prompts, began_s = self.asked(count), time.process_time()
        completions = generate(
            self.teacher, prompts, self.task.longest, seed=self.seed, temperature=temperature,
            processors=None if processors is None else processors(),
        )  # fmt: skip
        took_s = time.process_time() - began_s
        examples = [Example(*pair) for pair in zip(prompts, completions, strict=True)]
        return Served(examples, seconds=took_s)


@dataclass(frozen=True)
class Served:
    """What customers got. `told` is how a form shortens an answer, for whoever wants to undo it."""

    examples: list[Example]
    told: Callable[[Parts], Parts] | None = None
    log_probabilities: LogProbabilities | None = None
    seconds: float = 0.0
    """Processor time that drawing took; 0 where nothing was drawn anew."""

    @property
    def pace(self) -> float | None:
        """Tokens a second of processor time, where they were drawn."""
        tokens = sum(len(example.completion) for example in self.examples)
        return tokens / self.seconds if self.seconds else None


class Form(Protocol):
    """One countermeasure, as it is served."""

    @property
    def name(self) -> str:
        """As it is asked for."""
        ...

    @property
    def says(self) -> str:
        """What it does, in a few words."""
        ...

    @property
    def withholds(self) -> str:
        """What honest customers don't get; empty where they get all."""
        ...

    @property
    def truthful(self) -> bool:
        """False where it makes reasoning false; such a form is never on by default."""
        ...

    def forwards(self) -> int:
        """Passes of a small model for each token, beside the teacher's."""
        ...

    def serve(self, house: House, count: int) -> Served:
        """The first `count` of what is asked, answered."""
        ...
