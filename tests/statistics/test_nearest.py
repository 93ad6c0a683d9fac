"""Nearest twins: against a full search, and through ties and cells."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics import nearest
from stillwatch.statistics.mmd import Means, Samples, squared_mmd
from stillwatch.statistics.nearest import nearest_twins

D = 24


def brute_nearest(mmd2: np.ndarray, k: int) -> np.ndarray:
    """The k others of least value of each row; ties by place."""
    rows = []
    for i, row in enumerate(mmd2):
        others = [j for j in range(len(row)) if j != i]
        rows.append(sorted(others, key=lambda j: (row[j], j))[:k])
    return np.array(rows)


@pytest.mark.parametrize("room", [1, 5, 64])
def test_nearest_are_those_of_a_full_search(room: int, monkeypatch: pytest.MonkeyPatch):
    """Over more tiles than one, however few others are remembered, places and values are those of
    all pairs."""
    monkeypatch.setattr(nearest, "TILE", 70)
    monkeypatch.setattr(nearest, "ROOM", room)
    n = 300
    some_samples = _drawn(1, n)
    places, values = nearest_twins(some_samples, 5)
    mmd2 = squared_mmd(some_samples, some_samples)
    expected = np.sort(np.where(np.eye(n, dtype=bool), np.inf, mmd2), 1)[:, :5]
    assert np.allclose(values, expected, atol=1e-9)
    assert np.allclose(np.take_along_axis(mmd2, places, 1), values, atol=1e-9)
    assert (places != np.arange(n)[:, None]).all()


def test_of_many_samples_a_crowd_s_nearest_are_found_by_cells(monkeypatch: pytest.MonkeyPatch):
    """Of twenty crowds among strangers: nearly all that a full search finds, none nearer."""
    rng = np.random.default_rng(4)
    n, d = 4_000, 64
    crowd = np.where(rng.random(n) < 0.5, rng.integers(0, 20, n), -1)
    middle = rng.normal(size=(n, d))
    middle[crowd >= 0] = rng.normal(size=(20, d))[crowd[crowd >= 0]]
    middle *= 0.6 / np.linalg.norm(middle, axis=1, keepdims=True)
    size = rng.integers(16, 300, n).astype(float)
    noise = rng.normal(size=(n, d)) * np.sqrt(size * (1 - 0.36) / d)[:, None]
    many = Samples(size, middle * size[:, None] + noise, size)
    exact, least = nearest_twins(many, 6)
    monkeypatch.setattr(nearest, "EXACT", 100)
    monkeypatch.setattr(nearest, "CELL", 40)
    places, values = nearest_twins(many, 6)
    found = (places[:, :, None] == exact[:, None, :]).any(2)
    assert found[crowd >= 0].mean() > 0.97
    assert (values >= least - 1e-9).all()
    assert (places != np.arange(n)[:, None]).all()


@pytest.mark.parametrize("k", [1, 3, 7, 30])
def test_ties_go_to_the_lower_place(k: int):
    """Many equal distances, as copies of one account have: the answer is one, whatever sorts."""
    rng = np.random.default_rng(k)
    total = np.zeros((40, 4))
    total[np.arange(40), rng.integers(0, 4, 40)] = 64.0
    tied = Samples(np.full(40, 8.0), total, np.full(40, 8.0))
    places, _ = nearest_twins(tied, k)
    assert places.tolist() == brute_nearest(squared_mmd(tied, tied), k).tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_fewer_samples_than_neighbours(count: int):
    """All the others there are, down to none."""
    places, values = nearest_twins(_drawn(2, count), 5)
    assert places.shape == values.shape == (count, max(0, count - 1))


def test_what_single_precision_cannot_tell_apart_is_told_apart(monkeypatch: pytest.MonkeyPatch):
    """Distances that differ by less than a product's rounding are ordered as a full search does."""
    rng = np.random.default_rng(8)
    n = 500
    total = np.full((n, D), 40.0) + rng.normal(size=(n, D)) * 1e-7
    close = Samples(np.full(n, 200.0), total, np.full(n, 9.0))
    monkeypatch.setattr(nearest, "TILE", 70)
    places, values = nearest_twins(close, 5)
    mmd2 = _one_by_one(close)
    assert places.tolist() == brute_nearest(mmd2, 5).tolist()
    assert (np.take_along_axis(mmd2, places, 1) == values).all()
    assert len(np.unique(mmd2.astype(np.float32))) < n


def test_means_alone_give_the_same_neighbours():
    """In a quarter of the memory: places as from the sums, values within single precision."""
    whole = _drawn(5, 200)
    means = Means(whole.size, whole.mean.astype(np.float32), whole.own)
    (places, values), (same, near) = nearest_twins(whole, 5), nearest_twins(means, 5)
    assert (places == same).mean() > 0.99
    assert np.allclose(values, near, atol=1e-6)


def _one_by_one(sample: Samples) -> np.ndarray:
    """Squared MMD of all pairs, each added up component by component."""
    mean, own = sample.mean, sample.own
    product = np.zeros((len(own), len(own)))
    for d in range(mean.shape[1]):
        product += mean[:, d, None] * mean[None, :, d]
    return own[:, None] + own[None, :] - 2 * product


def _drawn(seed: int, n: int) -> Samples:
    """`n` samples of random sizes and sums."""
    rng = np.random.default_rng(seed)
    size = rng.integers(10, 60, n)
    total = rng.normal(size=(n, D)) * np.sqrt(size)[:, None]
    return Samples(size.astype(float), total, size * 1.0)
