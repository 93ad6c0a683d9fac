"""From hits to evidence: a likelihood ratio that may be looked at after every request.

Each thread of a new account is a hit or none. Honest accounts hit at very different rates, so the
null is a mixture over rates, estimated from honest accounts without a shape being assumed (Kiefer
and Wolfowitz 1956, by expectation-maximisation), and the alternative is the same of members. Of a
mixture the hits are exchangeable, so the ratio of both is a martingale for an honest account, and
the chance that it ever passes 1 / alpha is at most alpha (Ville 1939), however often one looks.

Of J honest accounts nobody can tell what one in J + 1 does that was never seen: so much of the null
is kept for accounts of any rate at all. That bounds the evidence: who has seen few honest accounts
can't be certain, and isn't.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

MOST_THREADS = 64
"""Threads of a new account that are asked; by then a judgement knows it."""

RATES = np.concatenate([[0.0], np.geomspace(1e-3, 0.5, 40), np.linspace(0.52, 1.0, 25)])
ROUNDS = 200


@dataclass(frozen=True)
class Crowd:
    """Accounts of one sort that bear a mark: their `hits` (a,) among `threads` (a,), of how many
    they are a part (`total`), and the share of accounts never seen that would bear it too."""

    hits: NDArray[np.integer]
    threads: NDArray[np.integer]
    total: int
    unseen: float

    @classmethod
    def of(
        cls,
        hits: NDArray[np.integer],
        threads: NDArray[np.integer],
        bearing: NDArray[np.bool_],
        among: NDArray[np.bool_],
        unseen: float,
    ) -> Crowd:
        """Of those `bearing` a mark `among` others, masks of all accounts."""
        mine = bearing & among
        return cls(hits[mine], threads[mine], int(np.count_nonzero(among)), unseen)


def log_ratio(members: Crowd, honest: Crowd) -> NDArray[np.float32]:
    """log10 of the likelihood ratio of bearing the mark with so many hits among so many threads.

    Rows are threads and columns hits, (MOST_THREADS + 1,) each; more hits than threads never are.
    """
    threads, hits = np.mgrid[: MOST_THREADS + 1, : MOST_THREADS + 1]
    possible = hits <= threads
    hits, threads = hits[possible], threads[possible]
    ratio = _log_probability(hits, threads, members) - _log_probability(hits, threads, honest)
    out = np.full(possible.shape, -np.inf, np.float32)
    out[possible] = ratio / np.log(10)
    return out


def _log_probability(
    hits: NDArray[np.integer], threads: NDArray[np.integer], crowd: Crowd
) -> NDArray[np.float64]:
    """Log probability of a sequence with so many hits, of an account like those that were seen."""
    weight = np.log(np.maximum(_mixture(crowd.hits, crowd.threads), 1e-300))
    known = np.logaddexp.reduce(_log_likelihood(hits, threads) + weight, axis=1)
    new = betaln(hits + 1.0, threads - hits + 1.0)
    share = max(len(crowd.hits), 1e-9) / (crowd.total + 1)
    return np.logaddexp(np.log(share) + known, np.log(crowd.unseen / (crowd.total + 1)) + new)


def _mixture(hits: NDArray[np.integer], threads: NDArray[np.integer]) -> NDArray[np.float64]:
    """Shares of accounts by `RATES`, (rates,)."""
    share = np.full(len(RATES), 1 / len(RATES))
    if not len(hits):
        return share
    pairs, count = np.unique(np.column_stack([hits, threads]), axis=0, return_counts=True)
    likely = _log_likelihood(pairs[:, 0], pairs[:, 1])
    likely = np.exp(likely - likely.max(1, keepdims=True))
    for _ in range(ROUNDS):
        mine = likely * share
        mine /= mine.sum(1, keepdims=True)
        share = count @ mine / count.sum()
    return share


def _log_likelihood(hits: NDArray, threads: NDArray) -> NDArray[np.float64]:
    """Log likelihood of a sequence with so many hits at each rate, (n, rates)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(hits[:, None] > 0, hits[:, None] * np.log(RATES), 0.0)
        miss = (threads - hits)[:, None]
        no = np.where(miss > 0, miss * np.log1p(-RATES), 0.0)
    return np.maximum(yes + no, -1e300)
