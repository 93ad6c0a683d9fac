"""Sums of embeddings by account, in integers: exact, and the same in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.columns import spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.columns import Column


def sums_by_account(
    account: NDArray[np.integer],
    content: Column,
    rows: NDArray[np.integer],
    accounts: NDArray[np.integer],
    everyone: int,
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]:
    """Sum (a, d), sum of squared norms (a,) and count (a,) of the `rows` of each of `accounts`.

    `account` (n,) and `content` (n, d) hold all exchanges; those without text are not counted.
    """
    place = np.full(everyone, -1, np.int64)
    place[accounts] = np.arange(len(accounts))
    total = np.zeros((len(accounts), content.shape[1]), np.int64)
    squares = np.zeros(len(accounts), np.int64)
    used = np.zeros(len(accounts), np.int64)
    slot = place[account[rows]]
    rows, slot = rows[slot >= 0], slot[slot >= 0]
    if len(rows) and (rows[1:] < rows[:-1]).any():
        order = np.argsort(rows)
        rows, slot = rows[order], slot[order]
    done = 0
    for values, places in spans(content, rows):
        _add_up(slot[done : done + len(places)], values, places, total, squares, used)
        done += len(places)
    return total, squares, used


@nb.njit(nogil=True, cache=True)
def _add_up(slot, content, places, total, squares, used):
    for k in range(len(places)):
        row, s = content[places[k]], slot[k]
        square = squared_norm(row)
        if square == 0:
            continue
        used[s] += 1
        squares[s] += square
        add_to(total[s], row)


@nb.njit(nogil=True, cache=True)
def squared_norm(row):
    """The squared norm of an embedding, below 2**31."""
    square = np.int32(0)
    for d in range(len(row)):
        square = np.int32(square + np.int32(np.int32(row[d]) * np.int32(row[d])))
    return square


@nb.njit(nogil=True, cache=True)
def add_to(total, row):
    """Add an embedding: of arrays of one axis the compiler makes a loop of few steps."""
    for d in range(len(row)):
        total[d] += row[d]
