"""Controls that always run: a thousand wrong keys, innocent models, and Holm over all tests.

Wrong keys check the arithmetic: under keys that marked nothing, p-values of the suspect's own
output must be uniform. They say nothing about copying, since a model copies what the true key
marked and not what a wrong one would have. For that there are innocent models, which never saw the
text and are tested with the true key: one that is accused ends the trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.provenance.scoring import Guesses, Pairs, collected
from stillwatch.lab.provenance.tails import deviations, tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Scheme
    from stillwatch.lab.provenance.texts import Texts
    from stillwatch.progress import Progress

WRONG_KEYS = 1000
SUSPICIOUS = 1e-3
"""Wrong keys whose p-values are too small at this level show that the null doesn't hold."""


@dataclass(frozen=True)
class Scored:
    """One material under one key."""

    p: float
    deviations: float
    pairs: int
    places: int
    counted: int
    excluded: int
    repeated: int

    @property
    def evidence(self) -> int:
        """Pieces of evidence: pairs, or places where each place gives a share of many pairs."""
        return min(self.pairs, self.counted)

    @property
    def effect(self) -> float:
        """Deviations by the root of the evidence: what a power table is made of."""
        return self.deviations / np.sqrt(self.evidence) if self.evidence else 0.0


@dataclass(frozen=True)
class Wrong:
    """P-values under wrong keys, and what they say of the null."""

    p: NDArray[np.float64]
    below_05: float
    below_01: float
    suspicion: float
    """P-value of a one-sided Kolmogorov-Smirnov test that they are smaller than uniform."""
    distance: float
    """Greatest distance from uniform, either way."""

    def rank(self, p: float) -> float:
        """Share of keys, the true one among them, whose p-value is as small as this."""
        return float((1 + (self.p <= p).sum()) / (len(self.p) + 1))

    @property
    def sound(self) -> bool:
        """Whether they are as they must be; too large is no fault, only a loss of power."""
        return self.suspicion >= SUSPICIOUS


def score(scheme: Scheme, pairs: Pairs) -> Scored:
    """A material's p-value under a key."""
    scores = scheme.scores(pairs.contexts, pairs.tokens) if len(pairs) else np.zeros(0)
    return Scored(
        tail(scheme.null, pairs.weights, scores),
        deviations(scheme.null, pairs.weights, scores),
        len(pairs),
        pairs.places,
        pairs.counted,
        pairs.excluded,
        pairs.repeated,
    )


def wrong_keys(
    texts: Texts,
    guesses: Guesses,
    scheme: Scheme,
    exclusion: str,
    limit: int | None,
    seed: bytes,
    count: int = WRONG_KEYS,
    progress: Progress | None = None,
) -> Wrong:
    """The same material under `count` other keys, drawn from a seed that anybody can recompute."""
    rng = np.random.default_rng(np.frombuffer(hashlib.sha256(seed).digest(), np.uint32))
    pairs = None if scheme.ids_follow_key else collected(texts, guesses, scheme, exclusion, limit)
    told = np.empty(count)
    for number in range(count):
        other = scheme.rekeyed(rng)
        held = pairs if pairs is not None else collected(texts, guesses, other, exclusion, limit)
        told[number] = score(other, held).p
        if progress is not None:
            progress.advance(1)
    return judged(told)


def judged(told: NDArray[np.float64]) -> Wrong:
    """What p-values that must be uniform say of the null."""
    from scipy.stats import kstest

    above = kstest(told, "uniform", alternative="greater")
    either = kstest(told, "uniform")
    return Wrong(
        told,
        float((told <= 0.05).mean()),
        float((told <= 0.01).mean()),
        float(above.pvalue),
        float(either.statistic),
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979), in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda index: p[index])
    adjusted, worst = [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = worst
    return adjusted
