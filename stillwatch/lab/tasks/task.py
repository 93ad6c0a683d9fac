"""What a task is: prompts, how a perfect teacher answers them, and a checker.

Texts are sequences of token ids over a task's own small vocabulary, so that models trained on them
are small enough for minutes on a CPU. A completion is what the model says after the prompt: its
reasoning between `think` and `done`, then `answer`, the answer, and `end`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """One prompt with one completion, as a model is trained on it."""

    prompt: Tokens
    completion: Tokens


@dataclass(frozen=True)
class Vocabulary:
    """A task's tokens, in the order of their ids.

    >>> Vocabulary(("pad", "a", "b")).ids("b a")
    (2, 1)
    >>> Vocabulary(("pad", "a", "b")).words((2, 1))
    'b a'
    """

    tokens: tuple[str, ...]

    def id(self, token: str) -> int:
        """The id of `token`; raises `ValueError` where there is none."""
        return self.tokens.index(token)

    def ids(self, words: str) -> Tokens:
        """The ids of tokens with spaces between them."""
        return tuple(self.tokens.index(word) for word in words.split())

    def words(self, tokens: Sequence[int]) -> str:
        """The other way around."""
        return " ".join(self.tokens[token] for token in tokens)


class Task(Protocol):
    """A skill that a teacher has: knowledge that only its training gave it."""

    @property
    def name(self) -> str:
        """One word."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """Its first tokens are `pad` and `end`."""
        ...

    @property
    def longest(self) -> int:
        """Tokens of the longest completion."""
        ...

    @property
    def chance(self) -> float:
        """Share of right answers of one who knows the format alone."""
        ...

    def prompts(self, count: int, random: np.random.Generator) -> list[Tokens]:
        """That many prompts, all of one length."""
        ...

    def solve(self, prompt: Tokens) -> Tokens:
        """The completion of a teacher that knows everything, reasoning included."""
        ...

    def unrelated(self, count: int, random: np.random.Generator) -> list[Example]:
        """Texts of the same form about other knowledge: what a base model is trained on."""
        ...

    def right(self, prompt: Tokens, completion: Tokens) -> bool:
        """Whether the answer is right."""
        ...

    def valid(self, prompt: Tokens, completion: Tokens) -> bool:
        """Whether each step of the reasoning is true; not, where there is none."""
        ...
