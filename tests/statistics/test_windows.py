"""The window test: its null, what it sees, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, kstest

from stillwatch.statistics.windows import (
    K,
    WindowTest,
    _against_rest,
    _crowding_of_count,
    _nearest,
)

D = 16


def traffic(rng: np.random.Generator, n: int, topics: int = 30, seed: int = 0) -> np.ndarray:
    """Unit vectors (n, D) about topics that `seed` chose."""
    centres = np.random.default_rng(seed).normal(size=(topics, D))
    points = centres[rng.integers(0, topics, n)] + 0.6 * rng.normal(size=(n, D))
    return as_unit(points)


def as_unit(points: np.ndarray) -> np.ndarray:
    """Each row at length one."""
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def planted(rng: np.random.Generator, n: int, about: int = 99) -> np.ndarray:
    """Unit vectors (n, D) about one thing of which benign traffic has nothing."""
    centre = np.random.default_rng(about).normal(size=D)
    return as_unit(centre + 0.3 * rng.normal(size=(n, D)))


@pytest.fixture(scope="module")
def hundred() -> WindowTest:
    """A test for windows of 100, set up on 2,000 points."""
    rng = np.random.default_rng(1)
    return WindowTest.of(traffic(rng, 2_000), 100, rng)


def test_benign_windows_exceed_the_threshold_as_often_as_said(hundred: WindowTest):
    """Fresh windows of the same traffic, no two of which share a point."""
    rng = np.random.default_rng(2)
    scores = np.array([hundred.score(traffic(rng, 100)) for _ in range(600)])
    for rate in (0.02, 0.05, 0.2):
        beyond = (scores > hundred.threshold(rate)).mean()
        # One reference is itself a draw, which moves the rate besides the sampling error.
        assert abs(beyond - rate) < 0.4 * rate + 3 * np.sqrt(rate * (1 - rate) / 600)


def test_null_windows_are_like_fresh_ones():
    """Over many references, a fresh window's p is uniform: set-up and use do the same."""
    rng = np.random.default_rng(3)
    p = [WindowTest.of(traffic(rng, 240), 60, rng, 99).p(traffic(rng, 60)) for _ in range(150)]
    assert kstest(p, "uniform").pvalue > 0.01


def test_points_in_a_ball_are_beta_binomial():
    """The exact law of how many of the window are nearer than the K-th other, by simulation."""
    rng = np.random.default_rng(4)
    n, window = 120, 40
    counts = []
    for _ in range(400):
        points = traffic(rng, n)
        inside = np.arange(n) < window
        _, count = _against_rest(*_nearest(points, 64), inside)
        counts.append(count[0])
    expected = betabinom.sf(np.arange(12) - 1, window - 1, K, n - window - K + 1)
    seen = [(np.array(counts) >= c).mean() for c in range(12)]
    assert np.allclose(seen, expected, atol=4 * np.sqrt(0.25 / 400))
    assert np.allclose(_crowding_of_count(window, n - window)[:12], np.log(expected) ** 2)


def test_neighbours_and_counts_are_those_of_a_full_search():
    """Against all pairs, one by one, with and without a window taken out."""
    rng = np.random.default_rng(5)
    points = traffic(rng, 200)
    near, similarity = _nearest(points, 64)
    inside = np.zeros(200, bool)
    inside[rng.permutation(200)[:50]] = True
    reach, count = _against_rest(near, similarity, inside)
    every = points @ points.T
    for i in range(200):
        others = np.arange(200) != i
        limit = np.sort(every[i, others & ~inside])[-K]
        assert reach[i] == pytest.approx(limit, abs=1e-6)
        assert count[i] == (every[i, others & inside] > limit + 1e-7).sum()


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_a_planted_part_is_found(hundred: WindowTest, share: float):
    """Ten of a hundred about one new thing: nearly every window is beyond 1 in 100."""
    rng = np.random.default_rng(6)
    strange = round(100 * share)
    found = [
        hundred.score(np.concatenate([traffic(rng, 100 - strange), planted(rng, strange)]))
        > hundred.threshold(0.01)
        for _ in range(50)
    ]
    assert np.mean(found) > 0.9


def test_each_part_sees_what_it_is_for(hundred: WindowTest):
    """Strays far from everything are novel and don't crowd; more of one topic crowds, and isn't
    novel."""
    rng = np.random.default_rng(7)
    benign = np.mean([hundred.parts(traffic(rng, 100)) for _ in range(40)], axis=0)
    deviation = hundred.moments[1]
    strays = np.concatenate([traffic(rng, 80), as_unit(rng.normal(size=(20, D)))])
    one_topic = np.concatenate([traffic(rng, 80), traffic(rng, 20, topics=1)])
    _, crowding, novelty = (hundred.parts(strays) - benign) / deviation
    assert novelty > 4 > crowding
    _, crowding, novelty = (hundred.parts(one_topic) - benign) / deviation
    assert crowding > 4 > novelty


def test_order_changes_nothing(hundred: WindowTest):
    """Of the window's points; and what was known of them beforehand goes with them."""
    rng = np.random.default_rng(8)
    points = np.concatenate([traffic(rng, 90), planted(rng, 10)])
    order = rng.permutation(100)
    score = hundred.score(points)
    assert hundred.score(points[order]) == pytest.approx(score, rel=1e-4)
    reach = hundred.reach_of(points)
    assert hundred.score(points[order], reach[order]) == pytest.approx(score, rel=1e-4)


def test_the_same_seed_sets_up_the_same_test():
    """And another one a test that differs a little."""
    points = traffic(np.random.default_rng(9), 400)
    first, again, other = (
        WindowTest.of(points, 50, np.random.default_rng(seed), 200) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.null, again.null)
    assert not np.array_equal(first.null, other.null)


def test_texts_without_words_and_copies_are_borne():
    """Zero vectors, and a window of one point a hundred times, give numbers."""
    rng = np.random.default_rng(10)
    points = traffic(rng, 600)
    points[:30] = 0
    test = WindowTest.of(points, 60, rng, 100)
    copies = np.repeat(traffic(rng, 1), 60, axis=0)
    assert np.isfinite(test.score(np.zeros((60, D), np.float32)))
    assert test.score(copies) > test.threshold(0.01)
    assert test.p(copies) == pytest.approx(1 / 101)
    alike = WindowTest.of(np.repeat(points[40:41], 300, axis=0), 60, rng, 100)
    assert np.isfinite([*alike.null, alike.score(copies)]).all()


def test_bad_input_is_refused(hundred: WindowTest):
    """Too small a reference, another shape, numbers that aren't, rates that can't be told."""
    rng = np.random.default_rng(11)
    with pytest.raises(ValueError, match="at least 200"):
        WindowTest.of(traffic(rng, 150), 100, rng)
    with pytest.raises(ValueError, match="windows of shape"):
        hundred.score(traffic(rng, 99))
    with pytest.raises(ValueError, match="finite"):
        hundred.score(np.full((100, D), np.nan, np.float32))
    for rate in (0.0, 1e-4, 1.0):
        with pytest.raises(ValueError, match="rates"):
            hundred.threshold(rate)
