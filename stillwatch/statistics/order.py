"""Orders by several keys, quicker than one stable sort a key, and stretches of an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ordered(first: NDArray, second: NDArray, tie: NDArray) -> NDArray[np.integer]:
    """Positions (n,) in order of `first`, then `second`, then `tie`; as `np.lexsort` gives them,
    but where all three are equal.

    `first` and `second` are integers. Keys that need more than 63 bits together are left to
    `np.lexsort`.

    >>> ordered(np.array([2, 1, 1]), np.array([5, 9, -7]), np.zeros(3)).tolist()
    [2, 1, 0]
    """
    if not len(first):
        return np.zeros(0, np.int64)
    low = [int(first.min()), int(second.min())]
    keys = zip((first, second), low, strict=True)
    bits = [(int(key.max()) - least).bit_length() for key, least in keys]
    if sum(bits) > 63:
        return np.lexsort((tie, second, first))
    packed = (first.astype(np.int64) - low[0]) << bits[1]
    packed |= second.astype(np.int64) - low[1]
    order = np.argsort(packed)
    packed = packed[order]
    same = np.zeros(len(order) + 1, bool)
    same[1:-1] = packed[1:] == packed[:-1]
    tied = np.flatnonzero(same[1:] | same[:-1])
    rows = order[tied]
    order[tied] = rows[np.lexsort((tie[rows], packed[tied]))]
    return order


def by_account(
    account: NDArray[np.integer], second: NDArray, tie: NDArray, accounts: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Positions (n,) account by account, those of each in order of `second`, then `tie`, and where
    each of `accounts` begins, and the last ends.

    As `ordered` of the places `account`, but only of accounts whose rows aren't in order as they
    come: the others are dealt out in one look.

    >>> order, edges = by_account(np.array([1, 0, 1]), np.array([5, 9, 7]), np.zeros(3), 2)
    >>> order.tolist(), edges.tolist()
    ([1, 0, 2], [0, 1, 3])
    """
    edges = np.zeros(accounts + 1, np.int64)
    np.cumsum(np.bincount(account, minlength=accounts), out=edges[1:])
    order = np.empty(len(account), np.int32)
    mixed = np.zeros(accounts, np.bool_)
    _deal(account, second, tie, edges[:-1].copy(), order, mixed)
    mixed &= np.diff(edges) > 1
    if mixed.any():
        places = stretches(edges[:-1][mixed], edges[1:][mixed])
        rows = order[places]
        order[places] = rows[ordered(account[rows], second[rows], tie[rows])]
    return order, edges


@nb.njit(nogil=True, cache=True)
def _deal(account, second, tie, place, order, mixed):
    """Put rows to those of their accounts; `place` is where each account's next one goes."""
    last = np.full(len(place), -1)
    for i in range(len(account)):
        a = account[i]
        j = last[a]
        if j >= 0 and (second[i] < second[j] or (second[i] == second[j] and tie[i] < tie[j])):
            mixed[a] = True
        last[a] = i
        order[place[a]] = i
        place[a] += 1


def distinct(values: NDArray) -> NDArray:
    """The different values, in order: `np.unique`, which makes a table of them, in a tenth of the
    time where they are many.

    >>> distinct(np.array([7, 3, 7])).tolist()
    [3, 7]
    """
    ordered = np.sort(values)
    fresh = np.ones(len(ordered), bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


def stretches(begins: NDArray[np.integer], ends: NDArray[np.integer]) -> NDArray[np.integer]:
    """All places from each of `begins` to the one before its of `ends`, one stretch after another.

    >>> stretches(np.array([5, 0]), np.array([7, 2])).tolist()
    [5, 6, 0, 1]
    """
    length = (ends - begins).astype(np.int64)
    out = np.repeat(begins - (np.cumsum(length) - length), length)
    out += np.arange(len(out))
    return out


def evenly(
    begins: NDArray[np.integer], ends: NDArray[np.integer], most: int
) -> NDArray[np.integer]:
    """The same, but of each stretch at most `most` evenly spaced places.

    >>> evenly(np.array([0, 10]), np.array([6, 11]), 3).tolist()
    [0, 2, 4, 10]
    """
    length = (ends - begins).astype(np.int64)
    kept = np.minimum(length, most)
    which = stretches(np.zeros(len(kept), np.int64), kept)
    return np.repeat(begins, kept) + which * np.repeat(length, kept) // np.repeat(kept, kept)


def runs_in_order(key: NDArray[np.uint64]) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """Positions (n,) in order of `key`, of equal keys the earlier first, and whether each is the
    first of its key: `np.argsort` and a comparison, in a fifth of the time.

    The upper bits of a key and its position are sorted as one number; keys that differ in lower
    bits only are put in order afterwards.

    >>> order, fresh = runs_in_order(np.array([7, 3, 7, 1], "u8"))
    >>> order.tolist(), fresh.tolist()
    ([3, 1, 0, 2], [True, True, True, False])
    """
    bits = max(1, len(key) - 1).bit_length()
    # Small keys have their bits at the lower end, where positions go.
    lift = 64 - max(1, int(key.max(initial=0)).bit_length())
    packed = np.empty(len(key), np.uint64)
    _pack(key, np.uint64(lift), np.uint64(bits), packed)
    packed.sort()
    order = np.empty(len(key), np.int32 if len(key) < 2**31 else np.int64)
    fresh = np.empty(len(key), np.bool_)
    _unpack(packed, np.uint64(bits), order)
    _compare(key, packed, order, fresh)
    # Where upper bits are alike and keys are not.
    mixed = np.unique(packed[1:][fresh[1:] & (packed[1:] == packed[:-1])])
    begins, ends = (np.searchsorted(packed, mixed, side) for side in ("left", "right"))
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        run = order[begin:end]
        order[begin:end] = run = run[np.argsort(key[run], kind="stable")]
        fresh[begin + 1 : end] = key[run[1:]] != key[run[:-1]]
    return order, fresh


@nb.njit(nogil=True, cache=True)
def _pack(key, lift, bits, packed):
    for i in range(len(key)):
        packed[i] = ((key[i] << lift) >> bits) << bits | np.uint64(i)


@nb.njit(nogil=True, cache=True)
def _unpack(packed, bits, order):
    """The positions; upper bits alone are left of `packed`."""
    for k in range(len(packed)):
        upper = packed[k] >> bits
        order[k] = packed[k] ^ (upper << bits)
        packed[k] = upper


@nb.njit(nogil=True, cache=True)
def _compare(key, upper, order, fresh):
    """Fill in which keys differ from the one before."""
    for k in range(len(order)):
        fresh[k] = k == 0 or upper[k] != upper[k - 1] or key[order[k]] != key[order[k - 1]]
