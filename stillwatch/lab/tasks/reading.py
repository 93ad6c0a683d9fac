"""Reading completions apart and putting them together again: what an operator can clean.

A completion is steps of reasoning, each beginning with its number, and an answer. What a step says
of the secret is a claim: a question (which cell of which table) and its result. Claims can be voted
on, and a prompt can be solved by what is known. What is hidden of a completion is a walk over
hidden states, from a known start, by known moves, with some of the states told and, in some tasks,
a sign shown at each: enough to solve for the tables by expectation and maximisation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stillwatch.lab.tasks.task import Tokens, Vocabulary

Question = tuple[str | int, ...]
Claim = tuple[Question, int]
UNTOLD = -1


@dataclass(frozen=True)
class Parts:
    """A completion taken apart: its steps in the order told, and its answer (empty: none)."""

    steps: tuple[Tokens, ...]
    answer: Tokens = ()


@dataclass(frozen=True)
class Walk:
    """What one completion shows of the hidden states it goes through.

    `pins` holds the state after each move, `UNTOLD` where it isn't shown. At the state before move
    i, asked `asks[i]`, the sign `signs[i]` was shown; both are empty in tasks without signs.
    """

    start: int
    moves: tuple[int, ...]
    pins: tuple[int, ...]
    asks: tuple[int, ...] = ()
    signs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hidden:
    """How large what is hidden is: states, moves, and questions that are answered by signs."""

    states: int
    moves: int
    asks: int = 0
    signs: int = 0


class Reader(ABC):
    """Reads and writes completions of one task; knows their form, and nothing secret."""

    hidden: Hidden

    def __init__(self, vocabulary: Vocabulary, numbers: Sequence[str]) -> None:
        ids = (vocabulary.id(sign) for sign in ("end", "think", "done", "answer"))
        self._end, self._think, self._done, self._answer = ids
        self._first = vocabulary.id(numbers[0])
        self.length = len(numbers)
        """Steps of a whole completion."""

    def parts(self, completion: Tokens) -> Parts:
        """A completion taken apart; models say anything, so steps may be broken or none.

        The answer is what follows `answer`, up to the reasoning or the end.
        """
        answer, thought, into = [], [], None
        for token in completion:
            if token == self._end:
                break
            if token == self._think:
                into = thought
            elif token == self._answer:
                into = answer
            elif token == self._done:
                into = None
            elif into is not None:
                into.append(token)
        starts = [at for at, token in enumerate(thought) if self.place((token,)) is not None]
        ends = [*starts[1:], len(thought)]
        steps = (tuple(thought[start:end]) for start, end in zip(starts, ends, strict=False))
        return Parts(tuple(steps) if starts else (), tuple(answer))

    def written(self, parts: Parts, *, first: bool = False) -> Tokens:
        """The completion again; with `first`, the answer stands before the reasoning."""
        said = (token for step in parts.steps for token in step)
        thought = (self._think, *said, self._done) if parts.steps else ()
        answer = (self._answer, *parts.answer) if parts.answer else ()
        return (*answer, *thought, self._end) if first else (*thought, *answer, self._end)

    def place(self, step: Tokens) -> int | None:
        """Which step it is, from 0, by its number."""
        place = step[0] - self._first
        return place if 0 <= place < self.length else None

    def in_order(self, parts: Parts) -> Parts:
        """Steps sorted by their numbers."""
        return replace(parts, steps=tuple(sorted(parts.steps, key=lambda step: step[0])))

    def shortened(self, parts: Parts) -> Parts:
        """A summary: the results of every second step, without how they came about."""
        told = (self.result(step) for step in parts.steps[1::2])
        return replace(parts, steps=tuple(step for step in told if step))

    @abstractmethod
    def claims(self, prompt: Tokens, parts: Parts) -> list[Claim]:
        """What it says of the secret, from its steps and from what its answer shows openly."""

    @abstractmethod
    def coherent(self, prompt: Tokens, parts: Parts) -> bool:
        """Whether all steps are there, follow from the prompt and each other, and end as said."""

    @abstractmethod
    def broken(self, step: Tokens, random: np.random.Generator) -> Tokens:
        """The step with another result."""

    @abstractmethod
    def result(self, step: Tokens) -> Tokens:
        """The step's result alone, as a summary tells it; empty where it is no step."""

    @abstractmethod
    def solved(self, prompt: Tokens, known: Mapping[Question, int]) -> Tokens | None:
        """The completion by what is known; None where a cell is not."""

    @abstractmethod
    def walk(self, prompt: Tokens, parts: Parts) -> Walk | None:
        """What it shows of the hidden states; None where it can't be read."""

    @abstractmethod
    def move_asked(self, move: int, state: int) -> Question:
        """The question that a move from a state answers."""

    @abstractmethod
    def sign_asked(self, ask: int, state: int) -> Question:
        """The question that a sign at a state answers."""
