"""Works: what is left of a log's threads where nothing is known of their text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Exchanges

PAUSE_US = 45_000_000
"""From one request of a thread to the next: longer, and somebody may have read the answer, or
done what it says. Programs that send back a tool's result take a few seconds."""

LONG_TOKENS = 256
"""An answer that is worth keeping has a paragraph or two."""


@dataclass(frozen=True)
class Works:
    """t threads of a log: the `account` of each, its `settings` as a place in `keys`, and whether
    it is `unread`."""

    account: NDArray[np.integer]
    settings: NDArray[np.integer]
    unread: NDArray[np.bool_]
    keys: NDArray[np.uint64]


def works(exchanges: Exchanges) -> Works:
    """All threads of a log, numbered as `Exchanges.threads` has them.

    A thread is unread if it got a long answer and never paused: nobody took the time to read it.
    Where lengths are unknown, none is.
    """
    threads = exchanges.threads
    unread = np.zeros(len(threads), bool)
    ts, tokens = exchanges["ts"][:], exchanges["output_tokens"][:]
    _unread(threads.order, threads.first, ts, tokens, unread)
    everyone = np.arange(len(threads))
    keys, settings = np.unique(exchanges["settings"][threads.begins(everyone)], return_inverse=True)
    return Works(threads.account(everyone), settings, unread, keys)


@nb.njit(nogil=True, cache=True)
def _unread(order, first, ts, tokens, out):
    for thread in range(len(out)):
        longest, paused = np.int64(-1), False
        for at in range(first[thread], first[thread + 1]):
            longest = max(longest, np.int64(tokens[order[at]]))
            if at > first[thread]:
                paused |= ts[order[at]] - ts[order[at - 1]] > PAUSE_US
        out[thread] = longest >= LONG_TOKENS and not paused


def unread_rates(works: Works, everyone: int) -> NDArray[np.float64]:
    """Share of each account's threads that nobody read, (everyone,); NaN where it has none."""
    load = np.bincount(works.account, minlength=everyone)
    unread = np.bincount(works.account, weights=works.unread, minlength=everyone)
    return np.divide(unread, load, out=np.full(everyone, np.nan), where=load > 0)
