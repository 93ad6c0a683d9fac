"""Threads: exchanges of an account that continue each other, known by conversation id or inferred.

Without an id, an exchange of several turns continues the latest thread of its account that has the
same client, system prompt and tools, is less than six hours old, and had one to three turns less.
A conversation that goes from account to account is a thread of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.statistics.order import by_account
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
    order, edges = by_account(account, ts, exchange, accounts)
    thread, by_thread, size = (np.empty(len(order), np.int32) for _ in range(3))
    starts = np.zeros(accounts + 1, np.int64)
    _follow(order, edges, ts, context, turns, conversation, thread, by_thread, size, starts[1:])
    starts = np.cumsum(starts)
    first = np.zeros(int(starts[-1]) + 1, np.int32)
    _number(account, edges, size, starts, thread, first[1:])
    np.cumsum(first, out=first)
    return thread, Threads(by_thread, first, starts)


@nb.njit(nogil=True, cache=True)
def _follow(order, edges, ts, context, turns, conversation, thread, by_thread, size, count):
    """Number each account's threads from 0: `count` gets how many it has, `by_thread` its rows,
    thread by thread, and `size` how many rows each has, from where the account's rows begin."""
    most = np.diff(edges).max() if len(edges) > 1 else 0
    talks, contexts = np.empty(most, np.uint64), np.empty(most, np.uint64)
    turn, when = np.empty(most, np.int64), np.empty(most, np.int64)
    own, place = np.empty(most, np.int32), np.empty(most, np.int32)
    slots = 4 * max(1, most)
    # Conversations of the current account: what an earlier one left in a slot counts as empty.
    known, of_known, owner = (
        np.zeros(slots, np.uint64),
        np.zeros(slots, np.int32),
        np.full(slots, -1, np.int32),
    )
    open_context, open_turns = np.zeros(OPEN, np.uint64), np.zeros(OPEN, np.int64)
    open_ts, open_thread = np.zeros(OPEN, np.int64), np.zeros(OPEN, np.int64)
    for a in range(len(count)):
        rows, sizes = order[edges[a] : edges[a + 1]], size[edges[a] : edges[a + 1]]
        # What lies scattered is fetched at once: waiting for it row by row takes thrice the time.
        _fetch(conversation, rows, talks)
        _fetch(context, rows, contexts)
        _fetch(turns, rows, turn)
        _fetch(ts, rows, when)
        mask = 1
        while mask < 2 * len(rows):
            mask *= 2
        mask -= 1
        used, threads = 0, 0
        for k in range(len(rows)):
            talk = talks[k]
            if talk != 0:
                slot = _slot(talk, mask)
                while owner[slot] == a and known[slot] != talk:
                    slot = (slot + 1) & mask
                if owner[slot] != a:
                    owner[slot], known[slot], of_known[slot] = a, talk, threads
                t = of_known[slot]
            else:
                slot = -1
                if turn[k] > 1:
                    slot = _continued(
                        contexts[k], turn[k], when[k], used, open_context, open_turns, open_ts
                    )
                if slot < 0:
                    slot = used % OPEN
                    used += 1
                    open_context[slot], open_thread[slot] = contexts[k], threads
                t = open_thread[slot]
                open_turns[slot], open_ts[slot] = turn[k], when[k]
            if t == threads:
                sizes[t] = 0
                threads += 1
            own[k] = t
            sizes[t] += 1
        count[a] = threads
        _put(rows, own, sizes[:threads], place, thread, by_thread[edges[a] : edges[a + 1]])


@nb.njit(nogil=True, cache=True)
def _fetch(column, rows, out):
    for k in range(len(rows)):
        out[k] = column[rows[k]]


@nb.njit(nogil=True, cache=True)
def _slot(talk, mask):
    return np.int64((talk * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask


@nb.njit(nogil=True, cache=True)
def _continued(context, turns, ts, used, open_context, open_turns, open_ts):
    """Where the latest thread lies that an exchange continues, -1 if there is none."""
    for back in range(min(used, OPEN)):
        s = (used - 1 - back) % OPEN
        if (
            open_context[s] == context
            and open_turns[s] >= 0
            and 1 <= turns - open_turns[s] <= 3
            and ts - open_ts[s] <= PATIENCE_US
        ):
            return s
    return -1


@nb.njit(nogil=True, cache=True)
def _put(rows, own, sizes, place, thread, by_thread):
    """Give an account's rows their threads, and lay the rows out thread by thread."""
    free = 0
    for t in range(len(sizes)):
        place[t] = free
        free += sizes[t]
    for k in range(len(rows)):
        t = own[k]
        thread[rows[k]] = t
        by_thread[place[t]] = rows[k]
        place[t] += 1


@nb.njit(nogil=True, cache=True)
def _number(account, edges, size, starts, thread, length):
    """Number the threads of all accounts through, and give the `length` of each."""
    for i in range(len(account)):
        thread[i] += starts[account[i]]
    for a in range(len(starts) - 1):
        for t in range(starts[a + 1] - starts[a]):
            length[starts[a] + t] = size[edges[a] + t]
