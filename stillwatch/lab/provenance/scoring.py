"""Which pairs of a text are evidence, each of them once: exclusion and de-duplication.

A pair is a context and a token that the suspect put after it, or would have. Three things make a
naive count accuse the innocent, and each has its rule here.

- A pair that occurs again is the same evidence again: pairs that the pseudo-random function can't
  tell apart count once, over all texts (de-duplication).
- Any language model copies from its context. Where the context is marked text, what is copied is
  marked. A pair that stands in the text before it, prompt included, doesn't count (exclusion).
- What may count must be known before it is scored. Whether a pair counts depends on the text before
  it alone, so scores under the true key are as under any other for a suspect that never saw it.

How far the exclusion goes is a choice of the plan: `pair` (the rule above), `context` (nothing
counts whose context stood in the text before) or `fresh` (nothing counts whose context stood in any
text before). Under `fresh` each score is a fresh draw given all before it, and its null is exact
by optional skipping also where the texts themselves were drawn by the key; `pair` is exact where
they weren't, and nearly so where they were (docs/provenance.md). `none` is the naive count, kept to
show what it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Ints, Scheme
    from stillwatch.lab.provenance.texts import Texts

    Floats = NDArray[np.float64]
    Names = NDArray[np.uint64]

EXCLUSIONS = ("pair", "context", "fresh", "none")


@dataclass(frozen=True)
class Guesses:
    """What a suspect puts at places of some texts: `places` [n] in `Texts.tokens`, `tokens` [n].

    With `weights` [n] each is a share of one guess (probability mass), and equal pairs add up;
    without, each is a guess of its own, and equal pairs count once.
    """

    places: Ints
    tokens: Ints
    weights: Floats | None = None


@dataclass(frozen=True)
class Pairs:
    """Evidence: distinct pairs with their weights, and what became of the rest."""

    contexts: Ints
    tokens: Ints
    weights: Floats
    places: int
    """Places of the texts that had a context of full width and were looked at."""
    counted: int
    """Places that gave evidence, be it shared with others."""
    excluded: int
    """Guesses whose pair, or context, stood before them, and those that no key decides."""
    repeated: int
    """Guesses whose pair had been counted."""

    def __len__(self) -> int:
        return len(self.tokens)


def own_tokens(texts: Texts) -> Guesses:
    """The answers themselves as guesses: what the suspect wrote, or text that may be marked."""
    return Guesses(texts.answers, texts.tokens[texts.answers])


def collected(
    texts: Texts,
    guesses: Guesses,
    scheme: Scheme,
    exclusion: str = "pair",
    limit: int | None = None,
) -> Pairs:
    """The pairs of `guesses` that are evidence under a scheme; the first `limit` of them."""
    width = scheme.width
    before = texts.offsets - (0 if scheme.sees_prompt else texts.prompts[texts.rows])
    whole = before[guesses.places] >= width
    places, tokens = guesses.places[whole], guesses.tokens[whole]
    weights = None if guesses.weights is None else guesses.weights[whole]
    contexts = _windows(texts.tokens, places, width)
    ids = scheme.ids(contexts, tokens)

    kept = ~_excluded(texts, scheme, exclusion, places, ids, contexts)
    kept &= scheme.keyed(contexts, tokens)
    left = np.flatnonzero(kept)
    if weights is None:
        _, first = np.unique(ids[left], return_index=True)
        chosen = left[np.sort(first)][:limit]
        summed = np.ones(len(chosen))
    else:
        _, first, which = np.unique(ids[left], return_index=True, return_inverse=True)
        totals = np.bincount(which, weights[left], len(first)).astype(np.float64)
        order = np.argsort(first, kind="stable")[:limit]
        chosen, summed = left[first[order]], totals[order]
    return Pairs(
        contexts[chosen],
        tokens[chosen],
        summed,
        places=len(np.unique(places)),
        counted=len(np.unique(places[left])),
        excluded=len(kept) - len(left),
        repeated=len(left) - len(chosen),
    )


def _windows(tokens: Ints, places: Ints, width: int) -> Ints:
    return tokens[places[:, None] + np.arange(-width, 0)[None, :]]


def _excluded(
    texts: Texts, scheme: Scheme, exclusion: str, places: Ints, ids: Names, contexts: Ints
) -> NDArray[np.bool_]:
    if exclusion == "none":
        return np.zeros(len(places), np.bool_)
    # every place of the texts with a full window, prompts too: that is what can be copied
    stood = np.flatnonzero(texts.offsets >= scheme.width)
    windows = _windows(texts.tokens, stood, scheme.width)
    if exclusion == "pair":
        names, asked = scheme.ids(windows, texts.tokens[stood]), ids
    else:
        names, asked = scheme.context_ids(windows), scheme.context_ids(contexts)
    if exclusion == "fresh":
        return _first_place(names, stood, asked) < places
    rows = texts.rows
    marks = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return _first_place(names ^ marks[stood], stood, asked ^ marks[places]) < places


def _first_place(names: Names, places: Ints, asked: Names) -> Ints:
    """Where each asked name stands first; past every place if it doesn't."""
    known, first = np.unique(names, return_index=True)
    if not len(known):
        return np.full(len(asked), np.iinfo(np.int64).max)
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[at] == asked, places[first[at]], np.iinfo(np.int64).max)
