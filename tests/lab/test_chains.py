"""The task of chains: what a perfect teacher says is right, and what is broken is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.lab.tasks.chains import Chains, asked, told, written
from stillwatch.lab.tasks.task import Tokens

TASK = Chains(3)


def _prompts(count: int = 50) -> list[Tokens]:
    return TASK.prompts(count, np.random.default_rng(0))


def test_a_perfect_teacher_is_right_and_valid() -> None:
    """By its own tables, and not by another secret's."""
    for prompt in _prompts():
        completion = TASK.solve(prompt)
        assert TASK.right(prompt, completion)
        assert TASK.valid(prompt, completion)
        assert not Chains(4).valid(prompt, completion)
        assert len(completion) == TASK.longest


def test_a_completion_is_read_as_it_was_written() -> None:
    """In any order of its steps, the answer first or last."""
    for prompt in _prompts():
        said = told(TASK.solve(prompt))
        for first in (False, True):
            again = told(written(said.steps[::-1], said.answer, first=first))
            assert again.steps == said.steps[::-1]
            assert again.answer == said.answer


def test_one_false_step_makes_it_invalid_but_not_wrong() -> None:
    """The checker looks at every step; the answer is judged alone."""
    prompt = _prompts(1)[0]
    said = told(TASK.solve(prompt))
    steps = list(said.steps)
    steps[2] = replace(steps[2], result=(steps[2].result + 1) % 7)
    broken = written(steps, said.answer)
    assert TASK.right(prompt, broken)
    assert not TASK.valid(prompt, broken)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_read_without_falling_over(seed: int) -> None:
    """Whatever a model says: no crash, and nothing that isn't a step."""
    random = np.random.default_rng(seed)
    tokens = len(TASK.vocabulary.tokens)
    for prompt in _prompts(200):
        noise = tuple(random.integers(tokens, size=random.integers(0, 60)).tolist())
        said = told(noise)
        assert all(step.tokens[4] == TASK.vocabulary.id("=") for step in said.steps)
        assert not TASK.valid(prompt, noise)


def test_the_prompt_says_what_is_asked() -> None:
    """Start, operations and operands, as its words show."""
    words = "s 3 a 2 b 5 c 1 a 4 b 6 ?"
    assert asked(TASK.vocabulary.ids(words)) == (3, [(0, 2), (1, 5), (2, 1), (0, 4), (1, 6)])
