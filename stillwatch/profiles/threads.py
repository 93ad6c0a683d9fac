"""Threads: exchanges of an account that continue each other, known by conversation id or inferred.

Without an id, an exchange of several turns continues the latest thread of its account that has the
same client, system prompt and tools, is less than six hours old, and had one to three turns less.
A conversation that goes from account to account is a thread of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.statistics.order import ordered
from stillwatch.traffic import Threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATIENCE_US = 6 * 3_600_000_000
OPEN = 64
"""Threads of an account that are remembered at a time."""


def threads(
    account: NDArray[np.integer],
    ts: NDArray[np.integer],
    exchange: NDArray[np.uint64],
    conversation: NDArray[np.uint64],
    context: NDArray[np.uint64],
    turns: NDArray[np.integer],
    accounts: int,
) -> tuple[NDArray[np.integer], Threads]:
    """The thread of each exchange (n,), and all threads of `accounts` accounts.

    `context` is a key of client, system prompt and tools. Threads are numbered by account, then by
    when they begin, so whatever the order of rows, exchanges have the same numbers.
    """
    order = ordered(account, ts, exchange)
    load = np.bincount(account, minlength=accounts)
    thread = np.empty(len(account), np.int32)
    slots = 1 << int(2 * load.max(initial=1)).bit_length()
    starts = np.zeros(accounts + 1, np.int64)
    count = _follow(order, account, ts, context, turns, conversation, thread, slots, starts)
    first = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(thread, minlength=count), out=first[1:])
    by_thread = np.empty(len(order), np.int32)
    _deal(order, thread, first[:-1].copy(), by_thread)
    return thread, Threads(by_thread, first, starts)


@nb.njit(nogil=True, cache=True)
def _follow(order, account, ts, context, turns, conversation, thread, slots, starts):
    """Number the threads; returns how many there are. `starts` gets each account's first one."""
    open_context = np.zeros(OPEN, np.uint64)
    open_turns = np.zeros(OPEN, np.int64)
    open_ts = np.zeros(OPEN, np.int64)
    open_thread = np.full(OPEN, -1)
    # Conversations of the current account: what an earlier one left in a slot counts as empty.
    known, of_known = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    owner = np.full(slots, -1)
    current, used, at, count = -1, 0, 0, 0
    for i in order:
        if account[i] != current:
            for a in range(current + 1, account[i] + 1):
                starts[a] = count
            current, used, at = account[i], 0, 0
        talk = conversation[i]
        if talk != 0:
            slot = np.int64((talk * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (slots - 1)
            while owner[slot] == current and known[slot] != talk:
                slot = (slot + 1) & (slots - 1)
            if owner[slot] != current:
                owner[slot], known[slot], of_known[slot] = current, talk, count
                count += 1
            thread[i] = of_known[slot]
            continue
        slot = -1
        if turns[i] > 1:
            for back in range(min(used, OPEN)):
                s = (at - 1 - back) % OPEN
                step = turns[i] - open_turns[s]
                if (
                    open_context[s] == context[i]
                    and open_turns[s] >= 0
                    and 1 <= step <= 3
                    and ts[i] - open_ts[s] <= PATIENCE_US
                ):
                    slot = s
                    break
        if slot < 0:
            slot = at
            at = (at + 1) % OPEN
            used += 1
            open_context[slot] = context[i]
            open_thread[slot] = count
            count += 1
        thread[i] = open_thread[slot]
        open_turns[slot] = turns[i]
        open_ts[slot] = ts[i]
    for a in range(current + 1, len(starts)):
        starts[a] = count
    return count


@nb.njit(nogil=True, cache=True)
def _deal(order, thread, place, out):
    """The rows of `order` by thread; `place` is where each thread's next one goes."""
    for i in order:
        out[place[thread[i]]] = i
        place[thread[i]] += 1
