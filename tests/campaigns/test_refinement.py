"""Refinement: features that go together are judged together."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.refinement import LEAST_THREADS, refine


def correlated(n: int = 8_000, seed: int = 3) -> dict[str, np.ndarray]:
    """Threads of two kinds that four features in step tell poorly, and one joint feature well.

    Three in ten of the own threads look common by each of the first four features, all at once; a
    first look that adds them up is sure of those, and wrong. The fifth gives them away.
    """
    rng = np.random.default_rng(seed)
    common = rng.random(n) < 0.5
    alike = common | (rng.random(n) < 0.3)
    length = np.where(common, rng.normal(0, 1, n), rng.normal(4, 1, n))
    inside = np.column_stack([*[alike + rng.normal(0, 0.1, n) for _ in range(4)], length])
    own = rng.random(n) < 0.3
    outside = np.column_stack(
        [*[own + rng.normal(0, 0.1, n) for _ in range(4)], rng.normal(4, 1, n)]
    )
    return {
        "inside": coded(inside),
        "outside": coded(outside),
        "posterior": np.where(alike, 0.99, 0.01),
        "account": rng.integers(0, 40, n),
        "weight": np.ones(n),
        "common": common,
    }


def coded(features: np.ndarray) -> np.ndarray:
    """Numbers about -4 to 8 as codes below 256."""
    return np.clip((features + 4) * 20, 0, 255).astype(np.uint8)


def refined(made: dict[str, np.ndarray]) -> np.ndarray:
    """`refine` of what was made."""
    return refine(*(made[k] for k in ("inside", "outside", "posterior", "account", "weight")))[0]


def test_what_goes_together_is_not_counted_twice():
    """The first look takes nearly a quarter of strays for common work, the refined one hardly."""
    made = correlated()
    common = made["common"]
    better = refined(made)
    assert common[made["posterior"] >= 0.8].mean() < 0.8
    assert common[better >= 0.8].mean() > 0.97
    assert (better[common] >= 0.8).mean() > 0.9


def test_a_thread_is_not_judged_by_what_its_own_account_taught():
    """An account whose posteriors are turned around doesn't have them confirmed."""
    made = correlated()
    wrong = made["account"] == 5
    made["posterior"] = np.where(wrong, 1 - made["posterior"], made["posterior"])
    right = refined(made)[wrong] >= 0.5
    assert (right == made["common"][wrong]).mean() > 0.95


def test_heavy_accounts_count_as_little_as_they_are_weighted():
    """What weighs nothing teaches nothing."""
    made = correlated()
    silent = made["account"] < 20
    made["weight"] = np.where(silent, 0.0, 1.0)
    nonsense = np.where(silent, 1 - made["posterior"], made["posterior"])
    np.testing.assert_array_equal(
        refined(made)[~silent], refined({**made, "posterior": nonsense})[~silent]
    )


@pytest.mark.parametrize("threads", [0, 1, LEAST_THREADS - 1])
def test_small_groups_stay_as_they_were(threads: int):
    """Too few threads to learn from: the first look's answer, unchanged."""
    made = {name: values[:threads] for name, values in correlated().items()}
    assert refined(made) is made["posterior"]


def test_one_account_teaches_nobody():
    """All threads of one account: there is no other half to learn from."""
    made = correlated()
    made["account"] = np.zeros_like(made["account"])
    assert refined(made) is made["posterior"]
