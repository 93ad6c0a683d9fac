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
    control_alpha: float = 0.01
    """An innocent model with a smaller p-value ends the trial."""
    wrong_keys: int = WRONG_KEYS


def planned(
    names: list[str],
    keys: int,
    levels: Levels,
    exclusion: str = "context",
    limit: int | None = None,
) -> list[Test]:
    """The tests of `MODE:STATISTIC` names, those with a key once for each.

    The least evidence is from the power table, at the level that the strictest of Holm's
    steps leaves. Raises `TraceRefused`.
    """
    if exclusion not in EXCLUSIONS[:3]:
        what = f"no exclusion is called {exclusion!r}"
        raise TraceRefused("plan", what, f"There are {', '.join(EXCLUSIONS[:3])}")
    bounds = (levels.alpha, levels.power, levels.share, levels.control_alpha)
    if not all(0 < value < 1 or value == levels.share == 1 for value in bounds):
        raise TraceRefused("plan", "a level is not between 0 and 1", "Name shares, as 0.01")
    if levels.wrong_keys < 100:
        raise TraceRefused("plan", "has fewer than 100 wrong keys", "Take 1,000")
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
    return [_with_least(test, len(found), levels) for test in found]


def _with_least(test: Test, many: int, levels: Levels) -> Test:
    if test.mode not in KEYED:
        return test
    alpha = levels.alpha / many
    least = least_evidence(test.mode, test.statistic, levels.share, alpha, levels.power)
    if test.limit is not None and test.limit < least:
        what = f"{test.name} is limited to {test.limit:,} pairs and needs {least:,}"
        raise TraceRefused("plan", what, "Raise the limit, or the share that must be found")
    return replace(test, least=least)


def test_of(told: dict[str, Any]) -> Test:
    """A test as a registration holds it."""
    return Test(**told)
