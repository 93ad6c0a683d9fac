"""Which of a group's exchanges belong to what the group shares: a mixture with one part known.

An exchange of a member is either the group's common work or the account's own traffic. The own
traffic starts as the traffic of accounts outside all groups; the common work is what that doesn't
explain, and both are fitted by expectation-maximisation (close to positive-unlabelled learning:
Elkan and Noto 2008). Exchanges are described by a few discrete features, independent given the
part (naive Bayes), each damped, since content and frame say partly the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

from stillwatch.campaigns.cells import assign, codebook
from stillwatch.statistics.pairs import accounts_by_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Exchanges

FIT_ROWS = 40_000
"""Exchanges of the group, and as many of the background, that a fit looks at."""

ROUNDS = 5
DAMPING = 0.6
SMOOTHING = 2.0
HOLD = 0.1
"""Weight of the background in a fit, in parts of the group's sample."""

SHRINK = 5.0
"""An account's own share counts from about so many exchanges on."""

COMMON_VALUES = 96
"""Distinct values of one key that are told apart; the rest are one value, "other"."""

KEY_FEATURES = ("opening", "closing", "system", "toolset")
FEATURES = (
    "cell",
    "capability",
    "signs",
    "turns",
    "max_tokens",
    "thinking",
    "repeats",
    *KEY_FEATURES,
)


@dataclass(frozen=True)
class Attribution:
    """A fitted group.

    `rows` (m,) are exchanges of the group's accounts and `posterior` (m,) their probability of
    being common work. `false_rate` is the share of background exchanges that would be attributed to an account of
    which one exchange in twenty is common work.
    """

    rows: NDArray[np.int64]
    posterior: NDArray[np.float64]
    false_rate: float


def attribute(
    exchanges: Exchanges,
    rows: NDArray[np.int64],
    background: NDArray[np.int64],
) -> Attribution:
    """Fit the mixture to the group's exchanges `rows`, against the exchanges `background`.

    Both must be in order of exchange keys, so that samples don't depend on the log's order.
    """
    step = max(1, len(rows) // FIT_ROWS)
    sample = rows[::step]
    outside = background[:: max(1, len(background) // FIT_ROWS)]
    centroids = codebook(exchanges.content[np.concatenate([sample, outside])])
    values = _vocabulary(exchanges, sample)
    inside_codes = _codes(exchanges, rows, centroids, values, rows)
    outside_codes = _codes(exchanges, outside, centroids, values, background)
    sizes = np.maximum(inside_codes.max(0), outside_codes.max(0)) + 1
    own = _distribution(outside_codes, np.ones(len(outside)), sizes)
    units = _units(exchanges, rows)
    share, weight = np.full(units.account.max() + 1, 0.5), np.ones(len(rows))
    prior, held = own, HOLD * len(rows)
    ratio = np.zeros_like(own)
    for _ in range(ROUNDS):
        common = _distribution(inside_codes, weight, sizes)
        # What is the same all over the group (a relay's own system prompt, say) must not tell the
        # parts apart, so the own traffic learns from the group too, held by what is outside.
        rest = (1 - weight).sum()
        own = (prior * held + _distribution(inside_codes, 1 - weight, sizes) * rest) / (held + rest)
        ratio = np.log(common / own)
        weight = _posterior(inside_codes, ratio, units, share)
        share = _shares(units, weight)
    posterior = _posterior(inside_codes, ratio, units, share)
    alone = _units(exchanges, outside)
    stray = _posterior(outside_codes, ratio, alone, np.full(alone.account.max(initial=0) + 1, 0.05))
    return Attribution(
        rows=rows,
        posterior=posterior,
        false_rate=float(np.mean(stray >= 0.5)) if len(stray) else 0.0,
    )


@dataclass(frozen=True)
class _Units:
    """How exchanges hang together: the thread and the account of each row, counted from 0."""

    thread: NDArray[np.int64]
    account: NDArray[np.int64]


def _units(exchanges: Exchanges, rows: NDArray[np.int64]) -> _Units:
    return _Units(
        np.unique(exchanges["thread"][rows], return_inverse=True)[1],
        np.unique(exchanges.account[rows], return_inverse=True)[1],
    )


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
    rows: NDArray[np.int64],
    centroids: NDArray[np.float32],
    values: dict[str, NDArray[np.uint64]],
    population: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Discrete features of `rows`, (n, len(FEATURES)); repeats are counted in `population`."""
    turns, most = exchanges["turns"][rows], exchanges["max_tokens"][rows]
    columns = {
        "cell": assign(exchanges.content[rows], centroids),
        "capability": exchanges["capability"][rows].astype(np.int64),
        "signs": _fold(exchanges["signs"][rows]),
        "turns": np.digitize(turns, (0, 1, 2, 3, 5, 9, 17, 33, 65)),
        "max_tokens": np.digitize(most, (0, 512, 1024, 2048, 4096, 8192, 16384)),
        "thinking": exchanges["thinking"][rows].astype(np.int64) + 1,
        "repeats": _repeats(exchanges, rows, population),
    }
    for name in KEY_FEATURES:
        columns[name] = _lookup(exchanges[name][rows], values[name])
    return np.column_stack([columns[name] for name in FEATURES])


def _fold(signs: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Sixteen sign bits to 64 values: enough to tell combinations apart, few enough to fit."""
    return ((signs.astype(np.uint32) * np.uint32(0x9E3779B1)) >> np.uint32(26)).astype(np.int64)


def _repeats(
    exchanges: Exchanges, rows: NDArray[np.int64], population: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many accounts of `population` sent this frame family: 0 one, 1 two or three, 2 more."""
    family = exchanges["family"]
    key, accounts = accounts_by_key(family[population], exchanges.account[population])
    found = np.searchsorted(key, family[rows])
    return np.digitize(accounts[np.minimum(found, len(key) - 1)], (2, 4))


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


def _shares(units: _Units, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each account's share of common work, shrunk to the group's by `SHRINK` exchanges."""
    hits, load = np.bincount(units.account, weights=weight), np.bincount(units.account)
    return (hits + SHRINK * weight.mean()) / (load + SHRINK)


def _posterior(
    codes: NDArray[np.int64],
    ratio: NDArray[np.float64],
    units: _Units,
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probability of common work of each exchange; exchanges of a thread have one fate."""
    score = DAMPING * _scores(codes, ratio)
    size = np.bincount(units.thread)
    # Evidence within a thread repeats itself, so it counts as the square root of its length.
    total = np.bincount(units.thread, weights=score) / np.sqrt(size)
    prior = np.clip(share, 0.005, 0.995)[units.account]
    logit = total[units.thread] + np.log(prior / (1 - prior))
    return 1 / (1 + np.exp(-np.clip(logit, -50, 50)))


@nb.njit(nogil=True, cache=True)
def _scores(codes, ratio):
    out = np.zeros(len(codes))
    for i in range(len(codes)):
        for f in range(codes.shape[1]):
            out[i] += ratio[f, codes[i, f]]
    return out
