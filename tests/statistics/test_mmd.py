"""The unbiased MMD: against its definition on raw samples, and what it decides."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics.mmd import (
    CEILING,
    NULL_SPREAD,
    WITHIN_ERROR,
    Samples,
    null_spread,
    samples,
    squared_mmd,
    squared_mmd_paired,
    twin_links,
)

SCALE = 320.0
D = 24


def unit(rng: np.random.Generator, centre: np.ndarray, n: int, spread: float = 1.0) -> np.ndarray:
    """`n` unit vectors around a centre."""
    rows = centre + spread * rng.normal(size=(n, len(centre)))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def summed(rows: list[np.ndarray]) -> Samples:
    """Samples of raw vectors, stored at `SCALE` as the pipeline does."""
    return samples(
        np.array([(r * SCALE).sum(0) for r in rows]),
        np.array([((r * SCALE) ** 2).sum() for r in rows]),
        np.array([len(r) for r in rows]),
        SCALE,
    )


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Gretton et al. 2012, eq. 3, pair by pair, with the linear kernel."""
    n, m = len(x), len(y)
    within_x = sum(x[i] @ x[j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(y[i] @ y[j] for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(a @ b for a in x for b in y) / (n * m)


def some(seed: int, count: int, least: int = 2, most: int = 15) -> list[np.ndarray]:
    """Raw samples of random sizes around random centres."""
    rng = np.random.default_rng(seed)
    return [unit(rng, rng.normal(size=D), int(rng.integers(least, most))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_mmd_from_sums_is_the_definition_over_all_pairs(seed: int):
    """Both forms give what the double sums give, down to samples of two."""
    a, b = some(seed, 6), some(seed + 100, 5)
    expected = np.array([[by_definition(x, y) for y in b] for x in a])
    assert np.allclose(squared_mmd(summed(a), summed(b)), expected, atol=1e-12)
    paired = squared_mmd_paired(summed(a[:5]), summed(b))
    assert np.allclose(paired, np.diag(expected[:5]), atol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 40), (30, 30)])
def test_mmd_has_no_bias_and_no_floor(n: int, m: int):
    """Over 4,000 draws of one distribution its mean is 0 (within four standard errors), half of
    them below; of two distributions it is the distance between the means, at any size."""
    rng = np.random.default_rng(n * 100 + m)
    one, other = rng.normal(size=D), rng.normal(size=D)
    draws = 4000
    x = [unit(rng, one, n) for _ in range(draws)]
    same = squared_mmd_paired(summed(x), summed([unit(rng, one, m) for _ in range(draws)]))
    assert abs(same.mean()) < 4 * same.std() / np.sqrt(draws)
    assert 0.4 < (same < 0).mean() < 0.75
    apart = squared_mmd_paired(summed(x), summed([unit(rng, other, m) for _ in range(draws)]))
    truth = ((unit(rng, one, 200_000).mean(0) - unit(rng, other, 200_000).mean(0)) ** 2).sum()
    assert abs(apart.mean() - truth) < 4 * apart.std() / np.sqrt(draws) + 1e-3
    assert truth > 0.1


def test_scale_of_storage_does_not_matter():
    """Sums of vectors stored at another scale give the same distances."""
    rows = some(4, 4)
    raw = samples(
        np.array([r.sum(0) for r in rows]),
        np.array([(r**2).sum() for r in rows]),
        np.array([len(r) for r in rows]),
        1.0,
    )
    assert np.allclose(squared_mmd(raw, raw), squared_mmd(summed(rows), summed(rows)))


def test_error_falls_as_sizes_grow_as_the_links_assume():
    """Standard deviation of MMD^2 / (1/n + 1/m) is about sqrt(2 / d) where content fills d
    dimensions evenly, whatever the sizes."""
    rng = np.random.default_rng(7)
    d = 256
    for n, m in ((20, 20), (20, 100), (80, 80)):
        x = summed([unit(rng, np.zeros(d), n) for _ in range(300)])
        y = summed([unit(rng, np.zeros(d), m) for _ in range(300)])
        measured = (squared_mmd_paired(x, y) / (1 / n + 1 / m)).std()
        assert abs(measured / NULL_SPREAD - 1) < 0.2


def test_null_spread_is_measured_on_halves_and_is_robust():
    """Concentrated content has a wider null than even content, a few odd accounts don't move it,
    and too few accounts fall back."""
    rng = np.random.default_rng(3)

    def halves(count: int, dimensions: int) -> tuple[Samples, Samples]:
        """Two halves of each of `count` accounts whose content fills so many dimensions."""
        centre = np.zeros(dimensions)
        parts = [[unit(rng, centre, 25) for _ in range(count)] for _ in range(2)]
        return summed(parts[0]), summed(parts[1])

    narrow = null_spread(*halves(400, 8))
    assert abs(narrow / np.sqrt(2 / 8) - 1) < 0.25
    odd, even = halves(400, 8)
    odd.total[:20] *= -3
    assert abs(null_spread(odd, even) / narrow - 1) < 0.25
    assert null_spread(*halves(29, 8)) == NULL_SPREAD
    assert null_spread(*halves(60, 1024)) == NULL_SPREAD
    assert null_spread(odd, even, least=26) == NULL_SPREAD


def test_links_need_nearness_within_error_and_an_error_that_would_have_shown():
    """Near zero and well measured: linked. Too far, or too few exchanges to tell: not."""
    n = np.array([200, 200, 200, 8])
    error = NULL_SPREAD * (2 / n)
    mmd2 = np.array([0.0, WITHIN_ERROR * error[1] * 1.01, -0.003, 0.0])
    assert twin_links(n, n, mmd2, NULL_SPREAD).tolist() == [True, False, True, False]
    assert error[3] > CEILING


def test_twins_are_linked_and_strangers_are_not():
    """Samples of one queue of many topics link to each other; people of few topics don't."""
    rng = np.random.default_rng(11)
    topics = rng.normal(size=(40, 256))

    def account(mine: np.ndarray, n: int = 100) -> np.ndarray:
        """An account's exchanges, each on one of its topics."""
        rows = topics[rng.choice(mine, n)] + 2.0 * rng.normal(size=(n, 256))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    twins = [account(np.arange(40)) for _ in range(15)]
    people = [account(rng.choice(40, 3, replace=False)) for _ in range(30)]
    s = summed([*twins, *people])
    linked = twin_links(s.size[:, None], s.size[None, :], squared_mmd(s, s), NULL_SPREAD)
    np.fill_diagonal(linked, val=False)
    assert linked[:15, :15].sum() >= 0.95 * 15 * 14
    assert linked[:15, 15:].sum() == 0
    assert linked[15:, 15:].sum() <= 0.02 * 30 * 29
