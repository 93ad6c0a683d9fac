"""Which of a group's exchanges belong to what the group shares: a mixture with one part known.

An exchange of a member is either the group's common work or the account's own traffic. The own
traffic is taken to look like the traffic of accounts outside all groups; the common work is what
that doesn't explain, and it is fitted by expectation-maximisation (positive-unlabelled learning:
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

ROUNDS = 12
DAMPING = 0.6
SMOOTHING = 2.0
COMMON_VALUES = 96
"""Distinct values of one key that are told apart; the rest are one value, "other"."""

KEY_FEATURES = ("opening", "closing", "system", "toolset", "client", "surface")
FEATURES = (
    "cell",
    "capability",
    "signs",
    "turns",
    "max_tokens",
    "thinking",
    "conversation",
    "repeats",
    *KEY_FEATURES,
)


@dataclass(frozen=True)
class Attribution:
    """A fitted group.

    `rows` (m,) are exchanges of the group's accounts and `posterior` (m,) their probability of
    being common work; `share` (N,) is each account's fitted share of it, 0 outside the group.
    `false_rate` is the share of background exchanges that would be attributed to an account of
    which one exchange in twenty is common work.
    """

    rows: NDArray[np.int64]
    posterior: NDArray[np.float64]
    share: NDArray[np.float64]
    false_rate: float


def attribute(
    exchanges: Exchanges, rows: NDArray[np.int64], background: NDArray[np.int64], accounts: int
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
    fit_codes, fit_account = inside_codes[::step], exchanges.account[sample]
    share = np.full(accounts, 0.5)
    common = _distribution(fit_codes, np.ones(len(sample)), sizes)
    ratio = np.log(common / own)
    for _ in range(ROUNDS):
        weight = _posterior(fit_codes, fit_account, ratio, share)
        common = _distribution(fit_codes, weight, sizes)
        ratio = np.log(common / own)
        share = _shares(fit_account, weight, accounts)
    posterior = _posterior(inside_codes, exchanges.account[rows], ratio, share)
    stray = _posterior(outside_codes, exchanges.account[outside], ratio, np.full(accounts, 0.05))
    inside = np.bincount(exchanges.account[rows], minlength=accounts) > 0
    return Attribution(
        rows=rows,
        posterior=posterior,
        share=np.where(inside, share, 0.0),
        false_rate=float(np.mean(stray >= 0.5)) if len(stray) else 0.0,
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
        "turns": np.digitize(turns, (0, 1, 2, 3, 5, 9)),
        "max_tokens": np.digitize(most, (0, 512, 1024, 2048, 4096, 8192, 16384)),
        "thinking": exchanges["thinking"][rows].astype(np.int64) + 1,
        "conversation": (exchanges["conversation"][rows] != 0).astype(np.int64),
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


def _shares(
    account: NDArray[np.int64], weight: NDArray[np.float64], accounts: int
) -> NDArray[np.float64]:
    """Each account's share of common work, shrunk to one half by two exchanges."""
    total = np.bincount(account, minlength=accounts)
    return (np.bincount(account, weights=weight, minlength=accounts) + 1) / (total + 2)


@nb.njit(nogil=True, cache=True)
def _posterior(codes, account, ratio, share):
    out = np.empty(len(codes))
    for i in range(len(codes)):
        score = 0.0
        for f in range(codes.shape[1]):
            score += ratio[f, codes[i, f]]
        prior = min(0.995, max(0.005, share[account[i]]))
        score = DAMPING * score + np.log(prior / (1 - prior))
        out[i] = 1 / (1 + np.exp(-score))
    return out
