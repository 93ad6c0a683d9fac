"""Slices: an account's exchanges that seek one capability, added up as a kernel mean embedding.

A campaign that hides among other traffic of the same account does so less within the capability
that it is after, so twins are looked for slice by slice as well as over whole accounts. Sums are
integers, so they merge exactly: over batches, days or workers.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.statistics.sums import add_to, squared_norm
from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS
from stillwatch.traffic import Slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT = 20_000
"""Accounts whose slices are split in halves, to see how far samples of one distribution come to
lie; of more, evenly spaced ones."""

SHARES = 4
"""Parts of the accounts, each added to by one thread at a time."""


class SliceSums:
    """Adds up the slices with at least `least` exchanges, of `accounts` accounts, block by block.

    `account` (n,) places and `capability` (n,) codes of all exchanges say which slices there are.
    An exchange is added once, to the slice of its capability, or to its whole account where that
    has too few; whole accounts are completed at the end.
    """

    def __init__(
        self,
        accounts: int,
        account: NDArray[np.integer],
        capability: NDArray[np.int8],
        least: int,
    ) -> None:
        per_cell = np.zeros((accounts, len(CAPABILITIES)), np.int64)
        _count(account, capability, per_cell)
        everyone = per_cell.sum(1)
        kept = least <= np.vstack([everyone, per_cell.T])
        self._code, self._owner = np.nonzero(kept)
        place = np.full(kept.shape, -1, np.int32)
        place[kept] = np.arange(len(self._owner))
        self._whole = place[0]
        self._target = np.where(kept[1:], place[1:], place[0]).T.copy()
        looked_at = np.zeros(accounts, bool)
        known = np.flatnonzero(kept[0])
        looked_at[known[:: max(1, -(-len(known) // SPLIT))]] = True
        self._split = np.flatnonzero(looked_at[self._owner])
        self._half = np.full(len(self._owner), -1, np.int32)
        self._half[self._split] = np.arange(len(self._split))
        self._total, self._squares, self._used = _nothing(len(self._owner))
        self._odd = _nothing(len(self._split))
        ends = np.searchsorted(np.cumsum(everyone), len(account) * np.arange(1, SHARES) // SHARES)
        self._shares = np.concatenate([[0], ends, [accounts]])
        self._locks = [Lock() for _ in range(SHARES)]

    def add(
        self,
        account: NDArray[np.integer],
        capability: NDArray[np.int8],
        exchange: NDArray[np.uint64],
        content: NDArray[np.int8],
        first: int = 0,
    ) -> None:
        """Add a block of exchanges: places, codes, keys (b,) and content (b, components).

        Several threads may add blocks at a time, least in each other's way if each begins with
        another share of the accounts, `first`.
        """
        rows = (account, capability, exchange, content)
        sums = (self._total, self._squares, self._used, *self._odd)
        for turn in range(SHARES):
            share = (first + turn) % SHARES
            low, high = self._shares[share : share + 2]
            with self._locks[share]:
                _add_up(low, high, *rows, self._target, self._half, *sums)

    def result(self) -> Slices:
        """The slices of all that was added; nothing can be added after it."""
        part, whole = np.arange(len(self._owner)), self._whole[self._owner]
        _complete(part, whole, self._total, self._squares, self._used)
        _complete(self._half[self._split], self._half[whole[self._split]], *self._odd)
        odd_total, odd_squares, odd_used = self._odd
        return Slices(
            account=self._owner,
            capability=(self._code - 1).astype(np.int8),
            exchanges=self._used,
            total=self._total,
            squares=self._squares,
            split=self._split,
            odd_exchanges=odd_used,
            odd_total=odd_total,
            odd_squares=odd_squares,
        )


def _nothing(slices: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Sums, squared norms and counts of as many slices, to be added to."""
    total = np.zeros((slices, CONTENT_COMPONENTS), np.int32)
    return total, np.zeros(slices, np.int64), np.zeros(slices, np.int64)


@nb.njit(nogil=True, cache=True)
def _count(account, capability, per_cell):
    for i in range(len(account)):
        per_cell[account[i], capability[i]] += 1


@nb.njit(nogil=True, cache=True)
def _add_up(
    low,
    high,
    account,
    capability,
    exchange,
    content,
    target,
    half,
    total,
    squares,
    used,
    odd_total,
    odd_squares,
    odd_used,
):
    for i in range(len(account)):
        a = account[i]
        if a < low or a >= high:
            continue
        s = target[a, capability[i]]
        if s < 0:
            continue
        square = squared_norm(content[i])
        if square == 0:
            continue
        add_to(total[s], content[i])
        squares[s] += square
        used[s] += 1
        if half[s] >= 0 and (exchange[i] >> np.uint64(17)) & np.uint64(1):
            add_to(odd_total[half[s]], content[i])
            odd_squares[half[s]] += square
            odd_used[half[s]] += 1


@nb.njit(nogil=True, cache=True)
def _complete(part, whole, total, squares, used):
    """Add to whole accounts what was added to the slices of their capabilities."""
    for k in range(len(part)):
        s, w = part[k], whole[k]
        if s == w:
            continue
        used[w] += used[s]
        squares[w] += squares[s]
        add_to(total[w], total[s])
