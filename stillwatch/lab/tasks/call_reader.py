"""Calls taken apart: claims are entries of the documentation, hidden states are modes.

The calls show their tools and arguments; what they don't show is the mode that each leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from stillwatch.lab.tasks.calls import (
    FIELDS,
    MODES,
    NUMBERS,
    TOOLS,
    VALUES,
    VOCABULARY,
    WANTS,
    Step,
    asked,
    calls_of,
    steps_of,
    written,
)
from stillwatch.lab.tasks.reading import UNTOLD, Claim, Hidden, Parts, Question, Reader, Walk
from stillwatch.lab.tasks.task import Tokens

_LEAVES, _MODE = VOCABULARY.id(">"), VOCABULARY.id("m0")


class CallReader(Reader):
    """Reads completions of `Calls`."""

    hidden = Hidden(states=MODES, moves=TOOLS, asks=FIELDS, signs=TOOLS)

    def __init__(self) -> None:
        super().__init__(VOCABULARY, NUMBERS)

    def claims(self, prompt: Tokens, parts: Parts) -> list[Claim]:
        """Three entries a step; from the calls each argument, and the first tool."""
        said: list[Claim] = []
        for step in (read for tokens in parts.steps for read in steps_of(tokens)):
            said += [
                (("writes", step.mode, step.field), step.tool),
                (("argument", step.tool, step.value), step.argument),
                (("leaves", step.tool, step.mode), step.left),
            ]
        mode, wants = asked(prompt)
        calls = self._calls(parts)
        if calls is not None:
            said.append((("writes", mode, wants[0][0]), calls[0][0]))
            for (tool, argument), (_, value) in zip(calls, wants, strict=True):
                said.append((("argument", tool, value), argument))
        return said

    def coherent(self, prompt: Tokens, parts: Parts) -> bool:
        """Each step begins in the mode that the last one left, and the calls are the steps'."""
        mode, wants = asked(prompt)
        steps = [read for tokens in parts.steps for read in steps_of(tokens)]
        calls = self._calls(parts)
        if len(steps) != WANTS or len(parts.steps) != WANTS or calls is None:
            return False
        for number, (step, want, call) in enumerate(zip(steps, wants, calls, strict=True)):
            if step.number != number or step.mode != mode or (step.field, step.value) != want:
                return False
            if (step.tool, step.argument) != call:
                return False
            mode = step.left
        return True

    def broken(self, step: Tokens, random: np.random.Generator) -> Tokens:
        """Another argument or another mode left; the step itself where it can't be read."""
        read = steps_of(step)
        if len(read) != 1:
            return step
        if random.random() < 0.5:
            argument = (read[0].argument + int(random.integers(1, VALUES))) % VALUES
            return replace(read[0], argument=argument).tokens
        left = (read[0].left + int(random.integers(1, MODES))) % MODES
        return replace(read[0], left=left).tokens

    def result(self, step: Tokens) -> Tokens:
        """`<2> > m1 ;`"""
        return (step[0], *step[7:]) if len(steps_of(step)) == 1 else ()

    def solved(self, prompt: Tokens, known: Mapping[Question, int]) -> Tokens | None:
        """Want by want."""
        mode, wants = asked(prompt)
        steps = []
        for number, (field, value) in enumerate(wants):
            tool = known.get(("writes", mode, field))
            argument = None if tool is None else known.get(("argument", tool, value))
            left = None if tool is None else known.get(("leaves", tool, mode))
            if tool is None or argument is None or left is None:
                return None
            steps.append(Step(number, mode, field, tool, value, argument, left))
            mode = left
        return written(steps)

    def walk(self, prompt: Tokens, parts: Parts) -> Walk | None:
        """Moves are the tools called, and so are signs: the tool a field needs shows the mode."""
        mode, wants = asked(prompt)
        calls = self._calls(parts)
        if calls is None:
            return None
        pins = [UNTOLD] * WANTS
        for step in parts.steps:
            place, left = self.place(step), _left(step)
            if place is not None and left is not None:
                pins[place] = left
        tools = tuple(tool for tool, _ in calls)
        return Walk(mode, tools, tuple(pins), tuple(field for field, _ in wants), tools)

    def move_asked(self, move: int, state: int) -> Question:
        """A move is a tool called in a mode."""
        return "leaves", move, state

    def sign_asked(self, ask: int, state: int) -> Question:
        """A field wanted in a mode."""
        return "writes", state, ask

    def _calls(self, parts: Parts) -> list[tuple[int, int]] | None:
        calls = calls_of(self.written(Parts((), parts.answer))) if parts.answer else None
        return calls if calls is not None and len(calls) == WANTS else None


def _left(step: Tokens) -> int | None:
    if _LEAVES not in step[:-1]:
        return None
    mode = step[step.index(_LEAVES) + 1] - _MODE
    return mode if 0 <= mode < MODES else None
