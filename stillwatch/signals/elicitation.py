"""Elicitation signs: ways of asking that a trace, a grade or a data set is wanted.

A sign is a fact about the wording, not a verdict: honest people ask for steps, teachers grade by
rubrics, and programs want JSON. What a sign is worth is how often an account shows it against
comparable traffic; the rates measured on honest and on harvested texts are in
`docs/capability.md`. The wordings, in a dozen languages, lie in `weights/elicitation.toml`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.signals.phrases import Automaton, compile_patterns, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.signals.tokens import Tokens

ELICITATION_SIGNS = (
    "asks_steps",
    "asks_trace",
    "reconstructs_trace",
    "asks_format_tags",
    "asks_rubric_score",
    "compares_answers",
    "asks_many_outputs",
    "self_instruct",
    "asks_json_only",
    "forbids_refusal",
    "persona_expert",
    "asks_long",
    "rewrites_sensitive",
    "asks_verification",
)
"""Bit i of the flags is the i-th name. `reconstructs_trace` is also set where a text speaks of a
given answer and asks for the reasoning, in whatever order."""

_MARKS = ("gives_answer", "asks_reasoning")
_GIVES_ANSWER = np.uint32(1 << 16)
_ASKS_REASONING = np.uint32(1 << 17 | 1 << ELICITATION_SIGNS.index("asks_trace"))
_RECONSTRUCTS = np.uint32(1 << ELICITATION_SIGNS.index("reconstructs_trace"))


def elicitation(tokens: Tokens) -> NDArray[np.uint16]:
    """Flags of n texts, uint16 of shape (n,); bit i stands for `ELICITATION_SIGNS[i]`.

    >>> import pyarrow as pa
    >>> from stillwatch.signals.tokens import tokenise
    >>> flags = elicitation(tokenise(pa.array(["Solve it step by step.", "Good morning!"])))
    >>> [signs_of(f) for f in flags]
    [('asks_steps',), ()]
    """
    return _signs(match(tokens, sign_automaton()))


@nb.njit(nogil=True, cache=True)
def _signs(found):
    """The flags of texts in which patterns of such bits were `found`."""
    out = np.empty(len(found), np.uint16)
    for i in range(len(found)):
        both = found[i] & _GIVES_ANSWER and found[i] & _ASKS_REASONING
        out[i] = found[i] | (_RECONSTRUCTS if both else np.uint32(0))
    return out


def signs_of(flags: int) -> tuple[str, ...]:
    """The names of the signs set in one text's flags."""
    return tuple(name for i, name in enumerate(ELICITATION_SIGNS) if int(flags) >> i & 1)


def sign_patterns() -> tuple[list[tuple[str, int]], dict[str, str]]:
    """All (pattern, bit) pairs, signs from bit 0 and marks (parts of a sign) from bit 16 on, and
    the named groups that the patterns use."""
    source = files("stillwatch.signals").joinpath("weights/elicitation.toml")
    table = tomllib.loads(source.read_text("utf-8"))
    named = [(i, table[name]) for i, name in enumerate(ELICITATION_SIGNS)]
    named += [(16 + i, table["marks"][name]) for i, name in enumerate(_MARKS)]
    pairs = [(p, bit) for bit, languages in named for ps in languages.values() for p in ps]
    return pairs, table["words"]


@cache
def sign_automaton() -> Automaton:
    """The automaton of all signs and marks, built on first use."""
    return compile_patterns(*sign_patterns())
