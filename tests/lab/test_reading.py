"""Completions taken apart and put together, on both tasks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.errors import LabRefused
from stillwatch.lab.tasks.catalogue import TASKS, task_named
from stillwatch.lab.tasks.reading import UNTOLD, Claim, Parts, Question

both = pytest.mark.parametrize("name", sorted(TASKS))


@both
def test_what_is_taken_apart_goes_together_again(name: str) -> None:
    """In both orders; sorted, a trace told backwards is the one told forwards."""
    task, reader = task_named(name, 3)
    for prompt in task.prompts(40, np.random.default_rng(0)):
        completion = task.solve(prompt)
        parts = reader.parts(completion)
        assert len(parts.steps) == reader.length
        assert reader.written(parts) == completion
        turned = reader.written(replace(parts, steps=parts.steps[::-1]), first=True)
        assert task.right(prompt, turned)
        assert reader.in_order(reader.parts(turned)) == parts


@both
def test_claims_are_the_secret_and_solve_prompts(name: str) -> None:
    """True traces never contradict each other, and what they claim solves new prompts."""
    task, reader = task_named(name, 3)
    known: dict[Question, int] = {}
    for prompt in task.prompts(400, np.random.default_rng(0)):
        claims: list[Claim] = reader.claims(prompt, reader.parts(task.solve(prompt)))
        for question, result in claims:
            assert known.setdefault(question, result) == result
    fresh = task.prompts(50, np.random.default_rng(9))
    assert [reader.solved(prompt, known) for prompt in fresh] == [task.solve(p) for p in fresh]
    assert all(reader.solved(prompt, {}) is None for prompt in fresh)


@both
def test_a_broken_step_is_seen(name: str) -> None:
    """The answer stays right, the trace is false and contradicts itself, wherever it is broken."""
    task, reader = task_named(name, 3)
    random = np.random.default_rng(1)
    for prompt in task.prompts(40, random):
        parts = reader.parts(task.solve(prompt))
        assert reader.coherent(prompt, parts)
        for at, step in enumerate(parts.steps):
            broken = (*parts.steps[:at], reader.broken(step, random), *parts.steps[at + 1 :])
            told = replace(parts, steps=broken)
            assert task.right(prompt, reader.written(told))
            assert not task.valid(prompt, reader.written(told))


@both
def test_a_walk_holds_what_is_told_and_no_more(name: str) -> None:
    """All states of a whole trace; of a summary every second; of the answer alone what it shows."""
    task, reader = task_named(name, 3)
    for prompt in task.prompts(40, np.random.default_rng(0)):
        parts = reader.parts(task.solve(prompt))
        whole = reader.walk(prompt, parts)
        short = reader.walk(prompt, reader.shortened(parts))
        bare = reader.walk(prompt, replace(parts, steps=()))
        assert whole is not None
        assert short is not None
        assert bare is not None
        assert UNTOLD not in whole.pins
        assert [pin for at, pin in enumerate(short.pins) if at % 2] == list(whole.pins[1::2])
        assert short.pins[0] == UNTOLD
        assert set(bare.pins[:-1]) == {UNTOLD}
        assert bare.moves == whole.moves
    assert reader.walk(prompt, Parts(())) is None


@both
def test_noise_is_read_without_falling_over(name: str) -> None:
    """Models say anything."""
    task, reader = task_named(name, 3)
    random = np.random.default_rng(2)
    for prompt in task.prompts(200, random):
        size = random.integers(0, 70)
        noise = tuple(random.integers(len(task.vocabulary.tokens), size=size).tolist())
        parts = reader.parts(noise)
        assert not reader.coherent(prompt, parts)
        reader.claims(prompt, parts)
        reader.walk(prompt, parts)
        reader.parts(reader.written(reader.shortened(parts)))
        for step in parts.steps:
            reader.broken(step, random)


def test_no_such_task() -> None:
    """Named, with what there is."""
    with pytest.raises(LabRefused, match="chains or calls"):
        task_named("chess", 1)
