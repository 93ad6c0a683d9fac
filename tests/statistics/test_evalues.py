"""p-values by rank and e-values: valid under the null, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.statistics.evalues import log10_e, rank_p

SMALL = st.integers(0, 6).map(float)


@given(st.lists(SMALL, min_size=1), st.lists(SMALL), st.booleans())
def test_rank_p_counts_controls_as_extreme(values: list[float], controls: list[float], high: bool):
    """Ties count as extreme, and the value itself counts once, so that p is never 0."""
    expected = [
        (1 + sum(c >= v if high else c <= v for c in controls)) / (1 + len(controls))
        for v in values
    ]
    assert np.allclose(rank_p(values, controls, high=high), expected)


@pytest.mark.parametrize("high", [True, False])
def test_p_is_valid_under_the_null(high: bool):
    """P(p <= a) is at most a for a value drawn as the controls are, ties or no ties."""
    rng = np.random.default_rng(5)
    for draw in (rng.normal, lambda size: rng.integers(0, 4, size).astype(float)):
        p = np.array([rank_p([draw(size=1)[0]], draw(size=19), high=high)[0] for _ in range(4000)])
        for a in (0.05, 0.1, 0.25, 0.5):
            assert (p <= a).mean() <= a + 4 * np.sqrt(a * (1 - a) / 4000)


def test_e_expects_at_most_one_under_the_null():
    """A fair bet: for uniform p exactly 1, and less for p by rank of 99 controls."""
    rng = np.random.default_rng(6)
    e = 10 ** log10_e(1 - rng.random(2_000_000))
    # p^(-1/2) / 2 has no finite variance; two million draws are within a hundredth or two.
    assert abs(e.mean() - 1) < 0.02
    ranks = np.arange(1, 101) / 100
    assert 0.8 < (10 ** log10_e(ranks)).mean() <= 1
    assert (10 ** log10_e(np.arange(1, 10_001) / 10_000)).mean() <= 1


@given(st.floats(1e-300, 1.0), st.floats(1e-300, 1.0))
def test_smaller_p_is_more_evidence(p: float, q: float):
    """Decreasing in p, finite, and 1 costs log10 of 2."""
    assert (log10_e(p) >= log10_e(q)) == (p <= q) or np.isclose(p, q)
    assert np.isfinite(log10_e(p))
    assert np.isclose(log10_e(1.0), -np.log10(2))
