"""What the bets on a new account's marks are worth.

A part of the stake is on its sitting where members sat, the rest is spread over campaigns by their
members; what the account doesn't bear is lost.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from stillwatch.gateway.works.learn import MARKS, ON_SEATS, SEATS

BETS = (*(alone for alone, _ in SEATS), *MARKS, *(fitting for _, fitting in SEATS))
"""Marks that are bet on; those from `FITTING` on are borne only by an account whose hits fit."""

FITTING = len(SEATS)


@nb.njit(nogil=True, cache=True)
def worths(slot, stake, spread, evidence, seated, seated_fitting):
    """What each of `BETS` is worth for the account of a `slot`, 0 where it is none of its marks.

    `slot` is an array of one `state.SLOT`; the others are what `learn` made, by those names.
    Workers that count without the lock may count beyond what a table tells of: its end holds then.
    """
    account, most = slot[0], seated.shape[1] - 1
    out = np.zeros(len(BETS))
    threads, hits = min(account.threads, most), min(account.any_hits, most)
    k, sits = account.summed, min(account.sits, len(SEATS))
    for n in range(sits):
        out[n] = stake * ON_SEATS[n][0] * 10.0 ** np.float64(seated[n, threads, hits])
    if 0 <= k < len(spread):
        asked, mine = min(account.asked[k], most), min(account.hits[k], most)
        for mark in range(1 + (account.access >> k & 1)):
            sure = 10.0 ** np.float64(evidence[k, mark, asked, mine])
            out[FITTING + mark] = (1 - stake) * sure * spread[k]
        for n in range(sits):
            sure = 10.0 ** np.float64(seated_fitting[k, n, threads, hits])
            out[FITTING + len(MARKS) + n] = stake * ON_SEATS[n][1] * sure * spread[k]
    return out[0], out[1], out[2], out[3], out[4], out[5]
