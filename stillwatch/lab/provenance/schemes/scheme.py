"""What every watermark scheme answers: which pairs it tells apart, and what a pair scores.

A pair is a context of `width` token ids and the token after it. Two pairs that the pseudo-random
function can't tell apart carry one piece of evidence, however often they occur, so every scheme
says which these are (`ids`): for Hugging Face's left hash only the last token of a context counts;
its self hash takes the least hash of the window; its SynthID sees sixteen bits of a hash. And a
score that is the same under every key says nothing of a key (`keyed`): a seed that is key times
token is zero for token 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.null import Null

    Ints = NDArray[np.int64]


class Scheme(Protocol):
    """A watermark under one key."""

    @property
    def width(self) -> int:
        """Tokens before the marked one that it looks at."""
        ...

    @property
    def sees_prompt(self) -> bool:
        """Whether tokens of the prompt can be part of a context."""
        ...

    @property
    def ids_follow_key(self) -> bool:
        """Whether which pairs are told apart depends on the key."""
        ...

    @property
    def null(self) -> Null:
        """The law of a pair's score under a random key."""
        ...

    def ids(self, contexts: Ints, tokens: Ints) -> NDArray[np.uint64]:
        """A name for each pair, shared by those that can't be told apart; contexts [n, width]."""
        ...

    def context_ids(self, contexts: Ints) -> NDArray[np.uint64]:
        """A name for each context, shared by those that can't be told apart."""
        ...

    def keyed(self, contexts: Ints, tokens: Ints) -> NDArray[np.bool_]:
        """Whether a pair's score depends on the key at all; where it doesn't, it is no evidence."""
        ...

    def scores(self, contexts: Ints, tokens: Ints) -> NDArray[np.float64]:
        """What each pair scores under the key; high where the watermark prefers the token."""
        ...

    def rekeyed(self, rng: np.random.Generator) -> Scheme:
        """The same scheme under another key, drawn at random from the keys that it may have."""
        ...

    def parameters(self) -> dict[str, Any]:
        """All but the key, in the words of the engine that serves it."""
        ...

    def secret(self) -> dict[str, Any]:
        """The key, in the words of the engine that serves it."""
        ...


_STEP, _FIRST, _SECOND = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)


def mixed(*columns: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit name of each row of some integer columns (SplitMix64, column by column).

    >>> a, b = mixed(np.array([1, 1]), np.array([2, 3]))
    >>> bool(a == b)
    False
    """
    name = np.zeros(len(columns[0]), np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            name = (name ^ column.astype(np.uint64)) + _STEP
            name = (name ^ (name >> np.uint64(30))) * _FIRST
            name = (name ^ (name >> np.uint64(27))) * _SECOND
            name ^= name >> np.uint64(31)
    return name
