"""Solving: tables come out of answers alone, where there are enough of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.lab.operators.solving import Prior, Solution, solve
from stillwatch.lab.tasks.catalogue import task_named
from stillwatch.lab.tasks.reading import Hidden, Question, Reader, Walk
from stillwatch.lab.tasks.task import Task


def _walks(task: Task, reader: Reader, count: int, wrong: float = 0.0) -> list[Walk]:
    random = np.random.default_rng(5)
    walks = []
    for prompt in task.prompts(count, random):
        parts = replace(reader.parts(task.solve(prompt)), steps=())
        walk = reader.walk(prompt, parts)
        assert walk is not None
        if random.random() < wrong:
            last = int(random.integers(reader.hidden.states))
            walk = replace(walk, pins=(*walk.pins[:-1], last))
        walks.append(walk)
    return walks


def _found(task: Task, reader: Reader, solution: Solution) -> float:
    """Share of cells that prompts come upon, rightly told."""
    truth: dict[Question, int] = {}
    for prompt in task.prompts(2_000, np.random.default_rng(6)):
        truth |= dict(reader.claims(prompt, reader.parts(task.solve(prompt))))
    right = []
    for move, state in np.ndindex(*solution.moves.shape[:2]):
        question = reader.move_asked(move, state)
        if question in truth:
            right.append(truth[question] == solution.moves[move, state].argmax())
    return float(np.mean(right))


@pytest.mark.parametrize("name", ["chains", "calls"])
def test_hidden_tables_come_out_of_answers_alone(name: str) -> None:
    """Without one step of reasoning, and without one example of one's own."""
    task, reader = task_named(name, 1)
    solution = solve(_walks(task, reader, 800), reader.hidden)
    assert _found(task, reader, solution) > 0.97
    assert solution.noise < 0.05


def test_wrong_answers_are_told_from_right_ones() -> None:
    """A fifth drawn at random hides no table."""
    task, reader = task_named("chains", 2)
    solution = solve(_walks(task, reader, 1_500, wrong=0.2), reader.hidden)
    assert _found(task, reader, solution) > 0.95


def test_few_answers_say_little() -> None:
    """What isn't in the answers isn't found."""
    task, reader = task_named("chains", 1)
    assert _found(task, reader, solve(_walks(task, reader, 20), reader.hidden)) < 0.7


def test_it_climbs_to_what_counting_gives() -> None:
    """Where all states are told, the fit is the counted table, whatever it began with."""
    hidden = Hidden(states=2, moves=1)
    walks = [Walk(0, (0, 0), (1, 0))] * 9 + [Walk(0, (0, 0), (0, 1))]
    solution = solve(walks, hidden, trusted=len(walks), prior=Prior.flat(hidden, 1e-9))
    # from 0: nine times to 1, once to 0, once to 1; from 1: nine times to 0
    assert solution.moves[0] == pytest.approx(np.array([[1 / 11, 10 / 11], [1, 0]]), abs=1e-3)


def test_nothing_to_solve_by() -> None:
    """Said, not guessed."""
    with pytest.raises(ValueError, match="no walk"):
        solve([], Hidden(2, 1))
