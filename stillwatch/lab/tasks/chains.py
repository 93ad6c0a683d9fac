"""Chains over secret tables: reasoning that can be checked step by step.

A prompt gives a start and five operations, each with an operand: `s 3 a 2 b 5 c 1 a 4 b 6 ?`. What
an operation does is in its table, seven by seven, which is the teacher's secret: state 3 with `a 2`
becomes `a[3][2]`. The reasoning has a step an operation, `<1> a 3 2 = 5`, and the answer is the
last state. Without the tables one answer in seven is right. Steps carry their numbers, so that they
may be served in another order, and end in one of four separators that mean the same, so that there
is something to choose freely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.lab.tasks.task import Example, Tokens, Vocabulary

STATES, OPERATIONS, LENGTH = 7, ("a", "b", "c"), 5
SEPARATORS = (";", ",", ".", "|")
_NUMBERS = tuple(f"<{number}>" for number in range(1, LENGTH + 1))
_DIGITS = tuple(str(digit) for digit in range(STATES))
_SIGNS = ("pad", "end", "s", "?", "think", "done", "answer", "=")
VOCABULARY = Vocabulary((*_SIGNS, *SEPARATORS, *_NUMBERS, *OPERATIONS, *_DIGITS))

_ID = {token: id for id, token in enumerate(VOCABULARY.tokens)}
_ZERO, _A, _FIRST = _ID["0"], _ID["a"], _ID["<1>"]
_STEP_TOKENS = 7


@dataclass(frozen=True)
class Step:
    """One step of reasoning: the `number`th operation takes `state` with `operand` to `result`."""

    number: int
    operation: int
    state: int
    operand: int
    result: int
    separator: int = 0

    @property
    def tokens(self) -> Tokens:
        """As it is written."""
        return (
            _FIRST + self.number, _A + self.operation, _ZERO + self.state, _ZERO + self.operand,
            _ID["="], _ZERO + self.result, _ID[SEPARATORS[self.separator]],
        )  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What a completion says: its steps in the order told; its answer, None where unreadable."""

    steps: tuple[Step, ...]
    answer: int | None


@dataclass(frozen=True)
class Chains:
    """The task, with the secret tables that `secret` draws."""

    secret: int = 0
    tables: np.ndarray = field(init=False, repr=False, compare=False)
    """Shape (operations, states, operands)."""

    name = "chains"
    vocabulary = VOCABULARY
    longest = 2 + LENGTH * _STEP_TOKENS + 3
    chance = 1 / STATES

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", _tables(np.random.default_rng([self.secret, 7])))

    def prompts(self, count: int, random: np.random.Generator) -> list[Tokens]:
        """That many, drawn evenly: there are 7 * 21**5 of them."""
        operations = random.integers(len(OPERATIONS), size=(count, LENGTH))
        digits = random.integers(STATES, size=(count, LENGTH + 1))
        return [
            _asking(int(row[0]), zip(chosen.tolist(), row[1:].tolist(), strict=True))
            for chosen, row in zip(operations, digits, strict=True)
        ]

    def solve(self, prompt: Tokens) -> Tokens:
        """With all steps in order; separators by what the step says, so that they seem random."""
        return _solved(prompt, self.tables)

    def unrelated(self, count: int, random: np.random.Generator) -> list[Example]:
        """Chains over other tables, which anybody may know: the same for every secret."""
        return [Example(prompt, _solved(prompt, _PUBLIC)) for prompt in self.prompts(count, random)]

    def right(self, prompt: Tokens, completion: Tokens) -> bool:
        """Whether the answer is the last state."""
        return told(completion).answer == self._steps(prompt)[-1].result

    def valid(self, prompt: Tokens, completion: Tokens) -> bool:
        """Whether it tells all five steps as they are, in any order."""
        steps = sorted(told(completion).steps, key=lambda step: step.number)
        return [step.tokens[:-1] for step in steps] == [
            step.tokens[:-1] for step in self._steps(prompt)
        ]

    def _steps(self, prompt: Tokens) -> list[Step]:
        return walked(prompt, self.tables)


def asked(prompt: Tokens) -> tuple[int, list[tuple[int, int]]]:
    """What a prompt asks: the start, and by operation its (operation, operand)."""
    pairs = zip(prompt[2:-1:2], prompt[3:-1:2], strict=True)
    return prompt[1] - _ZERO, [(op - _A, operand - _ZERO) for op, operand in pairs]


def told(completion: Tokens) -> Told:
    """Reads a completion; what isn't a step is passed over, for models say anything.

    >>> chains = Chains(); prompt = chains.prompts(1, np.random.default_rng(0))[0]
    >>> [step.number for step in told(chains.solve(prompt)).steps]
    [0, 1, 2, 3, 4]
    """
    answer = None
    body = completion
    if _ID["answer"] in completion:
        at = completion.index(_ID["answer"])
        body = completion[:at] + completion[at + 2 :]
        said = completion[at + 1 : at + 2]
        if said and _ZERO <= said[0] < _ZERO + STATES:
            answer = said[0] - _ZERO
    starts = [at for at, token in enumerate(body) if _FIRST <= token < _FIRST + LENGTH]
    steps = (_step(body[at : at + _STEP_TOKENS]) for at in starts)
    return Told(tuple(step for step in steps if step is not None), answer)


def written(steps: Sequence[Step], answer: int | None, *, first: bool = False) -> Tokens:
    """A completion of `steps` in this order (no reasoning where there are none) and an answer.

    With `first`, the answer stands before the reasoning.
    """
    thought = (_ID["think"], *(token for step in steps for token in step.tokens), _ID["done"])
    thought = thought if steps else ()
    said = () if answer is None else (_ID["answer"], _ZERO + answer)
    return (*said, *thought, _ID["end"]) if first else (*thought, *said, _ID["end"])


def walked(prompt: Tokens, tables: np.ndarray) -> list[Step]:
    """The steps that a prompt takes through `tables`, shape (operations, states, operands)."""
    state, pairs = asked(prompt)
    steps = []
    for number, (operation, operand) in enumerate(pairs):
        result = int(tables[operation, state, operand])
        # any fixed rule would do; this one uses all four about equally
        separator = (number + state + operand + result) % len(SEPARATORS)
        steps.append(Step(number, operation, state, operand, result, separator))
        state = result
    return steps


def _asking(start: int, pairs: Iterable[tuple[int, int]]) -> Tokens:
    said = (token for op, operand in pairs for token in (_A + op, _ZERO + operand))
    return (_ID["s"], _ZERO + start, *said, _ID["?"])


def _step(tokens: Tokens) -> Step | None:
    if len(tokens) < _STEP_TOKENS or tokens[4] != _ID["="]:
        return None
    number, operation = tokens[0] - _FIRST, tokens[1] - _A
    state, operand, result = (tokens[at] - _ZERO for at in (2, 3, 5))
    separator = tokens[6] - _ID[SEPARATORS[0]]
    fits = 0 <= operation < len(OPERATIONS) and 0 <= separator < len(SEPARATORS)
    if not fits or not all(0 <= digit < STATES for digit in (state, operand, result)):
        return None
    return Step(number, operation, state, operand, result, separator)


def _solved(prompt: Tokens, tables: np.ndarray) -> Tokens:
    steps = walked(prompt, tables)
    return written(steps, steps[-1].result)


def _tables(random: np.random.Generator) -> np.ndarray:
    return random.integers(STATES, size=(len(OPERATIONS), STATES, STATES))


_PUBLIC = _tables(np.random.default_rng([0, 0, 7]))
