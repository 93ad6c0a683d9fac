"""Votes over claims: what most of the served steps say of a cell is taken to be true."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stillwatch.lab.tasks.reading import Claim, Question


@dataclass
class Votes:
    """How often each result was claimed, by question.

    >>> votes = Votes()
    >>> votes.count([(("a", 1), 4), (("a", 1), 4), (("a", 1), 2)])
    >>> votes.winners(), votes.supports([(("a", 1), 2)])
    ({('a', 1): 4}, False)
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

    def supports(self, claims: Iterable[Claim]) -> bool:
        """Whether no claim is outvoted."""
        return supported(claims, self.winners())


def supported(claims: Iterable[Claim], known: Mapping[Question, int]) -> bool:
    """Whether all claims are as known."""
    return all(known.get(question) == result for question, result in claims)
