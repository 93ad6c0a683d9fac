"""What a run is about: prompts for the teacher, held-out ones, own examples, and who checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from stillwatch.lab.teachers.codec import Codec


@dataclass(frozen=True)
class Pair:
    """A prompt with the answer that somebody gave, or that is known to be right."""

    prompt: str
    answer: str


@dataclass(frozen=True)
class Counts:
    """How much of each kind is wanted."""

    asked: int
    held_out: int
    own: int
    public: int


class Checker(Protocol):
    """Who judges answers."""

    def right(self, prompt: str, answer: str) -> bool | None:
        """Whether an answer is right; None where nobody knows."""
        ...

    def said(self, answer: str) -> str:
        """What an answer comes down to: two that say the same agree."""
        ...


@dataclass(frozen=True)
class Material:
    """The texts of one run. No held-out prompt is asked of the teacher for training."""

    name: str
    asked: tuple[str, ...]
    held_out: tuple[str, ...]
    own: tuple[Pair, ...]
    public: tuple[Pair, ...]
    longest: int
    """Tokens of the longest answer."""
    checker: Checker
    codec: Codec | None = None
    """Its own tokens, where models of it know no others."""
    put_aside: tuple[str, ...] = ()
    """What couldn't be read, each with file, line and reason."""


def folded(text: str) -> str:
    r"""A text without what nobody means by it: letter case and spaces.

    >>> folded(" The  answer\n is A. ")
    'the answer is a.'
    """
    return re.sub(r"\s+", " ", text).strip().casefold()
