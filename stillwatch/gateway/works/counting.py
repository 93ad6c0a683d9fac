"""What is counted of a new account, request by request, in its slot of the state.

A `slot` is an array of one `state.SLOT`. Ways of access are places among the sorted keys `way` of a
table: `access` (o,) has a bit for each campaign whose way it is, and `is_seat` (o,) whether it is
one machine.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from stillwatch.campaigns.membership import ATTRIBUTED
from stillwatch.gateway.works.access import SEAT, ways_of

_SAT = np.cumsum(SEAT) - 1
"""Where a slot keeps the first seat of each kind of way."""


@nb.njit(nogil=True, cache=True)
def count_request(slot, told, stamp, digests, way, access, is_seat):
    """Count a request that says how it came (`access.told_by`), for the campaigns of `stamp`, whose
    names have the `digests`; how many came so far, their threads, and how many were hits."""
    account = slot[0]
    if account.stamp != stamp:
        carry_over(slot, stamp, digests, way)
    account.requests += 1
    note_access(slot, ways_of(told), way, access, is_seat)
    return account.requests, account.threads, account.any_hits


@nb.njit(nogil=True, cache=True)
def count_thread(slot, chances, content):
    """Count a thread that is each campaign's work with `chances` (k,); how many were hits so far.

    A hit's `content` (d,) goes to the account's part of the campaign that it was first taken for.
    """
    account = slot[0]
    account.threads += 1
    first = -1
    for k in range(len(chances)):
        account.asked[k] += 1
        if chances[k] >= ATTRIBUTED:
            account.hits[k] += 1
            first = k if first < 0 else first
    if first < 0:
        return account.any_hits
    account.any_hits += 1
    if account.summed < 0:
        account.summed = first
    if account.summed < len(chances) and chances[account.summed] >= ATTRIBUTED:
        for d in range(len(content)):
            account.sums[d] += content[d]
            account.squares += np.int64(content[d]) * content[d]
        account.parts += 1
    return account.any_hits


@nb.njit(nogil=True, cache=True)
def carry_over(slot, stamp, digests, way):
    """Count for another table's campaigns from now on; what was counted for them before stays."""
    account = slot[0]
    names, asked, hits = account.names.copy(), account.asked.copy(), account.hits.copy()
    access, seats, summed = account.access, account.seats, account.summed
    account.names[:] = 0
    account.asked[:] = 0
    account.hits[:] = 0
    account.access = account.seats = 0
    account.summed = -1
    for k in range(len(digests)):
        account.names[k] = digests[k]
        for before in range(len(names)):
            if names[before] == digests[k]:
                account.asked[k], account.hits[k] = asked[before], hits[before]
                account.access |= (access >> before & 1) << k
                account.seats |= (seats >> before & 1) << k
                if summed == before and account.summed < 0:
                    account.summed = k
                break
    if account.seats == 0:
        account.sits = 0
        account.sat[:] = 0
    for kind in range(len(account.sat)):
        if account.sat[kind] != 0 and _place(way, account.sat[kind]) < 0:
            account.sat[kind], account.sits = 0, 1
    if account.summed < 0:
        account.parts = account.squares = 0
        account.sums[:] = 0
    account.stamp = stamp


@nb.njit(nogil=True, cache=True)
def note_access(slot, keys, way, access, is_seat):
    """Remember whose ways an account comes, by the `keys`, and at how many seats it sits."""
    account = slot[0]
    for kind in range(len(keys)):
        at = _place(way, keys[kind])
        if at < 0:
            continue
        account.access |= access[at]
        if is_seat[at]:
            account.seats |= access[at]
            if account.sat[_SAT[kind]] == 0:
                account.sat[_SAT[kind]] = keys[kind]
            another = account.sat[_SAT[kind]] != keys[kind]
            account.sits = max(account.sits, 2 if another else 1)


@nb.njit(nogil=True, cache=True)
def _place(way, key):
    """The place of a way, where it is known and a campaign's; else -1."""
    at = np.searchsorted(way, key) if key != 0 else len(way)
    return at if at < len(way) and way[at] == key else -1
