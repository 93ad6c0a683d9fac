"""Chains taken apart: claims are cells of the tables, hidden states are the chain's states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from stillwatch.lab.tasks.chains import (
    LENGTH,
    OPERATIONS,
    STATES,
    VOCABULARY,
    Step,
    asked,
    told,
    walked,
)
from stillwatch.lab.tasks.reading import UNTOLD, Claim, Hidden, Parts, Question, Reader, Walk
from stillwatch.lab.tasks.task import Tokens

_EQUALS, _ZERO = VOCABULARY.id("="), VOCABULARY.id("0")


class ChainReader(Reader):
    """Reads completions of `Chains`."""

    hidden = Hidden(states=STATES, moves=len(OPERATIONS) * STATES)

    def __init__(self) -> None:
        super().__init__(VOCABULARY, [f"<{number}>" for number in range(1, LENGTH + 1)])

    def claims(self, prompt: Tokens, parts: Parts) -> list[Claim]:
        """A cell a step; the answer alone shows none."""
        return [
            ((step.operation, step.state, step.operand), step.result)
            for step in _steps(parts)
            if step is not None
        ]

    def coherent(self, prompt: Tokens, parts: Parts) -> bool:
        """Each step begins where the last one ended, with the prompt's operation and operand."""
        state, pairs = asked(prompt)
        steps = _steps(parts)
        if len(steps) != LENGTH:
            return False
        for number, (step, pair) in enumerate(zip(steps, pairs, strict=True)):
            if step is None or step.number != number or step.state != state:
                return False
            if (step.operation, step.operand) != pair:
                return False
            state = step.result
        return parts.answer == (_ZERO + state,)

    def broken(self, step: Tokens, random: np.random.Generator) -> Tokens:
        """Another result, any as likely; the step itself where it can't be read."""
        read = _read(step)
        if read is None:
            return step
        other = (read.result + int(random.integers(1, STATES))) % STATES
        return replace(read, result=other).tokens

    def result(self, step: Tokens) -> Tokens:
        """`<2> = 5 ;`"""
        read = _read(step)
        return () if read is None else (step[0], *read.tokens[4:])

    def solved(self, prompt: Tokens, known: Mapping[Question, int]) -> Tokens | None:
        """Step by step."""
        tables = np.full((len(OPERATIONS), STATES, STATES), UNTOLD)
        start, pairs = asked(prompt)
        state = start
        for operation, operand in pairs:
            result = known.get((operation, state, operand))
            if result is None:
                return None
            tables[operation, state, operand] = result
            state = result
        steps = tuple(step.tokens for step in walked(prompt, tables))
        return self.written(Parts(steps, (_ZERO + state,)))

    def walk(self, prompt: Tokens, parts: Parts) -> Walk | None:
        """The answer pins the last state, a summary or a step the one it results in."""
        start, pairs = asked(prompt)
        pins = [UNTOLD] * LENGTH
        for step in parts.steps:
            place, result = self.place(step), _result(step)
            if place is not None and result is not None:
                pins[place] = result
        last = parts.answer[0] - _ZERO if len(parts.answer) == 1 else UNTOLD
        if not 0 <= last < STATES:
            return None
        pins[-1] = last
        moves = tuple(operation * STATES + operand for operation, operand in pairs)
        return Walk(start, moves, tuple(pins))

    def move_asked(self, move: int, state: int) -> Question:
        """A move is an operation with its operand."""
        operation, operand = divmod(move, STATES)
        return operation, state, operand

    def sign_asked(self, ask: int, state: int) -> Question:
        """There are no signs."""
        raise NotImplementedError


def _read(step: Tokens) -> Step | None:
    steps = told(step).steps
    return steps[0] if len(steps) == 1 else None


def _steps(parts: Parts) -> list[Step | None]:
    return [_read(step) for step in parts.steps]


def _result(step: Tokens) -> int | None:
    if _EQUALS not in step[:-1]:
        return None
    result = step[step.index(_EQUALS) + 1] - _ZERO
    return result if 0 <= result < STATES else None
