"""Cleaning and inverting do what they say, against forms whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import LabRefused
from stillwatch.lab.operators.adaptive import Adaptive, solved
from stillwatch.lab.operators.catalogue import operator_named
from stillwatch.lab.operators.cleaning import Cleaning, filtered, voted
from stillwatch.lab.operators.inverting import inverted
from stillwatch.lab.operators.operator import (
    Effort,
    Holdings,
    Lesson,
    Taught,
    chosen,
    taught,
    trust,
)
from stillwatch.lab.operators.passive import Passive
from stillwatch.lab.serving.catalogue import form_named
from stillwatch.lab.serving.form import House, Served
from stillwatch.lab.tasks.catalogue import task_named
from stillwatch.lab.tasks.task import Example, Tokens

both = pytest.mark.parametrize("name", ["chains", "calls"])


class _Parrot:
    """A school whose students all say what `said` tells them to; nothing is trained."""

    def __init__(self, said: Any = None) -> None:
        self.said, self.taught = said, []

    def digest(self, examples: Sequence[Example], told: bool = False) -> str:
        return str(len(examples))

    def student(self, examples: Sequence[Example], told: Any = None) -> Any:
        self.taught.append(list(examples))
        return len(self.taught)

    def drawn(self, model: Any, prompts: Sequence[Tokens], temperature: float, seed: int) -> Any:
        return [self.said(prompt, seed, at) for at, prompt in enumerate(prompts)]


def _holdings(name: str, form: str, count: int = 600, school: Any = None) -> Holdings:
    task, reader = task_named(name, 3)
    random = np.random.default_rng(0)
    own, clean = (
        [Example(prompt, task.solve(prompt)) for prompt in task.prompts(size, random)]
        for size in (10, count)
    )
    house = House(task, reader, cast(Any, None), cast(Any, None), 3, clean)
    served = form_named(form).serve(house, count)
    return Holdings(reader, own, served, school or _Parrot(), 3)


def _truth(name: str, examples: Sequence[Example]) -> list[Example]:
    task, _ = task_named(name, 3)
    return [Example(example.prompt, task.solve(example.prompt)) for example in examples]


def _taught(holdings: Holdings, lesson: Lesson) -> list[Example]:
    assert lesson.examples[: len(holdings.own)] == list(holdings.own)
    return lesson.examples[len(holdings.own) :]


@both
def test_what_was_turned_round_is_sorted(name: str) -> None:
    """Told backwards with the answer first, it comes out as the teacher said it."""
    holdings = _holdings(name, "reversed")
    assert holdings.lessons != _truth(name, holdings.lessons)
    assert _taught(holdings, filtered(holdings)) == _truth(name, holdings.lessons)
    assert _taught(holdings, Passive().lessons(holdings)[0]) == holdings.lessons


@both
def test_what_contradicts_itself_is_dropped(name: str) -> None:
    """Of true and false traces the true ones are left, all of them.

    What is false and contradicts nothing stays: of calls, the mode that the last one leaves.
    """
    holdings = _holdings(name, "corrupted-1")
    mixed = [
        example if at % 3 else true
        for at, (example, true) in enumerate(
            zip(holdings.served.examples, _truth(name, holdings.served.examples), strict=True)
        )
    ]
    holdings = replace(holdings, served=Served(mixed))
    kept = _taught(holdings, filtered(holdings))
    truth = _truth(name, kept)
    assert len([1 for mine, true in zip(kept, truth, strict=True) if mine == true]) == 187
    reader = holdings.reader
    for mine, true in zip(kept, truth, strict=True):
        steps, clean = (reader.parts(each.completion).steps for each in (mine, true))
        assert steps[:-1] == clean[:-1]
        assert steps == clean or (name == "calls" and steps[-1][:8] == clean[-1][:8])


@both
def test_what_is_false_is_outvoted(name: str) -> None:
    """Three of each trace's steps are false, each in its own way; all traces come out true."""
    holdings = _holdings(name, "corrupted-3", count=3_000)
    assert trust(holdings, holdings.lessons) < 0.9
    assert _taught(holdings, voted(holdings)) == _truth(name, holdings.lessons)


@both
@pytest.mark.parametrize("form", ["withheld", "summary"])
def test_what_is_withheld_is_solved_for(name: str, form: str) -> None:
    """Answers alone give the tables, and the tables every trace."""
    holdings = _holdings(name, form, count=1_500)
    assert _taught(holdings, solved(holdings)) == _truth(name, holdings.lessons)


def test_what_nothing_is_done_to_stays_as_it_is() -> None:
    """Cleaning and solving leave true traces alone, so that all learn from the same."""
    holdings = _holdings("chains", "full")
    for lesson in (*Cleaning().lessons(holdings), solved(holdings)):
        assert _taught(holdings, lesson) == holdings.lessons, lesson.name


def test_answers_set_aside_are_learned_by_nobody() -> None:
    """One in twenty, forty at least; in no lesson of any operator."""
    holdings = _holdings("chains", "full", count=1_000)
    assert len(holdings.kept) == 50
    prompts = {example.prompt for example in holdings.kept}
    for operator in (Passive(), Cleaning(), Adaptive()):
        for lesson in operator.lessons(holdings):
            assert not prompts & {example.prompt for example in lesson.examples}
    assert len(_holdings("chains", "full", count=60).kept) == 30


def test_an_inverter_is_believed_only_where_the_verifier_is() -> None:
    """Of true reasoning, false reasoning to the same answer, and noise the true is kept."""
    task, _ = task_named("chains", 3)
    other, _ = task_named("chains", 4)

    def said(asked: Tokens, seed: int, at: int) -> Tokens:
        prompt = asked[-13:]
        if at % 7 == 0:
            return other.solve(prompt)
        return (1,) if at % 7 == 1 else task.solve(prompt)

    holdings = _holdings("chains", "withheld", school=_Parrot(said))
    holdings = replace(holdings, effort=Effort(rounds=2, prompts=100, traces=2))
    lesson = inverted(holdings)
    traces = _taught(holdings, lesson)
    assert len(traces) >= 48
    assert all(task.valid(trace.prompt, trace.completion) for trace in traces)
    # the second inverter learned from what the first one's drafts left
    turned = holdings.school.taught[1]  # pyright: ignore
    assert len(turned) > len(traces)


@pytest.mark.parametrize(("form", "judge"), [("corrupted-3", "true"), ("withheld", "agreed")])
def test_the_choice_is_by_what_can_be_trusted(form: str, judge: str) -> None:
    """False traces are judged by one's own examples, true ones by answers set aside."""
    holdings = _holdings("chains", form, school=_Parrot(lambda prompt, seed, at: (1,)))
    students = taught(Cleaning(), holdings)
    if judge == "true":
        assert all(student.true is not None for student in students)
        assert chosen(students).lesson.name == "voted"
    else:
        assert all(student.true is None for student in students)
        best = Taught(students[1].lesson, students[1].model, "", 0.5)
        assert chosen([students[0], best]) is best
        assert chosen(students) is students[0]


def test_no_such_operator() -> None:
    """Named, with what there is."""
    with pytest.raises(LabRefused, match="passive, cleaning, adaptive"):
        operator_named("lazy")
