"""A small language with entropy and with copying, to serve marked and unmarked text of.

A text has a topic, which its first token tells. After each token one of ten others follows, by
topic; or any token at all (`NOVEL`), as names do; or, if the token stood in the text before, what
followed it then, with probability `COPYING`, as names and terms recur in real text. A model that
learns the language learns to copy from its context, and that is what accuses it when marked text is
put before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.provenance.texts import Texts, texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Scheme

VOCABULARY = 256
FIRST = 2
"""Tokens 0 and 1 are padding and the end."""
TOPICS, FOLLOWERS = 4, 10
COPYING, NOVEL = 0.95, 0.45
PROMPT, ANSWER = 8, 56


@dataclass(frozen=True)
class Language:
    """`following` [topics, vocabulary, vocabulary]: what follows what, by topic."""

    following: NDArray[np.float32]

    def served(self, texts: int, seed: int, mark: Scheme | None = None, bias: float = 2.0) -> Texts:
        """Texts of one length: a user's tokens, then an answer, marked by a green list or not."""
        rng = np.random.default_rng(seed)
        bonus = None if mark is None else np.exp(bias * _greens(mark))
        rows = np.arange(texts)
        topic = rng.integers(TOPICS, size=texts)
        tokens = np.empty((texts, PROMPT + ANSWER), np.int64)
        tokens[:, 0] = FIRST + topic
        followed = np.zeros((texts, VOCABULARY), np.int64)
        for at in range(1, PROMPT + ANSWER):
            last = tokens[:, at - 1]
            likely = self.following[topic, last].copy()
            copied = followed[rows, last]
            again = copied > 0
            likely[again] *= 1 - COPYING
            likely[rows[again], copied[again]] += COPYING
            if bonus is not None and at >= PROMPT:
                likely *= bonus[last]
            sums = likely.cumsum(axis=1)
            drawn = rng.random(texts) * sums[:, -1] * (1 - 1e-6)
            tokens[:, at] = (sums <= drawn[:, None]).sum(axis=1)
            followed[rows, last] = tokens[:, at]
        return texts_of([(row[:PROMPT].tolist(), row[PROMPT:].tolist()) for row in tokens])


def language(seed: int = 0) -> Language:
    """The language of a seed: followers and their shares by topic."""
    rng = np.random.default_rng(seed)
    following = np.zeros((TOPICS, VOCABULARY, VOCABULARY), np.float32)
    shares = 1 / np.arange(1, FOLLOWERS + 1) ** 0.7
    for topic in range(TOPICS):
        for token in range(VOCABULARY):
            chosen = rng.choice(np.arange(FIRST, VOCABULARY), FOLLOWERS, replace=False)
            following[topic, token, FIRST:] = NOVEL / (VOCABULARY - FIRST)
            following[topic, token, chosen] += (1 - NOVEL) * shares / shares.sum()
    return Language(following)


def _greens(mark: Scheme) -> NDArray[np.float32]:
    """Scores of all tokens after all tokens [vocabulary, vocabulary]; for contexts of one token."""
    before, after = np.divmod(np.arange(VOCABULARY**2), VOCABULARY)
    return mark.scores(before[:, None], after).reshape(VOCABULARY, VOCABULARY).astype(np.float32)
