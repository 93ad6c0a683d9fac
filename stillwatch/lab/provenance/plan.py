"""What a trial will do, said before: tests, levels and controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stillwatch.errors import TraceRefused
from stillwatch.lab.provenance.controls import WRONG_KEYS
from stillwatch.lab.provenance.power import least_evidence
from stillwatch.lab.provenance.predictions import STATISTICS
from stillwatch.lab.provenance.scoring import EXCLUSIONS

MODES: dict[str, tuple[str, ...]] = {
    "marked": ("tokens",),
    "closed": ("tokens",),
    "open_unsupervised": STATISTICS,
    "open_supervised": STATISTICS,
    "canaries": ("likelihood", "occurrence"),
    "membership": ("likelihood",),
}
"""The tests there are, and what each may count."""

KEYED = ("marked", "closed", "open_unsupervised", "open_supervised")
OPEN = ("open_unsupervised", "open_supervised")

CONTROL = 0.01
"""The least level at which an innocent may fail; it is no lower than the trial's own, either."""
ALPHAS = (1e-9, 0.1)
"""Levels that a trial may have."""
POWERS = (0.5, 0.999)
"""Powers that it may ask for: with less, hardly any evidence would be enough."""
SHARES = (0.001, 1.0)
FEWEST_KEYS = 100
MOST_RUNS = 100

_TODO = "Say a test as MODE:STATISTIC, as docs/provenance.md shows"


@dataclass(frozen=True)
class Test:
    """One test of a trial; `key` counts from 1, and is 0 for tests without one."""

    mode: str
    statistic: str
    key: int = 0
    exclusion: str = "context"
    limit: int | None = None
    least: int = 0
    """Pieces of evidence below which it is refused."""

    @property
    def name(self) -> str:
        """What a report calls it."""
        key = f", key {self.key}" if self.key else ""
        return f"{self.mode}:{self.statistic}{key}"


@dataclass(frozen=True)
class Levels:
    """How sure one wants to be. `alpha` is for all tests together."""

    alpha: float = 0.01
    power: float = 0.8
    share: float = 0.25
    """The least share of marked text in a suspect's training that the trial must find."""
    control_alpha: float = CONTROL
    """An innocent model with a smaller p-value ends the trial."""
    wrong_keys: int = WRONG_KEYS

    def fault(self) -> str | None:
        """What can't be, or would let a bad test pass; None where nothing is wrong.

        An innocent whose p-value would be a finding were it the suspect's shows that the test
        accuses. So the controls' level is no lower than the trial's, nor than what a single
        innocent has by chance once in a hundred times, however small a level the trial has.
        """
        for name, value, (low, high) in (
            ("level", self.alpha, ALPHAS),
            ("power", self.power, POWERS),
            ("share", self.share, SHARES),
            ("controls' level", self.control_alpha, (0.0, 1.0)),
        ):
            if not low <= value <= high:
                return f"the {name} is not between {low:g} and {high:g}"
        if self.control_alpha < control_level(self.alpha):
            return (
                f"an innocent would fail below {self.control_alpha:g} only, and has to below "
                f"{control_level(self.alpha):g}"
            )
        if self.wrong_keys < FEWEST_KEYS:
            return f"fewer than {FEWEST_KEYS} wrong keys"
        return None


def control_level(alpha: float) -> float:
    """The least level of controls in a trial at `alpha`.

    >>> control_level(0.05), control_level(1e-6)
    (0.05, 0.01)
    """
    return max(alpha, CONTROL)


def needs(test: Test) -> tuple[str, ...]:
    """The roles of all that a test is made on, the suspect's and the innocents' first.

    >>> needs(Test("membership", "likelihood"))
    ('suspect_model', 'innocent_model', 'served', 'held_out')
    """
    model = test.mode in OPEN or test.statistic == "likelihood"
    more = {
        "open_supervised": ("served",),
        "open_unsupervised": ("other",),
        "canaries": ("canaries",),
        "membership": ("served", "held_out"),
    }
    first = ("suspect_model", "innocent_model") if model else ("suspect_text", "innocent_text")
    return (*first, *more.get(test.mode, ()))


def innocents_needed(test: Test) -> int:
    """One as the control; where it is compared with innocents, another to compare with."""
    return 2 if test.statistic == "contrast" or test.mode == "membership" else 1


def planned(
    names: list[str],
    keys: int,
    levels: Levels,
    exclusion: str = "context",
    limit: int | None = None,
    runs: int = 1,
) -> list[Test]:
    """The tests of `MODE:STATISTIC` names, those with a key once for each.

    The least evidence is from the power table, at the level that the strictest of Holm's
    steps leaves where there may be so many runs. Raises `TraceRefused`.
    """
    if exclusion not in EXCLUSIONS[:3]:
        what = f"no exclusion is called {exclusion!r}"
        raise TraceRefused("plan", what, f"There are {', '.join(EXCLUSIONS[:3])}")
    if (fault := levels.fault()) is not None:
        raise TraceRefused("plan", fault, "Name shares, as 0.01; docs/provenance.md says which")
    if not 1 <= runs <= MOST_RUNS:
        raise TraceRefused("plan", f"has {runs} runs", f"Register from 1 to {MOST_RUNS}")
    found: list[Test] = []
    for name in names:
        mode, _, statistic = name.partition(":")
        statistic = statistic or MODES.get(mode, ("",))[0]
        if statistic not in MODES.get(mode, ()):
            known = "; ".join(f"{mode}: {', '.join(many)}" for mode, many in MODES.items())
            raise TraceRefused("plan", f"no test is called {name!r} ({known})", _TODO)
        if mode in KEYED:
            found += [Test(mode, statistic, key, exclusion, limit) for key in range(1, keys + 1)]
        else:
            found.append(Test(mode, statistic))
    if not found or len(set(found)) < len(found):
        raise TraceRefused("plan", "has no test, or one twice", _TODO)
    return [_with_least(test, least(test, len(found) * runs, levels)) for test in found]


def least(test: Test, many: int, levels: Levels) -> int:
    """Pieces of evidence that a test needs as one of `many`; 0 where the power table has none."""
    if test.mode not in KEYED:
        return 0
    alpha = levels.alpha / many
    return least_evidence(test.mode, test.statistic, levels.share, alpha, levels.power)


def _with_least(test: Test, needed: int) -> Test:
    if test.limit is not None and test.limit < needed:
        what = f"{test.name} is limited to {test.limit:,} pairs and needs {needed:,}"
        raise TraceRefused("plan", what, "Raise the limit, or the share that must be found")
    return replace(test, least=needed)


def test_of(told: dict[str, Any]) -> Test:
    """A test as a registration holds it."""
    return Test(**told)
