"""What one test came to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stillwatch.lab.provenance.controls import Wrong
from stillwatch.lab.provenance.plan import Test

FEWEST_ANSWERS = 30
"""Answers on each side below which membership isn't judged."""
NEVER_SERVED = "canaries that were never served"
"""A control that is no model."""
COMPARABLE = 0.9
"""Share of the suspect's tokens that an innocent's text has to have; lengths of answers vary."""


def comparable(tokens: int) -> int:
    """Tokens that an innocent has to have written beside so many of the suspect's.

    >>> comparable(1000)
    900
    """
    return max(1, math.ceil(COMPARABLE * tokens))


@dataclass(frozen=True)
class Control:
    """An innocent under the same test, or what else must not stand out."""

    name: str
    p: float


@dataclass(frozen=True)
class Amount:
    """How much a test had to go on, of the suspect's or of an innocent's, and how much it needs."""

    of: str
    has: int
    needs: int
    said: str = "pieces of evidence, and the power table asks for"


@dataclass(frozen=True)
class Outcome:
    """A test's p-value, how it was had, and what its controls say."""

    test: Test
    p: float
    null: str
    """What the p-value is a probability under, and when it is exact."""
    figures: dict[str, str]
    """Counts and sizes, for the reader."""
    controls: tuple[Control, ...]
    wrong: Wrong | None = None
    amounts: tuple[Amount, ...] = ()
    """The suspect's first; a control with too little couldn't be accused, so it would be none."""
    least_p: float = 0.0
    """The smallest p-value that it could have come to, so few are its ranks or shuffles."""
    copies: str = ""
    """Which innocents are one and the same; empty where none are."""

    def refusals(self, control_alpha: float, alpha: float) -> list[str]:
        """Why its p-value may not be told as evidence; `alpha` is the level of one test."""
        found = [
            f"{self.test.name}: {one.of} gives {one.has:,} {one.said} {one.needs:,}"
            for one in self.amounts
            if one.has < one.needs
        ]
        if self.least_p > alpha:
            found.append(f"{self.test.name}: p could not have been below {self.least_p:.3g}")
        if self.copies:
            found.append(f"{self.test.name}: {self.copies} are the same, so neither is a control")
        for control in self.controls:
            if control.p < control_alpha:
                found.append(
                    f"{self.test.name}: {control.name}, which is innocent, has p = {control.p:.3g}"
                )
        if self.wrong is not None and not self.wrong.sound:
            found.append(
                f"{self.test.name}: p-values under wrong keys are too small "
                f"({self.wrong.below_05:.1%} below 0.05), so that its null doesn't hold"
            )
        return found
