"""Membership: does a suspect hold what was served likelier than what was held out?

Answers of one service are split at random before any is served: some are served, some are held out
and never leave the house. For each, the suspect's log-likelihood a token is set against that of
models that saw neither, which takes out how easy the answer is. If the suspect never saw the served
ones, which half an answer fell in says nothing, and shuffling the halves gives the null: exact,
given that the split was random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.texts import Texts

    Floats = NDArray[np.float64]

SHUFFLES = 19_999
_AT_ONCE = 20_000_000


@dataclass(frozen=True)
class Membership:
    """How much more the suspect gained on served answers than on held-out ones."""

    served: int
    held_out: int
    gain: float
    """Nats a token, more than on held-out answers."""
    p: float


def a_token(texts: Texts, log_likelihood: Floats) -> Floats:
    """Mean log-likelihood of each text's answer tokens."""
    rows = texts.rows[texts.answers]
    counts = np.bincount(rows, minlength=len(texts))
    return np.bincount(rows, log_likelihood, len(texts)) / np.maximum(counts, 1)


def membership(
    served: Floats,
    held_out: Floats,
    served_references: Sequence[Floats],
    held_out_references: Sequence[Floats],
    seed: int,
    shuffles: int = SHUFFLES,
) -> Membership:
    """One-sided permutation test of differences to the mean of the references.

    Each array holds one figure an answer (`a_token`); references are of the same answers.
    """
    gained = served - np.mean(served_references, axis=0)
    other = held_out - np.mean(held_out_references, axis=0)
    whole, many = np.concatenate([gained, other]), len(gained)
    observed = float(gained.mean() - other.mean())
    rng = np.random.default_rng(seed)
    # the sum of one half says all: the total is fixed
    bar = gained.sum() - 1e-9 * np.abs(whole).sum()
    beaten, left = 0, shuffles
    size = max(1, _AT_ONCE // len(whole))
    few = min(many, len(whole) - many)
    while left:
        batch = min(size, left)
        order = rng.random((batch, len(whole))).argpartition(few - 1, axis=1)[:, :few]
        sums = whole[order].sum(axis=1)
        beaten += int(((sums if few == many else whole.sum() - sums) >= bar).sum())
        left -= batch
    return Membership(many, len(other), observed, (1 + beaten) / (1 + shuffles))
