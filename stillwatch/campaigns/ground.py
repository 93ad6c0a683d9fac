"""The ground that all judgement of a run stands on: facts of threads and accounts, made once.

Which accounts are outsiders changes from pass to pass, and what they are compared by doesn't: how
a thread looks, which exchanges are signs of a harvest, and on which days an account is busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.allocation import counts_of_all
from stillwatch.campaigns.harvest import signs_of_all
from stillwatch.columns import looking
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.cells import CELLS
from stillwatch.statistics.pairs import accounts_by_key
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Exchanges, Incidence, Traffic

FEATURES = (
    "cell",
    "capability",
    "signs",
    "turns",
    "exchanges",
    "max_tokens",
    "thinking",
    "repeats",
)
"""What a thread is told by: how it begins (its content cell, what it seeks, its elicitation signs,
its token limit, whether reasoning is asked for, how many accounts sent its frame family), and how
far it goes."""

WIDTHS = (CELLS, len(CAPABILITIES), 64, 11, 7, 8, 3, 3)
"""How many codes each feature has."""

CAPABILITY, TURNS, REPEATS = (FEATURES.index(name) for name in ("capability", "turns", "repeats"))

TURNS_FROM = (0, 1, 2, 3, 5, 9, 17, 33, 65, 129)
_EXCHANGES = (2, 3, 5, 9, 17, 33)
MAX_TOKENS_FROM = (0, 512, 1024, 2048, 4096, 8192, 16384)
_REPEATS = (2, 4)


@dataclass(frozen=True)
class Ground:
    """Of t threads, n exchanges and N accounts: `codes` (t, features) by `FEATURES`; `signs` (n,),
    which exchanges are signs of a harvest, and `sign_rates` (N,) how often an account's are; and
    `daily` (N, days), exchanges a day."""

    codes: NDArray[np.uint8]
    signs: NDArray[np.bool_]
    sign_rates: NDArray[np.float64]
    daily: NDArray[np.float64]


def ground(traffic: Traffic, spread: Spread = one_by_one) -> Ground:
    """The ground of a run; `spread` makes its parts, on as many threads as it likes."""
    exchanges = traffic.exchanges
    jobs = (
        partial(thread_codes, exchanges, traffic.cells.cell),
        partial(senders, exchanges, traffic.incidence),
        partial(signs_of_all, exchanges),
        partial(counts_of_all, traffic),
    )
    codes, sent_by, signs, daily = spread(jobs)
    codes[:, REPEATS] = repeats(sent_by)
    rates = np.bincount(exchanges.account[signs], minlength=len(traffic.accounts))
    rates = rates / np.maximum(traffic.accounts.exchanges, 1)
    return Ground(codes, signs, rates, daily)


def thread_codes(exchanges: Exchanges, cell: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes of all threads, (t, features) by `FEATURES`, but for that of `REPEATS`, which is 0.

    `cell` (t,) is that of each one's first exchange.
    """
    threads = exchanges.threads
    begins = threads.begins(slice(None))
    codes = np.zeros((len(threads), len(FEATURES)), np.uint8)
    codes[:, FEATURES.index("cell")] = cell
    codes[:, CAPABILITY] = exchanges["capability"][:][begins]
    codes[:, FEATURES.index("signs")] = fold_signs(exchanges["signs"][:][begins])
    codes[:, FEATURES.index("thinking")] = exchanges["thinking"][:][begins] + 1
    codes[:, FEATURES.index("exchanges")] = np.digitize(np.diff(threads.first), _EXCHANGES)
    with looking(exchanges["max_tokens"]) as limit:
        codes[:, FEATURES.index("max_tokens")] = np.digitize(limit[begins], MAX_TOKENS_FROM)
    with looking(exchanges["turns"]) as turns:
        _most_turns(threads.order, threads.first, turns, np.array(TURNS_FROM), codes[:, TURNS])
    return codes


def repeats(senders: NDArray[np.integer]) -> NDArray[np.integer]:
    """Codes (t,) of how many accounts sent the frame family of each thread's first exchange."""
    return np.digitize(senders, _REPEATS)


def senders(exchanges: Exchanges, incidence: Incidence) -> NDArray[np.integer]:
    """How many accounts sent the frame family of each thread's first exchange, (t,)."""
    threads = exchanges.threads
    families = np.searchsorted(incidence.obj_kind, incidence.kinds.index("family") + np.arange(2))
    out = np.ones(len(threads), np.int32)
    family = exchanges["family"][:]
    _look_up(
        threads.order,
        threads.first,
        threads.starts,
        family,
        incidence.starts,
        incidence.obj,
        incidence.obj_key,
        incidence.obj_accounts,
        families,
        out,
    )
    return out


def senders_among(exchanges: Exchanges) -> NDArray[np.integer]:
    """The same of exchanges whose uses of objects nobody has counted."""
    family = exchanges["family"][:]
    key, accounts = accounts_by_key(family, exchanges.account)
    begins = exchanges.threads.begins(slice(None))
    return accounts[np.searchsorted(key, family[begins])]


@nb.njit(nogil=True, cache=True)
def _look_up(
    order, first, starts, family, use_starts, use_object, object_key, object_accounts, families, out
):
    for account in range(len(starts) - 1):
        for thread in range(starts[account], starts[account + 1]):
            # An account's uses are in order of object, and objects of kind and key.
            key = family[order[first[thread]]]
            low, high = use_starts[account], use_starts[account + 1]
            while low < high:
                middle = (low + high) // 2
                obj = use_object[middle]
                if obj < families[0] or (obj < families[1] and object_key[obj] < key):
                    low = middle + 1
                else:
                    high = middle
            if low < use_starts[account + 1]:
                obj = use_object[low]
                if obj < families[1] and object_key[obj] == key:
                    out[thread] = object_accounts[obj]


@nb.njit(nogil=True, cache=True)
def _most_turns(order, first, turns, edges, out):
    for thread in range(len(out)):
        most = turns[order[first[thread]]]
        for at in range(first[thread] + 1, first[thread + 1]):
            most = max(most, turns[order[at]])
        digit = 0
        while digit < len(edges) and most >= edges[digit]:
            digit += 1
        out[thread] = digit


def fold_signs(signs: NDArray[np.uint16]) -> NDArray[np.integer]:
    """Sixteen sign bits to 64 values: enough to tell combinations apart, few enough to fit."""
    return (signs.astype(np.uint32) * np.uint32(0x9E3779B1)) >> np.uint32(26)
