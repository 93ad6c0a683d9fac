"""What an operator has, what it does with it, and how it chooses without seeing the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from transformers import PreTrainedModel

from stillwatch.lab.serving.form import LogProbabilities, Served
from stillwatch.lab.tasks.reading import Parts, Reader
from stillwatch.lab.tasks.task import Example, Tokens

OWN_WEIGHT = 1_000
"""Votes of a claim in one's own examples, which are known to be true."""


class School(Protocol):
    """Where students are trained, all alike, from one base."""

    def student(
        self, examples: Sequence[Example], told: LogProbabilities | None = None
    ) -> PreTrainedModel:
        """A base model that has learned from `examples`, by log-probabilities where told."""
        ...

    def drawn(
        self, model: PreTrainedModel, prompts: Sequence[Tokens], temperature: float, seed: int
    ) -> list[Tokens]:
        """What a model says; the likeliest at temperature 0."""
        ...


@dataclass(frozen=True)
class Effort:
    """How hard an operator tries: rounds of inverting, prompts in each, traces drawn for each."""

    rounds: int = 2
    prompts: int = 1_500
    traces: int = 4


@dataclass(frozen=True)
class Holdings:
    """What an operator has: its own solved examples, public texts, and what it was served."""

    reader: Reader
    own: Sequence[Example]
    public: Sequence[Example]
    served: Served
    school: School
    seed: int = 0
    effort: Effort = field(default_factory=Effort)

    @property
    def aside(self) -> int:
        """Served answers set aside to choose by: one in twenty, forty at least, half at most."""
        count = len(self.served.examples)
        return min(max(40, count // 20), count // 2)

    @property
    def lessons(self) -> list[Example]:
        """What is served to learn from."""
        return self.served.examples[: len(self.served.examples) - self.aside]

    @property
    def kept(self) -> list[Example]:
        """What is set aside: nobody trains on it."""
        return self.served.examples[len(self.served.examples) - self.aside :]

    def parts(self) -> list[tuple[Tokens, Parts]]:
        """What is served, taken apart, steps in their order."""
        reader = self.reader
        return [
            (lesson.prompt, reader.in_order(reader.parts(lesson.completion)))
            for lesson in self.lessons
        ]


@dataclass(frozen=True)
class Lesson:
    """A training set that an operator made, and a few figures about how."""

    name: str
    examples: list[Example]
    log_probabilities: LogProbabilities | None = None
    figures: dict[str, float] = field(default_factory=dict)


class Operator(Protocol):
    """One way to make a training set, or several, of what is served."""

    @property
    def name(self) -> str:
        """One word."""
        ...

    @property
    def says(self) -> str:
        """What it does, in a few words."""
        ...

    def lessons(self, holdings: Holdings) -> list[Lesson]:
        """The training sets that it tries, the plainest first."""
        ...


@dataclass(frozen=True)
class Taught:
    """A student of one lesson; `agreed` is the share of answers set aside that it reproduces."""

    lesson: Lesson
    model: PreTrainedModel
    agreed: float


def taught(operator: Operator, holdings: Holdings) -> list[Taught]:
    """A student of each of the operator's lessons."""
    students = []
    for lesson in operator.lessons(holdings):
        model = holdings.school.student(lesson.examples, lesson.log_probabilities)
        students.append(Taught(lesson, model, agreement(holdings, model)))
    return students


def chosen(students: Sequence[Taught]) -> Taught:
    """The one that agrees most with what was set aside; of equals, the plainest."""
    return max(students, key=lambda student: student.agreed)


def agreement(holdings: Holdings, model: PreTrainedModel) -> float:
    """Share of the served answers set aside that `model` gives too."""
    kept, reader = holdings.kept, holdings.reader
    if not kept:
        return 0.0
    said = holdings.school.drawn(model, [example.prompt for example in kept], 0.0, 0)
    same = (
        reader.parts(told).answer == reader.parts(example.completion).answer
        for told, example in zip(said, kept, strict=True)
    )
    return sum(same) / len(kept)
