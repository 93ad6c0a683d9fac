"""Distinct pairs of two integer columns, without making rows into objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pair_codes(first: NDArray, second: NDArray) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """A code (n,) for each row, alike for equal pairs, and the place of one row of each code.

    Codes count up in order of `first`, then `second`; of equal rows the earliest is named.

    >>> code, place = pair_codes(np.array([2, 1, 2]), np.array([0, 5, 0]))
    >>> code.tolist(), place.tolist()
    ([1, 0, 1], [1, 0])
    """
    if not len(first):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first, second = _narrow(first), _narrow(second)
    packed = first * (int(second.max()) + 1) + second
    order = np.argsort(packed)
    fresh = _fresh(packed[order])
    code = np.empty(len(order), np.int64)
    code[order] = np.cumsum(fresh) - 1
    return code, np.minimum.reduceat(order, np.flatnonzero(fresh))


def _narrow(values: NDArray) -> NDArray[np.integer]:
    """Numbers in the order of integers `values`, from 0 to below 2^31: two can be packed in one."""
    least, most = int(values.min()), int(values.max())
    if most - least < 2**31:
        return (values - values.dtype.type(least)).astype(np.int64)
    order = np.argsort(values)
    out = np.empty(len(values), np.int64)
    out[order] = np.cumsum(_fresh(values[order])) - 1
    return out


def _fresh(ordered: NDArray) -> NDArray[np.bool_]:
    """Where a value differs from the one before it."""
    out = np.ones(len(ordered), bool)
    out[1:] = ordered[1:] != ordered[:-1]
    return out


def distinct_pairs(
    first: NDArray, second: NDArray
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Places of one row of each distinct (first, second), and how often it occurs.

    >>> place, count = distinct_pairs(np.array([2, 1, 2]), np.array([0, 5, 0]))
    >>> place.tolist(), count.tolist()
    ([1, 0], [1, 2])
    """
    code, place = pair_codes(first, second)
    return place, np.bincount(code, minlength=len(place))


def distinct_by(
    first: NDArray[np.integer], second: NDArray[np.integer], size: int
) -> NDArray[np.integer]:
    """How many distinct values of `second` (n,) go with each `first` (n,), below `size`, (size,).

    Both are below 2^31.

    >>> distinct_by(np.array([2, 0, 2, 2]), np.array([7, 7, 7, 1]), 3).tolist()
    [1, 0, 2]
    """
    packed = (first.astype(np.int64) << 32) | second
    packed.sort()
    return np.bincount(packed[_fresh(packed)] >> 32, minlength=size)


def accounts_by_key(key: NDArray, account: NDArray) -> tuple[NDArray, NDArray[np.integer]]:
    """Distinct values of `key`, sorted, and how many distinct accounts each goes with."""
    place, _ = distinct_pairs(key, account)
    return np.unique(key[place], return_counts=True)
