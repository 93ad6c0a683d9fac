"""Threads: exchanges that continue each other, known by conversation id or inferred without one.

Without an id, an exchange of several turns continues the latest thread of its account that has the
same client, system prompt and tools, is less than six hours old, and had one to three turns less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.statistics.order import ordered

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
) -> NDArray[np.integer]:
    """A number from 0 on for each exchange, the same for exchanges of one thread, (n,).

    `context` is a key of client, system prompt and tools. Numbers are arbitrary, but exchanges are
    grouped alike whatever the order of rows.
    """
    order = ordered(account, ts, exchange)
    thread = np.empty(len(account), np.int64)
    _follow(order, account, ts, context, turns, conversation, thread)
    del order
    named = np.flatnonzero(conversation)
    thread[named] = np.unique(conversation[named], return_inverse=True)[1] + len(account)
    return _dense(thread)


def _dense(number: NDArray[np.integer]) -> NDArray[np.integer]:
    """Numbers from 0 on in the order of `number`, none left out."""
    used = np.zeros(int(number.max(initial=-1)) + 1, bool)
    used[number] = True
    return (np.cumsum(used, dtype=np.int32) - 1)[number]


@nb.njit(nogil=True, cache=True)
def _follow(order, account, ts, context, turns, conversation, thread):
    open_context = np.zeros(OPEN, np.uint64)
    open_turns = np.zeros(OPEN, np.int64)
    open_ts = np.zeros(OPEN, np.int64)
    open_thread = np.full(OPEN, -1)
    current, used, at = -1, 0, 0
    for i in order:
        if account[i] != current:
            current, used, at = account[i], 0, 0
        thread[i] = i
        if conversation[i] != 0:
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
        if slot >= 0:
            thread[i] = open_thread[slot]
        else:
            slot = at
            at = (at + 1) % OPEN
            used += 1
            open_context[slot] = context[i]
            open_thread[slot] = i
        open_turns[slot] = turns[i]
        open_ts[slot] = ts[i]
