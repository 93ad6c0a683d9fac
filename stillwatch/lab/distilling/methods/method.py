"""What a method is: which of the teacher's answers are learned from, and at what loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from stillwatch.lab.distilling.material import Checker
from stillwatch.lab.teachers.teacher import Answer, Teacher, Weights
from stillwatch.lab.training import Loss


class Method(Protocol):
    """A frozen dataclass of its parameters."""

    name: ClassVar[str]
    needs_logits: ClassVar[bool]
    """Whether the teacher's weights are needed, in tokens that are the student's too."""

    @property
    def samples(self) -> int:
        """How many answers a prompt is given."""
        ...

    @property
    def temperature(self) -> float:
        """At which the teacher's answers are drawn."""
        ...

    def chosen(
        self, prompt: str, answers: Sequence[Answer], checker: Checker, teacher: Teacher
    ) -> Answer | None:
        """The answer to learn from; None where none will do."""
        ...

    def loss(self, teacher: Weights | None, longest: int, seed: int) -> Loss:
        """What the student is trained to lessen; answers have `longest` tokens at most."""
        ...
