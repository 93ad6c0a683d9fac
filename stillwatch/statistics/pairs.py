"""Distinct pairs of two integer columns, without making rows into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def distinct_pairs(first: NDArray, second: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of one row of each distinct (first, second), and how often it occurs.

    Of equal rows the earliest is named; pairs come in order of `first`, then `second`.

    >>> place, count = distinct_pairs(np.array([2, 1, 2]), np.array([0, 5, 0]))
    >>> place.tolist(), count.tolist()
    ([1, 0], [1, 2])
    """
    order = np.lexsort((second, first))
    a, b = first[order], second[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    starts = np.flatnonzero(fresh)
    return order[starts], np.diff(np.append(starts, len(order)))


def accounts_by_key(key: NDArray, account: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Distinct values of `key`, sorted, and how many distinct accounts each goes with."""
    place, _ = distinct_pairs(key, account)
    return np.unique(key[place], return_counts=True)
