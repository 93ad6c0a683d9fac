"""Votes over claims: what most of the served steps say of a cell is taken to be true."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from stillwatch.lab.tasks.reading import Claim, Question


@dataclass
class Votes:
    """How often each result was claimed, by question.

    >>> votes = Votes()
    >>> votes.count([(("a", 1), 4), (("a", 1), 4), (("a", 1), 2)])
    >>> votes.winners(), round(votes.support([(("a", 1), 2)]), 2)
    ({('a', 1): 4}, -1.1)
    """

    counts: dict[Question, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, claims: Iterable[Claim], weight: int = 1) -> None:
        """Counts each claim `weight` times."""
        for question, result in claims:
            self.counts[question][result] += weight

    def winners(self) -> dict[Question, int]:
        """The result with most votes by question; of equals, the lowest."""
        return {
            question: min(counts, key=lambda result: (-counts[result], result))
            for question, counts in self.counts.items()
        }

    def support(self, claims: Iterable[Claim]) -> float:
        """The logarithm of the share of votes that all the claims have together."""
        return sum(
            math.log(
                max(self.counts[question][result], 0.5) / max(1, self.counts[question].total())
            )
            for question, result in claims
        )
