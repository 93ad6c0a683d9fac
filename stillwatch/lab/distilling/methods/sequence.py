"""Sequence-level distillation: the teacher's answers are texts like any other.

Kim and Rush, Sequence-Level Knowledge Distillation, 2016 (https://arxiv.org/abs/1606.07947). It
needs nothing but texts, so it works between any two models, and through an API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stillwatch.lab.distilling.material import Checker
from stillwatch.lab.teachers.teacher import Answer, Teacher, Weights
from stillwatch.lab.training import Loss, next_token_loss


@dataclass(frozen=True)
class SequenceLevel:
    """One answer a prompt, the teacher's likeliest by default."""

    temperature: float = 0.0
    name: ClassVar[str] = "sequence"
    needs_logits: ClassVar[bool] = False

    @property
    def samples(self) -> int:
        """One answer a prompt."""
        return 1

    def chosen(
        self, prompt: str, answers: Sequence[Answer], checker: Checker, teacher: Teacher
    ) -> Answer | None:
        """The one there is."""
        return answers[0]

    def loss(self, teacher: Weights | None, longest: int, seed: int) -> Loss:
        """Cross-entropy of the answers' tokens."""
        return next_token_loss
