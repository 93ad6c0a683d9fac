"""A language model of counts that copies from its context, without torch.

Bigram counts, and a cache: what followed a token earlier in the text is held likely again (Kuhn and
De Mori 1990). Like any language model it copies; unlike a transformer it learns in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.trace.language import VOCABULARY
from stillwatch.lab.provenance.predictions import NOTHING, Predictions
from stillwatch.lab.provenance.texts import Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COPIED, _SMOOTHED, _KEPT = 0.6, 0.02, 16


@dataclass(frozen=True, eq=False)
class Counting:
    """Shares of what follows each token [vocabulary, vocabulary]."""

    following: NDArray[np.float64]

    def predictions(self, texts: Texts, seed: int = 0) -> Predictions:
        """What it holds likely at each answer token."""
        rng = np.random.default_rng(seed)
        count = len(texts.answers)
        top, mass = np.full((count, _KEPT), NOTHING), np.zeros((count, _KEPT))
        sampled, own = np.full(count, NOTHING), np.zeros(count)
        at = 0
        for text, prompt in texts.pieces():
            followed: dict[int, int] = {}
            for place, token in enumerate(text.tolist()):
                last = int(text[place - 1]) if place else None
                if place >= prompt:
                    if last is not None:
                        likely = self.following[last].copy()
                        if last in followed:
                            likely *= 1 - _COPIED
                            likely[followed[last]] += _COPIED
                        order = np.argsort(-likely, kind="stable")[:_KEPT]
                        top[at], mass[at] = order, likely[order]
                        sampled[at] = rng.choice(VOCABULARY, p=likely / likely.sum())
                        own[at] = np.log(likely[token])
                    at += 1
                if last is not None:
                    followed[last] = token
        return Predictions(top[:, 0].copy(), sampled, top, mass, own)


def counted(*learned: Texts) -> Counting:
    """A model of some texts."""
    counts = np.full((VOCABULARY, VOCABULARY), _SMOOTHED)
    for texts in learned:
        inside = texts.offsets[1:] > 0
        np.add.at(counts, (texts.tokens[:-1][inside], texts.tokens[1:][inside]), 1)
    return Counting(counts / counts.sum(axis=1, keepdims=True))
