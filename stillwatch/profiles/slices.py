"""Slices: an account's exchanges that seek one capability, added up as a kernel mean embedding.

A campaign that hides among other traffic of the same account does so less within the capability
that it is after, so twins are looked for slice by slice as well as over whole accounts. Sums are
integers, so they merge exactly: over batches, days or workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS
from stillwatch.traffic import Slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.columns import Column

PART = 1 << 17
"""Exchanges that are looked at at a time."""


def slices(
    accounts: int,
    account: NDArray[np.integer],
    capability: NDArray[np.int8],
    exchange: Column,
    content: Column,
    least: int,
) -> Slices:
    """Slices with at least `least` exchanges, of `accounts` accounts.

    `account` (n,) places, `capability` (n,) codes, `exchange` (n,) keys, `content` (n, components).
    """
    kinds = len(CAPABILITIES)
    per_cell = np.zeros(accounts * kinds, np.int64)
    for part in _parts(len(account)):
        cell = account[part] * kinds + capability[part]
        per_cell += np.bincount(cell, minlength=len(per_cell))
    per_cell = per_cell.reshape(accounts, kinds)
    counts = np.column_stack([per_cell.sum(1), per_cell])
    place = np.full(counts.shape, -1, np.int64)
    code, owner = np.nonzero(least <= counts.T)
    place[owner, code] = np.arange(len(owner))
    total = np.zeros((2, len(owner), CONTENT_COMPONENTS), np.int32)
    squares = np.zeros((2, len(owner)), np.int64)
    used = np.zeros((2, len(owner)), np.int64)
    for part in _parts(len(account)):
        _add_up(
            account[part],
            capability[part],
            exchange[part],
            content[part],
            place,
            total,
            squares,
            used,
        )
    total[0] += total[1]
    return Slices(
        account=owner,
        capability=(code - 1).astype(np.int8),
        exchanges=used.sum(0),
        total=total[0],
        squares=squares.sum(0),
        odd_exchanges=used[1],
        odd_total=total[1],
        odd_squares=squares[1],
    )


def _parts(rows: int) -> list[slice]:
    return [slice(begin, begin + PART) for begin in range(0, rows, PART)]


@nb.njit(nogil=True, cache=True)
def _add_up(account, capability, exchange, content, place, total, squares, used):
    for i in range(len(account)):
        square = np.int32(0)
        for d in range(content.shape[1]):
            square += np.int32(content[i, d]) * np.int32(content[i, d])
        if square == 0:
            continue
        half = np.int64((exchange[i] >> np.uint64(17)) & np.uint64(1))
        for s in (place[account[i], 0], place[account[i], capability[i] + 1]):
            if s < 0:
                continue
            used[half, s] += 1
            squares[half, s] += square
            for d in range(content.shape[1]):
                total[half, s, d] += content[i, d]
