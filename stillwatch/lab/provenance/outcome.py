"""What one test came to."""

from __future__ import annotations

from dataclasses import dataclass

from stillwatch.lab.provenance.controls import Wrong
from stillwatch.lab.provenance.plan import Test


@dataclass(frozen=True)
class Control:
    """An innocent under the same test, or what else must not stand out."""

    name: str
    p: float


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
    missing: str = ""
    """Why the test has too little to go on; empty where it has enough."""

    def refusals(self, control_alpha: float) -> list[str]:
        """Why its p-value may not be told as evidence."""
        found = [self.missing] if self.missing else []
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
