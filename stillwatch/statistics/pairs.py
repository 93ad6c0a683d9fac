"""Distinct pairs of two integer columns, without making rows into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pair_codes(first: NDArray, second: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A code (n,) for each row, alike for equal pairs, and the place of one row of each code.

    Codes count up in order of `first`, then `second`; of equal rows the earliest is named.

    >>> code, place = pair_codes(np.array([2, 1, 2]), np.array([0, 5, 0]))
    >>> code.tolist(), place.tolist()
    ([1, 0, 1], [1, 0])
    """
    order = np.lexsort((second, first))
    a, b = first[order], second[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    code = np.empty(len(order), np.int64)
    code[order] = np.cumsum(fresh) - 1
    return code, order[fresh]


def distinct_pairs(first: NDArray, second: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of one row of each distinct (first, second), and how often it occurs.

    >>> place, count = distinct_pairs(np.array([2, 1, 2]), np.array([0, 5, 0]))
    >>> place.tolist(), count.tolist()
    ([1, 0], [1, 2])
    """
    code, place = pair_codes(first, second)
    return place, np.bincount(code, minlength=len(place))


def accounts_by_key(key: NDArray, account: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Distinct values of `key`, sorted, and how many distinct accounts each goes with."""
    place, _ = distinct_pairs(key, account)
    return np.unique(key[place], return_counts=True)
