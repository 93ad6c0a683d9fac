"""What a comparison comes to: skill, what is kept of it, and what honest customers pay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.scoring.intervals import over_seeds, wilson

if TYPE_CHECKING:
    from stillwatch.lab.uplift.retained import Retained


@dataclass(frozen=True)
class Skill:
    """Share of the test answered rightly, with its interval: Wilson's of one seed, t of several."""

    share: float
    low: float
    high: float

    @classmethod
    def of(cls, tests: Sequence[Sequence[bool]]) -> Skill:
        """Of the test's hits, one list a seed."""
        shares = [float(np.mean(hits)) for hits in tests]
        mean = float(np.mean(shares))
        interval = over_seeds(shares).interval
        if len(shares) == 1:
            interval = wilson(sum(tests[0]), len(tests[0]))
        low, high = (mean, mean) if interval is None else (interval.low, interval.high)
        return cls(mean, low, high)


@dataclass(frozen=True)
class Kept:
    """What an operator's student has under a measure. `lessons` are those chosen, by seed."""

    operator: str
    skill: Skill
    retained: Retained | None
    lessons: tuple[str, ...]
    tried: dict[str, float]
    """Skill by lesson, those not chosen too."""


@dataclass(frozen=True)
class Honest:
    """What honest customers pay. `valid` is None where there is no trace to be false."""

    valid: float | None
    right: float
    withholds: str
    truthful: bool
    forwards: int
    times_slower: float | None


@dataclass(frozen=True)
class Row:
    """One measure on one task. `worst` is over operators, chosen for each seed on its own."""

    measure: str
    says: str
    kept: tuple[Kept, ...]
    worst: Kept
    formless: float | None
    """What is retained by the best lesson that isn't solved for: whoever makes it needs not know
    the form of what is hidden."""
    honest: Honest


@dataclass(frozen=True)
class Comparison:
    """One task."""

    task: str
    seeds: tuple[int, ...]
    teacher: float
    form_alone: float
    own: Skill
    full: Skill
    rows: tuple[Row, ...]
