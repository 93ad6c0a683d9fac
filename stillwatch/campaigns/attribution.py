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
from functools import partial
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.cells import CELLS, assign, codebook
from stillwatch.campaigns.refinement import Trees, refine, told_by
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.boosting import CODES
from stillwatch.statistics.pairs import accounts_by_key
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Exchanges

CODEBOOK_ROWS = 20_000
FIT_THREADS = 40_000
"""Threads of the background that a fit looks at, and of the group that name its common values."""

BLOCK = 1 << 16
"""Exchanges whose cells are found at a time."""

SCORED = 500_000
"""Threads that are scored at a time."""

ENOUGH = 8
"""Threads of an account from which its share of strays counts."""

SUSPECT = 0.7
"""Share of common work, in parts of a typical member's, from which an outsider teaches nothing."""

ENOUGH_SAMPLED = 4
"""Sampled threads of an outsider from which it can be a suspect."""

ROUNDS = 12
SMOOTHING = 2.0
HOLD = 0.1
"""Weight of the background in a fit, in parts of the group's sample."""

SHRINK = 5.0
"""An account's own share counts from about so many threads on."""

EVEN = 0.5
"""Share of common work that a start from a model supposes."""

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

WIDTHS = (len(CAPABILITIES), 64, 11, 7, 8, 3, 3)
"""How many codes each shared feature after the cell has."""

CAPABILITY = SHARED_FEATURES.index("capability")
ORDERED_FEATURES = ("capability", "turns", "exchanges", "max_tokens", "thinking", "repeats")
"""Features whose codes trees can cut: all are in order but capability, which has few values."""


@dataclass(frozen=True)
class Model:
    """What tells a group's common work, of anybody: the log `ratio` of each value of each feature
    (features, values), the `values` of its keys, and the `trees` of the second look."""

    ratio: NDArray[np.float64]
    values: dict[str, NDArray[np.uint64]]
    trees: Trees


@dataclass(frozen=True)
class Attribution:
    """A fitted group.

    `rows` (m,) are exchanges of the group's accounts and `posterior` (m,) their probability of
    being common work. `false_rate` is the share of a typical outsider's threads that would be
    attributed to an account of which one thread in twenty is common work. `model` is what was
    learnt.
    """

    rows: NDArray[np.integer]
    posterior: NDArray[np.float64]
    false_rate: float
    model: Model


@dataclass(frozen=True)
class Threads:
    """t threads: the row that `begins` each, its `account`, and how many `turns` it comes to.

    `rows` (m,) are the exchanges that they were made of and `of_row` (m,) the thread of each.
    """

    begins: NDArray[np.integer]
    account: NDArray[np.integer]
    turns: NDArray[np.integer]
    rows: NDArray[np.integer]
    of_row: NDArray[np.integer]


@dataclass(frozen=True)
class Background:
    """What every group of a run is fitted against, made once.

    `cells` (n,) are the content cells of all the run's exchanges; `threads` those of outsiders,
    with their `codes` by `SHARED_FEATURES`. A fit looks at every `step`-th.
    """

    cells: NDArray[np.uint8]
    threads: Threads
    codes: NDArray[np.int16]
    step: int


def content_cells(
    exchanges: Exchanges, order: NDArray[np.integer], spread: Spread = one_by_one
) -> NDArray[np.uint8]:
    """The content cells of a run's exchanges that can begin a thread, (n,), 0 for the others.

    `order` is that of their keys; `spread` does jobs, on as many threads as it likes, and gives
    their results in their order.
    """
    return cells_by(exchanges, run_codebook(exchanges, order), spread)


def run_codebook(exchanges: Exchanges, order: NDArray[np.integer]) -> NDArray[np.float32]:
    """The centroids of a run's content cells; `order` is that of the exchanges' keys."""
    return codebook(exchanges.content[order[:: max(1, len(order) // CODEBOOK_ROWS)]])


def cells_by(
    exchanges: Exchanges, centroids: NDArray[np.float32], spread: Spread = one_by_one
) -> NDArray[np.uint8]:
    """`content_cells` by a codebook that is there already."""
    rows = _may_begin(exchanges)

    def some(begin: int) -> NDArray[np.uint8]:
        part = exchanges.content[rows[begin : begin + BLOCK]]
        return assign(part, centroids).astype(np.uint8)

    cells = np.zeros(len(exchanges), np.uint8)
    for begin, found in zip(
        range(0, len(rows), BLOCK),
        spread(partial(some, begin) for begin in range(0, len(rows), BLOCK)),
        strict=True,
    ):
        cells[rows[begin : begin + BLOCK]] = found
    return cells


def _may_begin(exchanges: Exchanges) -> NDArray[np.integer]:
    """Rows with which a thread begins, whichever accounts' rows are looked at; in order of rows."""
    thread, key, account = exchanges["thread"][:], exchanges["exchange"][:], exchanges.account
    turns, ts, threads = exchanges["turns"][:], exchanges["ts"][:], int(thread.max(initial=-1)) + 1
    first = _first(thread, turns, ts, key, threads)
    # Of a thread that goes from account to account any exchange may come to be the first.
    begins = account != account[first[thread]]
    begins[first[first >= 0]] = True
    return np.flatnonzero(begins)


def background(
    exchanges: Exchanges, rows: NDArray[np.integer], cells: NDArray[np.uint8]
) -> Background:
    """The background that `rows` make, in order of their keys: samples must not depend on order."""
    threads = _threads(exchanges, rows)
    codes = _codes(exchanges, threads, cells)
    return Background(cells, threads, codes, max(1, len(threads.begins) // FIT_THREADS))


def attribute(
    exchanges: Exchanges,
    rows: NDArray[np.integer],
    background: Background,
    start: NDArray[np.float64] | Model | None = None,
) -> Attribution:
    """Fit the mixture to the group's exchanges `rows`, which are in order of exchange keys.

    `start` says how common threads are taken to be at first: by a model of some of the group's
    common work, or by capability; all wholly, if not given. Where accounts share their camouflage
    too, that is common as well, and only the start decides which of the two a fit is about.
    """
    inside = _threads(exchanges, rows)
    values = _vocabulary(exchanges, inside.begins[:: max(1, len(inside.begins) // FIT_THREADS)])
    inside_codes = np.column_stack(
        [_codes(exchanges, inside, background.cells), _keyed(exchanges, inside.begins, values)]
    )
    few = slice(None, None, background.step)
    outside = background.threads
    outside_codes = np.column_stack(
        [background.codes[few], _keyed(exchanges, outside.begins[few], values)]
    )
    account, load = np.unique(inside.account, return_inverse=True, return_counts=True)[1:]
    counts = np.minimum(1.0, MOST_LOAD * np.median(load) / load)[account]
    if isinstance(start, Model):
        first = _told(
            exchanges, inside.begins, inside_codes[:, : len(SHARED_FEATURES)], start, EVEN
        )
    else:
        first = np.ones(len(account)) if start is None else start[inside_codes[:, CAPABILITY]]
    sizes = np.array([CELLS, *WIDTHS, *(1 + len(v) for v in values.values())])
    posterior, ratio = _mixture(inside_codes, outside_codes, sizes, account, counts, first)
    stray = _posterior(outside_codes, ratio, np.full(len(outside_codes), 0.05)) >= 0.5
    honest = ~_suspects(outside.account[few], outside_codes, ratio, account, posterior)
    posterior, trees = refine(
        _features(inside_codes, ratio),
        _features(outside_codes[honest], ratio),
        posterior,
        account,
        counts,
    )
    return Attribution(
        rows=rows,
        posterior=posterior[inside.of_row],
        false_rate=usual_rate(outside.account[few], stray),
        model=Model(ratio, values, trees),
    )


def attributed_outside(
    exchanges: Exchanges, background: Background, model: Model, share: float
) -> NDArray[np.bool_]:
    """Which of the background's threads would be attributed, (t,), at such a `share` of the work.

    By both looks: the first, of naive Bayes, is asked first, and the second of what it takes.
    """
    threads = background.threads
    return told_outside(exchanges, threads.begins, background.codes, model, share) >= 0.5


def told_outside(
    exchanges: Exchanges,
    begins: NDArray[np.integer],
    codes: NDArray[np.integer],
    model: Model,
    share: float,
) -> NDArray[np.float64]:
    """Probability of a model's common work of threads (t,) of anybody, at such a `share` of it.

    `begins` (t,) are the rows that begin them, `codes` (t, shared features) as in a `Background`.
    """
    out = np.zeros(len(begins))
    for begin in range(0, len(out), SCORED):
        part = slice(begin, begin + SCORED)
        out[part] = _told(exchanges, begins[part], codes[part], model, share)
    return out


def told_inside(
    exchanges: Exchanges, members: Background, model: Model, share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of common work of threads (t,) of accounts that are known to do it.

    As a fit of the model's own group has it: by the trees where there are any, else by the first
    look and the `share` (t,) of it in the thread's account.
    """
    keyed = _keyed(exchanges, members.threads.begins, model.values)
    codes = np.column_stack([members.codes, keyed])
    if model.trees:
        return told_by(model.trees, _features(codes, model.ratio))
    return _posterior(codes, model.ratio, share)


def _told(
    exchanges: Exchanges,
    begins: NDArray[np.integer],
    shared: NDArray[np.integer],
    model: Model,
    share: float,
) -> NDArray[np.float64]:
    """Probability of a model's common work, of threads by where they begin and `shared` codes."""
    codes = np.column_stack([shared, _keyed(exchanges, begins, model.values)])
    told = _posterior(codes, model.ratio, np.full(len(codes), share))
    asked = told >= 0.5
    if model.trees and asked.any():
        told[asked] = told_by(model.trees, _features(codes[asked], model.ratio))
    return told


def usual_rate(account: NDArray[np.integer], hit: NDArray[np.bool_]) -> float:
    """The median account's share of hits among its threads (t,); that of all if all have few.

    A median, since some of the accounts may be other than they are taken for.
    """
    place, load = np.unique(account, return_inverse=True, return_counts=True)[1:]
    large = load >= ENOUGH
    if not large.any():
        return float(np.mean(hit)) if len(hit) else 0.0
    return float(np.median((np.bincount(place, weights=hit) / load)[large]))


def _mixture(
    inside: NDArray[np.integer],
    outside: NDArray[np.integer],
    sizes: NDArray[np.integer],
    account: NDArray[np.integer],
    counts: NDArray[np.float64],
    posterior: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Naive Bayes by expectation-maximisation: posteriors (t,), log ratios (features, values).

    `inside` (t, features) and `outside` are codes below `sizes` (features,); a thread of the group
    counts `counts` (t,) and starts from `posterior` (t,).
    """
    prior = own = _distributions(outside, np.zeros(len(outside)), np.ones(len(outside)), sizes)[1]
    ratio = np.zeros_like(own)
    for first in [True] + [False] * (ROUNDS - 1):
        # What is the same all over the group (a relay's own system prompt, say) must not tell the
        # parts apart, so the own traffic learns from the group too, held by what is outside.
        common, learnt = _distributions(inside, posterior, counts, sizes)
        rest, held = ((1 - posterior) * counts).sum(), HOLD * counts.sum()
        own = (prior * held + learnt * rest) / (held + rest)
        ratio = np.log(common / own)
        if first:
            # An opening that all of the group's traffic has would settle everything at once.
            ratio[len(SHARED_FEATURES) :] = 0.0
        share = _shares(account, posterior)
        posterior = _posterior(inside, ratio, share[account])
    return posterior, ratio


def _suspects(
    outsider: NDArray[np.integer],
    outside: NDArray[np.integer],
    ratio: NDArray[np.float64],
    account: NDArray[np.integer],
    posterior: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Threads outside (b,) of accounts that do the common work nearly as much as members do.

    They may be members that no group holds, and must not teach that such work is honest.
    """
    typical = float(np.median(np.bincount(account, weights=posterior) / np.bincount(account)))
    hit = _posterior(outside, ratio, np.full(len(outside), typical))
    place, load = np.unique(outsider, return_inverse=True, return_counts=True)[1:]
    share = np.bincount(place, weights=hit) / load
    return ((share >= SUSPECT * typical) & (load >= ENOUGH_SAMPLED))[place]


def _features(codes: NDArray[np.integer], ratio: NDArray[np.float64]) -> NDArray[np.uint8]:
    """What refinement looks at: the rank of each code's log ratio, and codes that have an order."""
    told = [_ranks(ratio[f])[codes[:, f]] for f in range(codes.shape[1])]
    ordered = codes[:, [SHARED_FEATURES.index(name) for name in ORDERED_FEATURES]]
    return np.column_stack([*told, ordered.astype(np.uint8)])


def _ranks(ratio: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Ranks below 256 of the log ratios of codes; where there are more, neighbours share one."""
    value, rank = np.unique(ratio, return_inverse=True)
    return (rank * min(len(value), CODES) // len(value)).astype(np.uint8)


def _threads(exchanges: Exchanges, rows: NDArray[np.integer]) -> Threads:
    """The threads of `rows`, in order of the key of the exchange that begins each."""
    thread, key, turns = (exchanges[name][rows] for name in ("thread", "exchange", "turns"))
    used = np.zeros(int(thread.max(initial=-1)) + 1, np.int32)
    used[thread] = 1
    thread = (np.cumsum(used, dtype=np.int32) - 1)[thread]
    begins = rows[_first(thread, turns, exchanges["ts"][rows], key, int(used.sum()))]
    most = np.full(len(begins), -1, np.int32)
    np.maximum.at(most, thread, turns)
    rank = np.argsort(exchanges["exchange"][begins], kind="stable").astype(np.int32)
    place = np.empty(len(rank), np.int32)
    place[rank] = np.arange(len(rank), dtype=np.int32)
    return Threads(begins[rank], exchanges.account[begins[rank]], most[rank], rows, place[thread])


@nb.njit(nogil=True, cache=True)
def _first(thread, turns, ts, key, threads):
    """The place of each thread's first exchange: of least turns, then time, then key."""
    out = np.full(threads, -1, np.int64)
    for i in range(len(thread)):
        best = out[thread[i]]
        if (
            best < 0
            or turns[i] < turns[best]
            or (
                turns[i] == turns[best]
                and (ts[i] < ts[best] or (ts[i] == ts[best] and key[i] < key[best]))
            )
        ):
            out[thread[i]] = i
    return out


def _vocabulary(exchanges: Exchanges, sample: NDArray[np.integer]) -> dict[str, NDArray[np.uint64]]:
    """For each key feature, the values most used in the group, in sorted order."""
    out = {}
    for name in KEY_FEATURES:
        value, count = np.unique(exchanges[name][sample], return_counts=True)
        common = np.lexsort((value, -count))[:COMMON_VALUES]
        out[name] = np.sort(value[common[count[common] >= 5]])
    return out


def _codes(
    exchanges: Exchanges,
    threads: Threads,
    cells: NDArray[np.uint8],
) -> NDArray[np.int16]:
    """Shared features of threads, (t, features): how they begin, and how far they go."""
    rows, most = threads.begins, exchanges["max_tokens"][threads.begins]
    columns = {
        "cell": cells[rows],
        "capability": exchanges["capability"][rows],
        "signs": _fold(exchanges["signs"][rows]),
        "turns": np.digitize(threads.turns, (0, 1, 2, 3, 5, 9, 17, 33, 65, 129)),
        "exchanges": np.digitize(np.bincount(threads.of_row), (2, 3, 5, 9, 17, 33)),
        "max_tokens": np.digitize(most, (0, 512, 1024, 2048, 4096, 8192, 16384)),
        "thinking": exchanges["thinking"][rows] + 1,
        "repeats": _repeats(exchanges, rows),
    }
    return np.column_stack([columns[name].astype(np.int16) for name in SHARED_FEATURES])


def _keyed(
    exchanges: Exchanges, begins: NDArray[np.integer], values: dict[str, NDArray[np.uint64]]
) -> NDArray[np.integer]:
    """Key features of threads, (t, len(KEY_FEATURES)), by the group's common values."""
    return np.column_stack(
        [_lookup(exchanges[name][begins], values[name]).astype(np.int16) for name in KEY_FEATURES]
    )


def _fold(signs: NDArray[np.uint16]) -> NDArray[np.integer]:
    """Sixteen sign bits to 64 values: enough to tell combinations apart, few enough to fit."""
    return ((signs.astype(np.uint32) * np.uint32(0x9E3779B1)) >> np.uint32(26)).astype(np.int64)


def _repeats(exchanges: Exchanges, rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """How many of these accounts sent the row's frame family: 0 one, 1 two or three, 2 more."""
    family = exchanges["family"][rows]
    key, accounts = accounts_by_key(family, exchanges.account[rows])
    return np.digitize(accounts[np.searchsorted(key, family)], (2, 4))


def _lookup(column: NDArray[np.uint64], values: NDArray[np.uint64]) -> NDArray[np.integer]:
    """0 for a value that is not in `values`, else 1 + its place."""
    if len(values) == 0:
        return np.zeros(len(column), np.int64)
    place = np.minimum(np.searchsorted(values, column), len(values) - 1)
    return np.where(values[place] == column, place + 1, 0)


def _distributions(
    codes: NDArray[np.integer],
    posterior: NDArray[np.float64],
    counts: NDArray[np.float64],
    sizes: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Smoothed probabilities of each feature's values, (2, features, most values): of what is
    common by its `posterior` (t,), and of the rest; threads count `counts` (t,)."""
    out = np.zeros((2, len(sizes), sizes.max()))
    _tally(codes, posterior, counts, out)
    total = out.sum(axis=2, keepdims=True)
    out += SMOOTHING / sizes[None, :, None]
    out /= total + SMOOTHING
    out[:, np.arange(sizes.max()) >= sizes[:, None]] = 0.0
    return np.maximum(out, 1e-12)


@nb.njit(nogil=True, cache=True)
def _tally(codes, posterior, counts, out):
    for i in range(len(codes)):
        common = posterior[i] * counts[i]
        rest = counts[i] - common
        for f in range(codes.shape[1]):
            out[0, f, codes[i, f]] += common
            out[1, f, codes[i, f]] += rest


def _shares(account: NDArray[np.integer], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each account's share of common work, shrunk to the group's by `SHRINK` threads."""
    hits, load = np.bincount(account, weights=weight), np.bincount(account)
    return (hits + SHRINK * weight.mean()) / (load + SHRINK)


def _posterior(
    codes: NDArray[np.integer], ratio: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of common work of each thread, given the share of it in its account."""
    prior = np.clip(share, 0.005, 0.995)
    return _told_apart(codes, ratio, np.log(prior / (1 - prior)))


@nb.njit(nogil=True, cache=True)
def _told_apart(codes, ratio, logit):
    out = np.empty(len(codes))
    for i in range(len(codes)):
        score = logit[i]
        for f in range(codes.shape[1]):
            score += ratio[f, codes[i, f]]
        out[i] = 1 / (1 + np.exp(-min(50.0, max(-50.0, score))))
    return out
