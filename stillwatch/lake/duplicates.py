"""Which of several copies of an exchange stays: the smallest by (start, content), in any order.

Only id hashes are held in memory (8 bytes a row, in sorted runs that double in size); start and
content of old rows come from the key files when an id is met again, which is rare.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class SeenIds:
    """The id hashes of all segments, as few sorted runs."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def add(self, ids: np.ndarray) -> None:
        """Take in sorted `ids`; neighbours of like size are merged, so runs stay few."""
        self._runs.append(np.ascontiguousarray(ids))
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            last = self._runs.pop()
            merged = np.concatenate([self._runs.pop(), last])
            merged.sort(kind="stable")
            self._runs.append(merged)

    def seen(self, ids: np.ndarray) -> np.ndarray:
        """Which of the sorted `ids` are already in, as a mask."""
        mask = np.zeros(len(ids), bool)
        for run in self._runs:
            at = np.searchsorted(run, ids)
            at[at == len(run)] = 0
            if len(run):
                mask |= run[at] == ids
        return mask


def settle(
    new: np.ndarray,
    seen: SeenIds,
    segments: list[int],
    keys_of: Callable[[int], np.ndarray],
    deleted_of: Callable[[int], np.ndarray],
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Rows of a new segment, and of old ones, that lose to another copy of their exchange.

    `new` holds the new segment's `KEYS` sorted by id; `keys_of` and `deleted_of` give an old
    segment's keys and the rows that it has lost already. Returns row numbers, unsorted.
    """
    lost_new: list[np.ndarray] = []
    ids = new["id"]
    repeated = np.zeros(len(new), bool)
    if len(new) > 1:
        same = ids[1:] == ids[:-1]
        repeated[1:] |= same
        repeated[:-1] |= same
    again = seen.seen(ids)
    if not (repeated.any() or again.any()):
        return np.empty(0, np.uint32), {}
    contenders = [(0, new[repeated | again])]
    wanted = np.unique(ids[again])
    for number in segments if len(wanted) else ():
        keys = keys_of(number)
        low = np.searchsorted(keys["id"], wanted, "left")
        high = np.searchsorted(keys["id"], wanted, "right")
        copies = high - low
        if not copies.any():
            continue
        within = np.arange(copies.sum()) - np.repeat(np.cumsum(copies) - copies, copies)
        rows = keys[np.repeat(low, copies) + within]
        alive = rows[~np.isin(rows["row"], deleted_of(number))]
        contenders.append((number, alive))
    pool = np.concatenate([rows for _, rows in contenders])
    home = np.concatenate([np.full(len(rows), number) for number, rows in contenders])
    order = np.lexsort((home == 0, pool["content"], pool["ts"], pool["id"]))
    pool, home = pool[order], home[order]
    loser = np.zeros(len(pool), bool)
    loser[1:] = pool["id"][1:] == pool["id"][:-1]
    lost_old: dict[int, np.ndarray] = {}
    for number, _ in contenders[1:]:
        rows = pool["row"][loser & (home == number)]
        if len(rows):
            lost_old[number] = rows
    lost_new.append(pool["row"][loser & (home == 0)])
    return np.concatenate(lost_new), lost_old
