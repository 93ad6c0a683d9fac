"""Distinct pairs against NumPy's own search for distinct rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.statistics.pairs import accounts_by_key, distinct_by, distinct_pairs, pair_codes

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)
HIGH = np.uint64(0xFFFFFFFF00000000)


def columns(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Keys above what int64 holds, and account places."""
    first, second = np.array(rows).T
    return first.astype(np.uint64) + HIGH, second


@given(ROWS)
def test_codes_are_those_of_distinct_rows(rows):
    """Codes, first places and counts agree with `np.unique` over rows."""
    first, second = columns(rows)
    small = np.array(rows)
    _, place, code, count = np.unique(
        small, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    found_code, found_place = pair_codes(first, second)
    assert found_code.tolist() == code.ravel().tolist()
    assert found_place.tolist() == place.tolist()
    distinct, counted = distinct_pairs(first, second)
    assert distinct.tolist() == place.tolist()
    assert counted.tolist() == count.tolist()


@given(ROWS)
def test_distinct_values_are_counted_by_the_other(rows):
    """As sets have them."""
    first, second = np.array(rows).T
    counted = distinct_by(first, second, 7)
    assert counted.tolist() == [len({b for a, b in rows if a == i}) for i in range(7)]


@given(ROWS)
def test_accounts_are_counted_once_for_a_key(rows):
    """A key's accounts are distinct, however often each used it."""
    first, second = columns(rows)
    key, accounts = accounts_by_key(first, second)
    expected: dict[int, set[int]] = {}
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        expected.setdefault(a, set()).add(b)
    assert key.tolist() == sorted(expected)
    assert accounts.tolist() == [len(expected[k]) for k in sorted(expected)]


def test_no_rows():
    """Nothing in, nothing out."""
    none = np.zeros(0, np.int64)
    assert [len(part) for part in pair_codes(none, none)] == [0, 0]
    assert [len(part) for part in distinct_pairs(none, none)] == [0, 0]
    assert [len(part) for part in accounts_by_key(none, none)] == [0, 0]
