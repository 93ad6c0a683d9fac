"""What a suspect holds likely at each token of some answers, and guesses made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.provenance.scoring import Guesses

if TYPE_CHECKING:
    from stillwatch.lab.provenance.scoring import Floats
    from stillwatch.lab.provenance.texts import Ints, Texts

STATISTICS = ("tokens", "sampled", "mass", "contrast")
NOTHING = -1
"""Stands where nothing precedes a token, so that nothing is predicted."""


@dataclass(frozen=True)
class Predictions:
    """By answer token, in order of `Texts.answers`; `kept` most likely tokens of each."""

    likeliest: Ints
    sampled: Ints
    top: Ints
    """Token ids [answers, kept]."""
    mass: Floats
    """Their probabilities [answers, kept]."""
    log_likelihood: Floats
    """Of the token that stands there."""


def guesses(
    texts: Texts, told: Predictions, statistic: str, innocent: Predictions | None = None
) -> Guesses:
    """Guesses by a statistic.

    - `tokens`: the most likely token of each place; exact, and needs least of a suspect.
    - `sampled`: one drawn token of each place, with a registered seed.
    - `mass`: the most likely tokens, weighted by their probability.
    - `contrast`: the same, less what an innocent model gives them: what both hold likely because
      the language is so cancels, and what is left is the suspect's own.
    """
    places = texts.answers
    if statistic in ("tokens", "sampled"):
        tokens = told.likeliest if statistic == "tokens" else told.sampled
        there = tokens != NOTHING
        return Guesses(places[there], tokens[there])
    parts = [(told, 1.0)]
    if statistic == "contrast" and innocent is not None:
        parts.append((innocent, -1.0))
    at = np.concatenate([np.repeat(places, part.top.shape[1]) for part, _ in parts])
    tokens = np.concatenate([part.top.ravel() for part, _ in parts])
    weights = np.concatenate([sign * part.mass.ravel() for part, sign in parts])
    there = tokens != NOTHING
    # places in order, so that a limit takes the first of them
    order = np.argsort(at[there], kind="stable")
    return Guesses(at[there][order], tokens[there][order], weights[there][order])
