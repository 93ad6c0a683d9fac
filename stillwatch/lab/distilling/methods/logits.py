"""Logit distillation: at each token of an answer, the student is drawn to the teacher's whole view.

Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015
(https://arxiv.org/abs/1503.02531). Teacher and student must have the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from stillwatch.lab.distilling.divergences import Divergence
from stillwatch.lab.distilling.material import Checker
from stillwatch.lab.teachers.teacher import Answer, Teacher, Weights
from stillwatch.lab.training import Batch, Loss


@dataclass(frozen=True)
class LogitLevel:
    """`hard` is the share of plain cross-entropy in the loss."""

    divergence: Divergence = field(default_factory=Divergence)
    hard: float = 0.1
    temperature: float = 0.0
    name: ClassVar[str] = "logits"
    needs_logits: ClassVar[bool] = True

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
        """The divergence at labelled tokens, with some cross-entropy."""
        assert teacher is not None
        model = teacher.model

        def loss(student: PreTrainedModel, batch: Batch, step: int) -> Tensor:
            out = student(input_ids=batch.ids, attention_mask=batch.mask, labels=batch.labels)
            ours, theirs = at_labels(out.logits, batch), taught(model, batch)
            return self.hard * out.loss + (1 - self.hard) * self.divergence(ours, theirs)

        return loss


def taught(teacher: PreTrainedModel, batch: Batch) -> Tensor:
    """The teacher's logits for the labelled tokens, shape (labelled tokens, vocabulary)."""
    with torch.no_grad():
        out = teacher(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
        return at_labels(out.logits, batch)


def at_labels(logits: Tensor, batch: Batch) -> Tensor:
    """Rows of logits that tell a labelled token: each stands one place before it."""
    return logits[:, :-1][batch.labels[:, 1:] >= 0]
