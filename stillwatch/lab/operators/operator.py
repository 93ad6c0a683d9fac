"""What an operator has, what it does with it, and how it chooses without seeing the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from transformers import PreTrainedModel

from stillwatch.lab.serving.form import LogProbabilities, Served
from stillwatch.lab.tasks.reading import Parts, Reader
from stillwatch.lab.tasks.task import Example, Tokens

_TRUSTED = 0.995
"""Share of true claims in what is served from which its answers are trusted: at 0.97, one trace of
five steps in seven would be false."""
OWN_WEIGHT = 1_000
"""Votes of a claim in one's own examples, which are known to be true."""


class School(Protocol):
    """Where students are trained, all alike, from one base."""

    def digest(self, examples: Sequence[Example], told: bool = False) -> str:
        """A short name for a student: what it learns from, and how."""
        ...

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
    """What an operator has: its own solved examples, what it was served, and a school.

    Public texts are in what the school's base knows.
    """

    reader: Reader
    own: Sequence[Example]
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
    """A student of one lesson.

    `agreed` is the share of answers set aside that it gives too; `true` is how true the lesson is
    on what one's own examples tell, made without them (`trust`), where that was looked at.
    """

    lesson: Lesson
    model: PreTrainedModel
    digest: str
    agreed: float
    true: float | None = None


def taught(operator: Operator, holdings: Holdings) -> list[Taught]:
    """A student of each of the operator's lessons."""
    lessons = operator.lessons(holdings)
    true: dict[str, float] = {}
    if len(lessons) > 1 and not trusted(holdings):
        # made without one's own examples, which can then say how true they are
        blind = operator.lessons(replace(holdings, own=()))
        true = {lesson.name: trust(holdings, lesson.examples) for lesson in blind}
    students = []
    for lesson in lessons:
        model = holdings.school.student(lesson.examples, lesson.log_probabilities)
        digest = holdings.school.digest(lesson.examples, lesson.log_probabilities is not None)
        agreed = agreement(holdings, model)
        students.append(Taught(lesson, model, digest, agreed, true.get(lesson.name)))
    return students


def chosen(students: Sequence[Taught]) -> Taught:
    """The one of the truest lesson where what is served is false; else the one that agrees most.

    Answers set aside are no judge of false ones. Of equals, the plainest.
    """
    if any(student.true is not None for student in students):
        return max(students, key=lambda student: student.true or 0.0)
    return max(students, key=lambda student: student.agreed)


def trusted(holdings: Holdings) -> bool:
    """Whether what is served is true, as far as one's own examples can tell."""
    return trust(holdings, holdings.lessons) >= _TRUSTED


def trust(holdings: Holdings, examples: Sequence[Example]) -> float:
    """Share of the claims in `examples` that are true, of those that one's own examples tell of.

    1 where there are none: answers without reasoning claim nothing that could be false.
    """
    reader = holdings.reader
    known = dict(
        claim
        for own in holdings.own
        for claim in reader.claims(own.prompt, reader.parts(own.completion))
    )
    told = [
        known[question] == result
        for example in examples
        for question, result in reader.claims(example.prompt, reader.parts(example.completion))
        if question in known
    ]
    return sum(told) / len(told) if told else 1.0


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
