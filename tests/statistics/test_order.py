"""Orders and stretches of them, against NumPy and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics.order import evenly, ordered, stretches


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
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


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("seed", range(4))
def test_stretches_are_all_places_from_a_begin_to_its_end(seed: int, kind: type):
    """One `range` after another, in the order of the stretches, whatever integers they are of."""
    begins, ends = drawn(seed)
    expected = [i for b, e in zip(begins, ends, strict=True) for i in range(b, e)]
    assert stretches(begins.astype(kind), ends.astype(kind)).tolist() == expected


@pytest.mark.parametrize("most", [1, 2, 7, 100])
@pytest.mark.parametrize("seed", range(3))
def test_evenly_takes_as_many_as_allowed_at_even_steps(seed: int, most: int):
    """Of a stretch the first place and those at whole parts of its length; all, where it is few."""
    begins, ends = drawn(seed)
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
