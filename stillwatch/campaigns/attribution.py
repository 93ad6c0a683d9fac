"""Which of a group's exchanges belong to what the group shares: a mixture with one part known.

An exchange of a member is either the group's common work or the account's own traffic. The own
traffic starts as the traffic of accounts outside all groups; the common work is what that doesn't
explain, and both are fitted by expectation-maximisation (close to positive-unlabelled learning:
Elkan and Noto 2008). The exchanges of a thread have one fate: a thread is described by how it
begins and by how far it goes. The features are few and discrete; the first fit takes them for
independent given the part (naive Bayes), and `refinement` then takes them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.cells import assign, codebook
from stillwatch.campaigns.refinement import refine
from stillwatch.statistics.pairs import accounts_by_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Exchanges

CODEBOOK_ROWS = 20_000
FIT_THREADS = 40_000
"""Threads of the background that a fit looks at, and of the group that name its common values."""

ROUNDS = 12
SMOOTHING = 2.0
HOLD = 0.1
"""Weight of the background in a fit, in parts of the group's sample."""

SHRINK = 5.0
"""An account's own share counts from about so many threads on."""

MOST_LOAD = 3.0
"""An account counts for at most so many times the threads of the median one: two that send a
hundred times as much must not define what all have in common."""

COMMON_VALUES = 256
"""Distinct values of one key that are told apart; the rest are one value, "other"."""

KEY_FEATURES = ("opening", "closing")
"""System prompts and tool sets are left out: they come with the software, so a campaign that uses
a popular agent looks by them like any customer who does, and every customer like the campaign."""

SHARED_FEATURES = (
    "cell",
    "capability",
    "signs",
    "turns",
    "exchanges",
    "max_tokens",
    "thinking",
    "repeats",
)
"""Features that mean the same for every group; those of `KEY_FEATURES` are a group's own."""

ORDERED_FEATURES = ("capability", "turns", "exchanges", "max_tokens", "thinking", "repeats")
"""Features whose codes trees can cut: all are in order but capability, which has few values."""


@dataclass(frozen=True)
class Attribution:
    """A fitted group.

    `rows` (m,) are exchanges of the group's accounts and `posterior` (m,) their probability of
    being common work. `false_rate` is the share of background threads that would be attributed to
    an account of which one thread in twenty is common work.
    """

    rows: NDArray[np.int64]
    posterior: NDArray[np.float64]
    false_rate: float


@dataclass(frozen=True)
class _Threads:
    """t threads: the row that `begins` each, its `account`, and how many `turns` it comes to.

    `of_row` (m,) is the thread of each of the rows that they were made of.
    """

    begins: NDArray[np.int64]
    account: NDArray[np.int64]
    turns: NDArray[np.int64]
    of_row: NDArray[np.int64]


@dataclass(frozen=True)
class Background:
    """What every group of a run is fitted against, made once.

    `centroids` are the run's content cells; `threads` a sample of those outside all groups, with
    their `codes` by `SHARED_FEATURES`.
    """

    centroids: NDArray[np.float32]
    threads: _Threads
    codes: NDArray[np.int64]


def background(
    exchanges: Exchanges, order: NDArray[np.int64], outside: NDArray[np.int64]
) -> Background:
    """The background of a run: `order` holds all exchanges and `outside` those outside all groups.

    Both must be in order of exchange keys, so that samples don't depend on the log's order.
    """
    centroids = codebook(exchanges.content[order[:: max(1, len(order) // CODEBOOK_ROWS)]])
    threads = _threads(exchanges, outside)
    codes = _codes(exchanges, threads, centroids)
    kept = slice(None, None, max(1, len(threads.begins) // FIT_THREADS))
    few = _Threads(
        threads.begins[kept], threads.account[kept], threads.turns[kept], threads.of_row[:0]
    )
    return Background(centroids, few, codes[kept])


def attribute(exchanges: Exchanges, rows: NDArray[np.int64], background: Background) -> Attribution:
    """Fit the mixture to the group's exchanges `rows`, which are in order of exchange keys."""
    inside = _threads(exchanges, rows)
    values = _vocabulary(exchanges, inside.begins[:: max(1, len(inside.begins) // FIT_THREADS)])
    inside_codes = np.column_stack(
        [_codes(exchanges, inside, background.centroids), _keyed(exchanges, inside, values)]
    )
    outside_codes = np.column_stack(
        [background.codes, _keyed(exchanges, background.threads, values)]
    )
    account, load = np.unique(inside.account, return_inverse=True, return_counts=True)[1:]
    counts = np.minimum(1.0, MOST_LOAD * np.median(load) / load)[account]
    posterior, ratio = _mixture(inside_codes, outside_codes, account, counts)
    stray = _posterior(outside_codes, ratio, np.full(len(outside_codes), 0.05))
    posterior = refine(
        _features(inside_codes, ratio), _features(outside_codes, ratio), posterior, account, counts
    )
    return Attribution(
        rows=rows,
        posterior=posterior[inside.of_row],
        false_rate=float(np.mean(stray >= 0.5)) if len(stray) else 0.0,
    )


def _mixture(
    inside: NDArray[np.int64],
    outside: NDArray[np.int64],
    account: NDArray[np.int64],
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Naive Bayes by expectation-maximisation: posteriors (t,), log ratios (features, values).

    `inside` (t, features) and `outside` are codes; a thread of the group counts `counts` (t,).
    """
    sizes = np.maximum(inside.max(0), outside.max(0)) + 1
    prior = own = _distribution(outside, np.ones(len(outside)), sizes)
    posterior, ratio = np.ones(len(inside)), np.zeros_like(own)
    for first in [True] + [False] * (ROUNDS - 1):
        common = _distribution(inside, posterior * counts, sizes)
        # What is the same all over the group (a relay's own system prompt, say) must not tell the
        # parts apart, so the own traffic learns from the group too, held by what is outside.
        rest, held = ((1 - posterior) * counts).sum(), HOLD * counts.sum()
        learnt = _distribution(inside, (1 - posterior) * counts, sizes)
        own = (prior * held + learnt * rest) / (held + rest)
        ratio = np.log(common / own)
        if first:
            # An opening that all of the group's traffic has would settle everything at once.
            ratio[len(SHARED_FEATURES) :] = 0.0
        share = _shares(account, posterior)
        posterior = _posterior(inside, ratio, share[account])
    return posterior, ratio


def _features(codes: NDArray[np.int64], ratio: NDArray[np.float64]) -> NDArray[np.float32]:
    """What refinement looks at: each code's log ratio, and those codes that have an order."""
    told = [ratio[f][codes[:, f]] for f in range(codes.shape[1])]
    ordered = codes[:, [SHARED_FEATURES.index(name) for name in ORDERED_FEATURES]]
    return np.column_stack([*told, ordered]).astype(np.float32)


def _threads(exchanges: Exchanges, rows: NDArray[np.int64]) -> _Threads:
    """The threads of `rows`, in order of the key of the exchange that begins each."""
    turns, ts, key = (exchanges[name][rows] for name in ("turns", "ts", "exchange"))
    thread = np.unique(exchanges["thread"][rows], return_inverse=True)[1]
    order = np.lexsort((key, ts, turns, thread))
    begins = rows[order[np.unique(thread[order], return_index=True)[1]]]
    most = np.full(len(begins), -1)
    np.maximum.at(most, thread, turns)
    rank = np.argsort(exchanges["exchange"][begins], kind="stable")
    place = np.empty(len(rank), np.int64)
    place[rank] = np.arange(len(rank))
    return _Threads(begins[rank], exchanges.account[begins[rank]], most[rank], place[thread])


def _vocabulary(exchanges: Exchanges, sample: NDArray[np.int64]) -> dict[str, NDArray[np.uint64]]:
    """For each key feature, the values most used in the group, in sorted order."""
    out = {}
    for name in KEY_FEATURES:
        value, count = np.unique(exchanges[name][sample], return_counts=True)
        common = np.lexsort((value, -count))[:COMMON_VALUES]
        out[name] = np.sort(value[common[count[common] >= 5]])
    return out


def _codes(
    exchanges: Exchanges,
    threads: _Threads,
    centroids: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Shared features of threads, (t, features): how they begin, and how far they go."""
    rows, most = threads.begins, exchanges["max_tokens"][threads.begins]
    columns = {
        "cell": assign(exchanges.content[rows], centroids),
        "capability": exchanges["capability"][rows].astype(np.int64),
        "signs": _fold(exchanges["signs"][rows]),
        "turns": np.digitize(threads.turns, (0, 1, 2, 3, 5, 9, 17, 33, 65, 129)),
        "exchanges": np.digitize(np.bincount(threads.of_row), (2, 3, 5, 9, 17, 33)),
        "max_tokens": np.digitize(most, (0, 512, 1024, 2048, 4096, 8192, 16384)),
        "thinking": exchanges["thinking"][rows].astype(np.int64) + 1,
        "repeats": _repeats(exchanges, rows),
    }
    return np.column_stack([columns[name] for name in SHARED_FEATURES])


def _keyed(
    exchanges: Exchanges, threads: _Threads, values: dict[str, NDArray[np.uint64]]
) -> NDArray[np.int64]:
    """Key features of threads, (t, len(KEY_FEATURES)), by the group's common values."""
    return np.column_stack(
        [_lookup(exchanges[name][threads.begins], values[name]) for name in KEY_FEATURES]
    )


def _fold(signs: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Sixteen sign bits to 64 values: enough to tell combinations apart, few enough to fit."""
    return ((signs.astype(np.uint32) * np.uint32(0x9E3779B1)) >> np.uint32(26)).astype(np.int64)


def _repeats(exchanges: Exchanges, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of these accounts sent the row's frame family: 0 one, 1 two or three, 2 more."""
    family = exchanges["family"][rows]
    key, accounts = accounts_by_key(family, exchanges.account[rows])
    return np.digitize(accounts[np.searchsorted(key, family)], (2, 4))


def _lookup(column: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """0 for a value that is not in `values`, else 1 + its place."""
    if len(values) == 0:
        return np.zeros(len(column), np.int64)
    place = np.minimum(np.searchsorted(values, column), len(values) - 1)
    return np.where(values[place] == column, place + 1, 0)


def _distribution(
    codes: NDArray[np.int64], weight: NDArray[np.float64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Smoothed probabilities of each feature's values, (features, most values)."""
    out = np.zeros((len(sizes), sizes.max()))
    for f, size in enumerate(sizes):
        counts = np.bincount(codes[:, f], weights=weight, minlength=size)
        out[f, :size] = (counts + SMOOTHING / size) / (weight.sum() + SMOOTHING)
    return np.maximum(out, 1e-12)


def _shares(account: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each account's share of common work, shrunk to the group's by `SHRINK` threads."""
    hits, load = np.bincount(account, weights=weight), np.bincount(account)
    return (hits + SHRINK * weight.mean()) / (load + SHRINK)


def _posterior(
    codes: NDArray[np.int64], ratio: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of common work of each thread, given the share of it in its account."""
    prior = np.clip(share, 0.005, 0.995)
    logit = _scores(codes, ratio) + np.log(prior / (1 - prior))
    return 1 / (1 + np.exp(-np.clip(logit, -50, 50)))


@nb.njit(nogil=True, cache=True)
def _scores(codes, ratio):
    out = np.zeros(len(codes))
    for i in range(len(codes)):
        for f in range(codes.shape[1]):
            out[i] += ratio[f, codes[i, f]]
    return out
