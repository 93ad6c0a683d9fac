"""Incidence: which accounts used which shared objects, kind by kind, put together by account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
import pyarrow as pa

from stillwatch.columns import looking
from stillwatch.profiles.objects import OBJECT_KINDS, REGISTRATION_OBJECTS, incidence_sql
from stillwatch.statistics.order import runs_in_order
from stillwatch.traffic import Accounts, Exchanges, Incidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run = Callable[[dict[str, pa.Table], str], pa.Table]
"""Runs one SQL step over named tables: the engine, as the pipeline hands it in."""


def incidence(
    exchanges: Exchanges, accounts: Accounts, run: Run, tell: Callable[[int], None] = lambda _: None
) -> Incidence:
    """All uses of objects that two accounts or more share; `tell` hears of each kind."""
    registrations = pa.table(
        {"account": np.arange(len(accounts), dtype=np.int32)}
        | {
            k: accounts.registration.get(k, np.zeros(len(accounts), np.uint64))
            for k in REGISTRATION_OBJECTS
        }
    )
    parts: list[tuple[NDArray[np.int32], ...]] = []
    kinds, keys, popular, objects = [], [], [], 0
    starts = np.zeros(len(accounts) + 1, np.int64)
    for code, kind in enumerate(OBJECT_KINDS):
        if kind in REGISTRATION_OBJECTS:
            uses = run({"registrations": registrations}, incidence_sql(kind))
        else:
            with looking(exchanges[kind]) as key:
                signals = pa.table({"account": exchanges.account, kind: key})
                uses = run({"signals": signals}, incidence_sql(kind))
                del signals
        tell(1)
        used = as_numpy(uses["object"])
        order, fresh = runs_in_order(used)
        place = np.cumsum(fresh, dtype=np.int32) + np.int32(objects - 1)
        account, count = (as_numpy(uses[name])[order] for name in ("account", "exchanges"))
        parts.append((place, account, count))
        starts[1:] += np.bincount(account, minlength=len(accounts))
        first = np.flatnonzero(fresh)
        kinds.append(np.full(len(first), code, np.int8))
        keys.append(used[order[first]])
        popular.append(np.diff(first, append=len(order)).astype(np.int32))
        objects += len(first)
        del uses, used, order, fresh
    starts = np.cumsum(starts)
    obj, times = (np.empty(int(starts[-1]), np.int32) for _ in range(2))
    free = starts[:-1].copy()
    while parts:
        # Kinds, and the objects of each, come in order, so those of an account do.
        place, account, count = parts.pop(0)
        _deal(place, account, count, free, obj, times)
    return Incidence(
        starts=starts,
        account=np.repeat(np.arange(len(accounts), dtype=np.int32), np.diff(starts)),
        obj=obj,
        exchanges=times,
        obj_kind=np.concatenate(kinds),
        obj_key=np.concatenate(keys),
        obj_accounts=np.concatenate(popular),
        kinds=OBJECT_KINDS,
    )


def as_numpy(column: pa.ChunkedArray) -> np.ndarray:
    """As NumPy; a column of one chunk without copying."""
    only = column.chunk(0) if column.num_chunks == 1 else column
    return only.to_numpy(zero_copy_only=False)


@nb.njit(nogil=True, cache=True)
def _deal(place, account, count, free, obj, times):
    """Put uses to those of their accounts, at the next free places."""
    for u in range(len(place)):
        at = free[account[u]]
        obj[at] = place[u]
        times[at] = count[u]
        free[account[u]] = at + 1
