"""Orders by packed keys, and stretches of orders: against NumPy's sorts and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics.order import by_account, evenly, ordered, runs_in_order, stretches


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


def some_stretches(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Thirty stretches that overlap, in no order, a third of them empty."""
    rng = np.random.default_rng(seed)
    begins = rng.integers(0, 1000, 30)
    return begins, begins + np.where(rng.random(30) < 1 / 3, 0, rng.integers(1, 40, 30))


@pytest.mark.parametrize("wide", [20, 2**62])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_is_that_of_a_stable_sort_a_key(seed: int, wide: int):
    """Keys that fit into 64 bits together, and keys that don't."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 5, 300), rng.integers(-wide, wide, 300)
    tie = rng.permutation(300).astype(np.uint64)
    assert ordered(first, second, tie).tolist() == np.lexsort((tie, second, first)).tolist()


@pytest.mark.parametrize("sorted_rows", [0, 300, 400])
def test_rows_are_dealt_to_accounts_in_order(sorted_rows: int):
    """As a full sort, of rows that come in order of time, of some that do, and of none; accounts
    without rows have none."""
    rng = np.random.default_rng(sorted_rows)
    account, tie = rng.integers(0, 20, 400), rng.permutation(400).astype(np.uint64)
    second = rng.integers(0, 90, 400)
    early = np.lexsort((tie[:sorted_rows], second[:sorted_rows]))
    second[:sorted_rows], tie[:sorted_rows] = second[early], tie[early]
    account[account == 3] = 4
    order, edges = by_account(account, second, tie, 25)
    assert order.tolist() == np.lexsort((tie, second, account)).tolist()
    assert np.diff(edges).tolist() == np.bincount(account, minlength=25).tolist()


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("seed", range(4))
def test_stretches_are_all_places_from_a_begin_to_its_end(seed: int, kind: type):
    """One `range` after another, in the order of the stretches, whatever integers they are of."""
    begins, ends = some_stretches(seed)
    expected = [i for b, e in zip(begins, ends, strict=True) for i in range(b, e)]
    assert stretches(begins.astype(kind), ends.astype(kind)).tolist() == expected


@pytest.mark.parametrize("most", [1, 2, 7, 100])
@pytest.mark.parametrize("seed", range(3))
def test_evenly_takes_as_many_as_allowed_at_even_steps(seed: int, most: int):
    """Of a stretch the first place and those at whole parts of its length; all, where it is few."""
    begins, ends = some_stretches(seed)
    expected = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        kept = min(most, end - begin)
        expected += [begin + i * (end - begin) // kept for i in range(kept)]
    assert evenly(begins, ends, most).tolist() == expected


def test_even_steps_differ_by_at_most_one():
    """Seven of thirty are four or five apart."""
    steps = np.diff(evenly(np.array([100]), np.array([130]), 7))
    assert set(steps.tolist()) == {4, 5}


def test_no_stretch_has_no_places():
    """Neither nothing nor stretches that are all empty."""
    none = np.zeros(0, np.int64)
    assert len(stretches(none, none)) == len(evenly(none, none, 3)) == 0
    assert len(stretches(np.array([4, 9]), np.array([4, 9]))) == 0
    assert len(evenly(np.array([4, 9]), np.array([4, 9]), 3)) == 0
