"""How much evidence a test needs: below that its silence means nothing, and it isn't told.

A suspect of which a share was trained on marked text shifts each piece of evidence by some
deviations on average, the *effect*. n pieces add up to effect * sqrt(n) deviations, so that a test
at level alpha has power b from ((z_alpha + z_b) / effect)**2 pieces on. A piece is a distinct pair;
with weights, where each place gives shares of many pairs, it is a place. Effects by mode, statistic
and share are in `power.json`, measured on students that were trained for it; every line says on
what. They were measured on more text than is needed, where pairs recur and a piece is worth less,
so the numbers err on the safe side; but they are of small models and a strong mark: take more where
you can.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from scipy.special import ndtri

from stillwatch.errors import TraceRefused

CEILING = 1_000_000_000


@dataclass(frozen=True)
class Effect:
    """Deviations by the root of the evidence that a share of marked text was seen to give."""

    mode: str
    statistic: str
    share: float
    effect: float
    source: str


@cache
def effects() -> tuple[Effect, ...]:
    """The table of effects that comes with the package."""
    raw = files("stillwatch.lab.provenance").joinpath("power.json").read_text(encoding="utf-8")
    return tuple(Effect(**line) for line in json.loads(raw)["effects"])


def evidence_needed(effect: float, alpha: float, power: float) -> int:
    """Pieces from which a test at `alpha` has `power`.

    >>> evidence_needed(0.1, 0.05, 0.8)
    619
    """
    if effect <= 0:
        return CEILING
    return min(CEILING, math.ceil(((ndtri(1 - alpha) + ndtri(power)) / effect) ** 2))


def power_of(evidence: int, effect: float, alpha: float) -> float:
    """Chance that a test of so many pieces tells a suspect of that effect.

    >>> round(power_of(619, 0.1, 0.05), 2)
    0.8
    """
    from scipy.special import ndtr

    return float(ndtr(effect * math.sqrt(evidence) - ndtri(1 - alpha)))


def least_evidence(mode: str, statistic: str, share: float, alpha: float, power: float) -> int:
    """Pieces that a test must have, by the greatest share in the table that isn't above `share`.

    Raises `TraceRefused` where the table has no line for it.
    """
    known = [line for line in effects() if (line.mode, line.statistic) == (mode, statistic)]
    below = [line for line in known if line.share <= share + 1e-9]
    if not below:
        shares = ", ".join(f"{line.share:g}" for line in known) or "none"
        what = f"{mode}:{statistic} has no figure for a share of {share:g} (it has {shares})"
        raise TraceRefused("power table", what, "Register a share that the table has")
    begin = max(line.share for line in below)
    # two students are few: a smaller share isn't found more easily, whatever they show
    effect = min(line.effect for line in known if line.share >= begin)
    return evidence_needed(effect, alpha, power)
