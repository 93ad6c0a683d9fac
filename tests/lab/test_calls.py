"""The task of calls: a checker that makes the calls, and documentation that can be looked up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.lab.tasks.calls import (
    FIELDS,
    MODES,
    TOOLS,
    VALUES,
    Calls,
    Environment,
    asked,
    asking,
    calls_of,
    steps_of,
    written,
)

TASK = Calls(3)
PROMPTS = TASK.prompts(60, np.random.default_rng(0))


def test_a_perfect_teacher_is_right_and_valid() -> None:
    """By its own documentation, and not by another secret's."""
    for prompt in PROMPTS:
        completion = TASK.solve(prompt)
        assert TASK.right(prompt, completion)
        assert TASK.valid(prompt, completion)
        assert not Calls(4).valid(prompt, completion)
        assert len(completion) == TASK.longest
        assert asking(*asked(prompt)) == prompt


def test_every_field_can_be_written_in_every_mode() -> None:
    """Else some prompts would have no solution; and arguments can be decoded."""
    for secret in range(20):
        known = Calls(secret).documentation
        for mode in range(MODES):
            assert set(known.writes[:, mode].tolist()) == set(range(FIELDS))
        assert all(
            sorted(known.arguments[tool].tolist()) == list(range(VALUES)) for tool in range(TOOLS)
        )


def test_the_answer_is_judged_by_what_it_does() -> None:
    """Another way to the same fields is right; one wrong argument is not."""
    known = TASK.documentation
    found = 0
    for prompt in PROMPTS:
        steps = steps_of(TASK.solve(prompt))
        last = steps[-1]
        wrong = replace(last, argument=(last.argument + 1) % VALUES)
        assert not TASK.right(prompt, written([*steps[:-1], wrong]))
        others = [
            t for t in range(TOOLS) if known.writes[t, last.mode] == last.field and t != last.tool
        ]
        for tool in others:
            argument = int(known.arguments[tool, last.value])
            other = replace(
                last, tool=tool, argument=argument, left=int(known.leaves[tool, last.mode])
            )
            assert TASK.right(prompt, written([*steps[:-1], other]))
            assert TASK.valid(prompt, written([*steps[:-1], other]))
            found += 1
    assert found


def test_calls_depend_on_those_before_them() -> None:
    """The same calls in another order do something else, for the mode has changed."""
    changed = 0
    for prompt in PROMPTS:
        mode, _ = asked(prompt)
        calls = calls_of(TASK.solve(prompt))
        assert calls is not None
        ends = []
        for order in (calls, calls[::-1]):
            environment = Environment(TASK.documentation, mode)
            for call in order:
                environment.call(*call)
            ends.append(environment.fields)
        changed += ends[0] != ends[1]
    assert changed > len(PROMPTS) / 2


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_read_without_falling_over(seed: int) -> None:
    """Whatever a model says: no crash, and never right by being unreadable."""
    random = np.random.default_rng(seed)
    tokens = len(TASK.vocabulary.tokens)
    for prompt in PROMPTS:
        noise = tuple(random.integers(tokens, size=random.integers(0, 70)).tolist())
        assert not TASK.valid(prompt, noise)
        assert not TASK.right(prompt, noise)
    assert calls_of(TASK.vocabulary.ids("answer t1 2 t3 end")) is None
    assert calls_of(TASK.vocabulary.ids("answer end")) is None
