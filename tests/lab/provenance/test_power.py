"""Power: the formula against drawing, and the table that comes with the package."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.errors import TraceRefused
from stillwatch.lab.provenance.plan import KEYED, MODES, Levels, planned
from stillwatch.lab.provenance.power import (
    CEILING,
    effects,
    evidence_needed,
    least_evidence,
    power_of,
)
from stillwatch.lab.provenance.schemes.null import Trials


@pytest.mark.parametrize("effect", [0.05, 0.2])
def test_so_many_pairs_have_the_power_that_was_asked_for(effect: float) -> None:
    """Binomial draws with that effect, tested by the exact tail."""
    null, pairs = Trials(0.5), evidence_needed(effect, 0.01, 0.8)
    assert power_of(pairs, effect, 0.01) == pytest.approx(0.8, abs=0.01)
    hits = np.random.default_rng(0).binomial(pairs, 0.5 + 0.5 * effect, 2000)
    found = np.mean([null.tail(float(told), pairs) < 0.01 for told in hits])
    assert found == pytest.approx(0.8, abs=0.04)


def test_no_effect_needs_more_than_there_is() -> None:
    """And a tiny one too."""
    assert evidence_needed(0.0, 0.01, 0.8) == evidence_needed(1e-9, 0.01, 0.8) == CEILING


def test_the_table_is_whole() -> None:
    """Every line has a source and an effect; closed tests need as much as the literature says."""
    assert all(line.effect > 0 and line.source and 0 < line.share <= 1 for line in effects())
    assert least_evidence("closed", "tokens", 0.05, 0.01, 0.8) > 100_000
    for mode in KEYED:
        known = {line.statistic for line in effects() if line.mode == mode}
        assert known == set(MODES[mode])


def test_a_greater_share_needs_less() -> None:
    """The line of the greatest share that isn't above what must be found."""
    told = [
        least_evidence("open_supervised", "contrast", share, 0.01, 0.8)
        for share in (1.0, 0.5, 0.25)
    ]
    assert told == sorted(told)
    assert least_evidence("open_supervised", "contrast", 0.3, 0.01, 0.8) == told[2]
    with pytest.raises(TraceRefused, match="no figure for a share"):
        least_evidence("open_supervised", "contrast", 1e-6, 0.01, 0.8)


def test_a_plan_asks_for_more_the_more_tests_there_are() -> None:
    """At the level that Holm's strictest step leaves."""
    name = "open_supervised:contrast"
    one = planned([name], 1, Levels())[0].least
    many = planned([name], 5, Levels())
    assert [test.key for test in many] == [1, 2, 3, 4, 5]
    assert many[0].least > one
