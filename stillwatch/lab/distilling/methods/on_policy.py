"""On-policy distillation: the student answers, and the teacher's logits on that are what it learns.

Agarwal et al., On-Policy Distillation of Language Models: Learning from Self-Generated Mistakes,
2023 (https://arxiv.org/abs/2306.13649): with probability lambda a step's completions are the
student's own, else the teacher's; the sampling itself has no gradient. Whether, and what is drawn,
depends on seed, step and the student of that step, so that a killed run goes on exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel

from stillwatch.lab.distilling.divergences import Divergence
from stillwatch.lab.distilling.material import Checker
from stillwatch.lab.distilling.methods.logits import at_labels, taught
from stillwatch.lab.generating import generate
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.teachers.teacher import Answer, Teacher, Weights
from stillwatch.lab.training import Batch, Loss, collated


@dataclass(frozen=True)
class OnPolicy:
    """`own` is the paper's lambda, the share of steps on the student's own completions."""

    divergence: Divergence = field(default_factory=lambda: Divergence("js"))
    own: float = 0.5
    draws_at: float = 1.0
    """The temperature of the student's completions."""
    temperature: float = 0.0
    name: ClassVar[str] = "on_policy"
    needs_logits: ClassVar[bool] = True

    @property
    def samples(self) -> int:
        """One answer a prompt."""
        return 1

    def chosen(
        self, prompt: str, answers: Sequence[Answer], checker: Checker, teacher: Teacher
    ) -> Answer | None:
        """The one there is, for steps off policy."""
        return answers[0]

    def loss(self, teacher: Weights | None, longest: int, seed: int) -> Loss:
        """The divergence on the student's completions or on the batch's."""
        assert teacher is not None
        model = teacher.model

        def loss(student: PreTrainedModel, batch: Batch, step: int) -> Tensor:
            if np.random.default_rng([seed, step, 1]).random() < self.own:
                batch = self._own(student, batch, longest, seed * 1_000_003 + step)
            logits = student(input_ids=batch.ids, attention_mask=batch.mask).logits
            return self.divergence(at_labels(logits, batch), taught(model, batch))

        return loss

    def _own(self, student: PreTrainedModel, batch: Batch, longest: int, seed: int) -> Batch:
        prompts = prompts_of(batch)
        student.eval()
        said = generate(
            student, prompts, longest, seed=seed, temperature=self.draws_at, padded=True
        )
        student.train()
        examples = [Example(*pair) for pair in zip(prompts, said, strict=True)]
        return collated(examples, str(batch.ids.device))


def prompts_of(batch: Batch) -> list[tuple[int, ...]]:
    """What stands before the first labelled token of each row."""
    starts = (batch.labels >= 0).int().argmax(dim=1).tolist()
    return [tuple(row[:start]) for row, start in zip(batch.ids.tolist(), starts, strict=True)]
