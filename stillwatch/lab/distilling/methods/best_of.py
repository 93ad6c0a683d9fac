"""The best of k answers: the teacher is asked several times, and one answer is learned from.

Where the subject knows what is right, a right answer is taken (the likeliest one, where the
teacher's weights are here; else the first), and a prompt without any is left out: rejection
sampling, as in Yuan et al. 2023 (https://arxiv.org/abs/2308.01825). Where nobody knows, the
answer that the teacher holds likeliest per token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.material import Checker
from stillwatch.lab.distilling.measuring import token_losses
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.teachers.teacher import Answer, Teacher, Weights
from stillwatch.lab.training import Loss, next_token_loss


@dataclass(frozen=True)
class BestOf:
    """Of `samples` answers, drawn at `temperature`."""

    samples: int = 4
    temperature: float = 0.8
    name: ClassVar[str] = "best_of"
    needs_logits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 2 <= self.samples <= 64 or self.temperature <= 0:
            what = "takes 2 to 64 answers, drawn at a temperature above 0"
            raise LabRefused("best_of", what, "Correct --samples and --temperature")

    def chosen(
        self, prompt: str, answers: Sequence[Answer], checker: Checker, teacher: Teacher
    ) -> Answer | None:
        """Raises `LabRefused` where neither a checker nor the teacher's weights can say."""
        verdicts = [checker.right(prompt, answer.text) for answer in answers]
        judged = any(verdict is not None for verdict in verdicts)
        if not judged and teacher.weights is None:
            what = "nothing says which answer is best: no checker, and a teacher without logits"
            raise LabRefused("best_of", what, "Give answers with the prompts, or use sequence")
        good = [a for a, verdict in zip(answers, verdicts, strict=True) if verdict or not judged]
        if len(good) < 2 or teacher.weights is None:
            return good[0] if good else None
        return _likeliest(prompt, good, teacher.weights)

    def loss(self, teacher: Weights | None, longest: int, seed: int) -> Loss:
        """Cross-entropy of the answers' tokens."""
        return next_token_loss


def _likeliest(prompt: str, answers: Sequence[Answer], teacher: Weights) -> Answer:
    different = list(dict.fromkeys(answers))
    if len(different) == 1:
        return different[0]
    codec = teacher.codec
    asked = codec.prompt(prompt)
    examples = [Example(asked, codec.completion(a.text, ended=a.ended)) for a in different]
    with torch.inference_mode():
        losses = token_losses(teacher.model, examples)
    return different[min(range(len(different)), key=lambda place: losses[place])]
