"""Works: what is left of a log's threads where nothing is known of their text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    it is `unread`. `of_row` (n,) is the thread of each exchange."""

    account: NDArray[np.integer]
    settings: NDArray[np.integer]
    unread: NDArray[np.bool_]
    keys: NDArray[np.uint64]
    of_row: NDArray[np.integer]


def works(exchanges: Exchanges) -> Works:
    """All threads of a log.

    A thread is unread if it got a long answer and never paused: nobody took the time to read it.
    Where lengths are unknown, none is.
    """
    number, of_row = np.unique(exchanges["thread"][:], return_inverse=True)
    ts = exchanges["ts"][:]
    order = np.lexsort((exchanges["exchange"][:], ts, of_row))
    thread = of_row[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = thread[1:] != thread[:-1]
    first = order[fresh]
    paused = ~fresh[1:] & (np.diff(ts[order]) > PAUSE_US)
    pauses = np.bincount(thread[1:][paused], minlength=len(number))
    longest = np.full(len(number), -1)
    np.maximum.at(longest, of_row, exchanges["output_tokens"][:])
    keys, settings = np.unique(exchanges["settings"][first], return_inverse=True)
    return Works(
        account=exchanges.account[first],
        settings=settings,
        unread=(pauses == 0) & (longest >= LONG_TOKENS),
        keys=keys,
        of_row=of_row,
    )


def unread_rates(works: Works, everyone: int) -> NDArray[np.float64]:
    """Share of each account's threads that nobody read, (everyone,); NaN where it has none."""
    load = np.bincount(works.account, minlength=everyone)
    unread = np.bincount(works.account, weights=works.unread, minlength=everyone)
    return np.divide(unread, load, out=np.full(everyone, np.nan), where=load > 0)
