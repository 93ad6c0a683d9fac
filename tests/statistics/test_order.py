"""Orders by packed keys: against NumPy's sorts, keys that differ in their last bits too."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics.order import ordered, runs_in_order


def drawn(kind: str, n: int) -> np.ndarray:
    """Keys of one kind: spread out, few, small, or alike in all but their last bits."""
    rng = np.random.default_rng(n)
    if kind == "spread":
        return rng.integers(0, 2**64, n, np.uint64)
    if kind == "few":
        return rng.integers(0, 2**64, 7, np.uint64)[rng.integers(0, 7, n)]
    if kind == "small":
        return rng.integers(0, max(1, n // 2), n).astype(np.uint64)
    upper = rng.integers(0, 5, n).astype(np.uint64) << np.uint64(60)
    return upper + rng.integers(0, 20, n).astype(np.uint64)


@pytest.mark.parametrize("kind", ["spread", "few", "small", "last bits"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 500, 20_000])
def test_runs_are_in_the_order_of_a_stable_sort(kind: str, n: int):
    """Positions are NumPy's, and a run begins where a key differs from the one before it."""
    key = drawn(kind, n)
    order, fresh = runs_in_order(key)
    assert order.tolist() == np.argsort(key, kind="stable").tolist()
    known = key[order]
    assert fresh.tolist() == [k == 0 or known[k] != known[k - 1] for k in range(n)]


@pytest.mark.parametrize("span", [50, 2**40])
def test_order_by_three_keys_is_that_of_a_full_sort(span: int):
    """Packed, or where that needs too many bits not: as `np.lexsort`."""
    rng = np.random.default_rng(span % 97)
    first, second = rng.integers(-span, span, (2, 2_000))
    first[:1_000] = first[0]
    tie = rng.permutation(2_000)
    assert ordered(first, second, tie).tolist() == np.lexsort((tie, second, first)).tolist()
