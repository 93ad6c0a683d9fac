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
    """Accounts of one sort: their `hits` (a,) among `threads` (a,), and the probability that each
    `bears` a mark (a,); `unseen` is that of an account like which none was seen.

    `known` is of how many accounts it is known of what sort they are; that of all if not given.
    """

    hits: NDArray[np.integer]
    threads: NDArray[np.integer]
    bears: NDArray[np.float64]
    unseen: float
    known: float | None = None


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
    likely = _log_likelihood(hits, threads)
    of = len(crowd.hits)
    share = np.log(np.maximum(_rates(crowd), 1e-300) / max(of, 1))
    seen = np.logaddexp.reduce(likely + share, axis=1)
    new = betaln(hits + 1.0, threads - hits + 1.0) + np.log(crowd.unseen)
    known = of if crowd.known is None else crowd.known
    seen += np.log(max(known, 1e-300))
    return np.logaddexp(seen, new) - np.log(1 + known)


def _rates(crowd: Crowd) -> NDArray[np.float64]:
    """How many accounts that bear the mark hit at each of `RATES`, (rates,)."""
    bearing = crowd.bears > 0
    count = crowd.bears[bearing]
    pairs = np.column_stack([crowd.hits[bearing], crowd.threads[bearing]])
    pairs, place = np.unique(pairs, axis=0, return_inverse=True)
    count = np.bincount(place, count, len(pairs))
    if not count.sum():
        return np.zeros(len(RATES))
    likely = _log_likelihood(pairs[:, 0], pairs[:, 1])
    likely = np.exp(likely - likely.max(1, keepdims=True))
    share = np.full(len(RATES), 1 / len(RATES))
    for _ in range(ROUNDS):
        mine = likely * share
        share = count @ (mine / mine.sum(1, keepdims=True)) / count.sum()
    return share * count.sum()


def _log_likelihood(hits: NDArray, threads: NDArray) -> NDArray[np.float64]:
    """Log likelihood of a sequence with so many hits at each rate, (n, rates)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(hits[:, None] > 0, hits[:, None] * np.log(RATES), 0.0)
        miss = (threads - hits)[:, None]
        no = np.where(miss > 0, miss * np.log1p(-RATES), 0.0)
    return np.maximum(yes + no, -1e300)
