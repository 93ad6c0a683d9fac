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

from stillwatch.campaigns.ground import CAPABILITY, FEATURES, WIDTHS
from stillwatch.campaigns.refinement import Trees, refine, told_by
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.boosting import CODES
from stillwatch.statistics.lookup import places_among
from stillwatch.statistics.order import evenly

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from stillwatch.campaigns.ground import Ground
    from stillwatch.traffic import Exchanges

FIT_THREADS = 40_000
"""Threads of the background that a fit looks at, and of the group that name its common values."""

FIT_ACCOUNTS = 4_000
"""Outsiders whose threads these are; of more, evenly spaced ones, so that what is usual in one
account can be seen."""

SCANNED = 256
"""Threads of an account outside a group that are asked whether it does the group's work; of more,
evenly spaced ones."""

SCORED = 1 << 17
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
a popular agent looks by them like any customer who does, and every customer like the campaign.
These features are a group's own; those of `ground.FEATURES` mean the same for every group."""

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

    `threads` (t,) are those of the group's accounts, `account` (t,) whose each is, and `told` (t,)
    the probability that it is common work. `false_rate` is the share of a typical outsider's
    threads that would be attributed to an account of which one thread in twenty is common work.
    `model` is what was learnt.
    """

    threads: NDArray[np.integer]
    account: NDArray[np.integer]
    told: NDArray[np.float64]
    false_rate: float
    model: Model


@dataclass(frozen=True)
class Asked:
    """t threads whose common work is asked for: whose `account`, a place, each is, its `codes`
    (t, features) as in `Ground`, and its `keys` (t, key features)."""

    threads: NDArray[np.integer]
    account: NDArray[np.integer]
    codes: NDArray[np.uint8]
    keys: NDArray[np.uint64]

    def at(self, part: slice) -> Asked:
        """A part of them."""
        return Asked(self.threads[part], self.account[part], self.codes[part], self.keys[part])


@dataclass(frozen=True)
class Background(Asked):
    """What every group of a run is fitted against: threads of outsiders, and the `ground`."""

    ground: Ground


def asked(exchanges: Exchanges, codes: NDArray[np.uint8], threads: NDArray[np.integer]) -> Asked:
    """Some threads, sorted; `codes` are those of all."""
    begins = exchanges.threads.begins(threads)
    keys = np.column_stack([exchanges[name][begins] for name in KEY_FEATURES])
    return Asked(threads, exchanges.threads.account(threads), codes[threads], keys)


def background(exchanges: Exchanges, ground: Ground, outsiders: NDArray[np.integer]) -> Background:
    """The background that some accounts make, sorted places."""
    few = outsiders[:: max(1, len(outsiders) // FIT_ACCOUNTS)]
    threads = exchanges.threads.of(few)
    some = asked(exchanges, ground.codes, threads[:: max(1, len(threads) // FIT_THREADS)])
    return Background(some.threads, some.account, some.codes, some.keys, ground)


def attribute(
    group: Asked, background: Background, start: NDArray[np.float64] | Model | None = None
) -> Attribution:
    """Fit the mixture to all threads of a group's accounts.

    `start` says how common threads are taken to be at first: by a model of some of the group's
    common work, or by capability; all wholly, if not given. Where accounts share their camouflage
    too, that is common as well, and only the start decides which of the two a fit is about.
    """
    values = _vocabulary(group.keys[:: max(1, len(group.threads) // FIT_THREADS)])
    inside, outside = _all_codes(group, values), _all_codes(background, values)
    # Threads are in order of account.
    account = np.cumsum(np.diff(group.account, prepend=group.account[:1]) != 0)
    load = np.bincount(account)
    counts = np.minimum(1.0, MOST_LOAD * np.median(load) / load)[account]
    if isinstance(start, Model):
        first = _told(_all_codes(group, start.values), start, EVEN)
    else:
        first = np.ones(len(account)) if start is None else start[inside[:, CAPABILITY]]
    sizes = np.array([*WIDTHS, *(1 + len(v) for v in values.values())])
    posterior, ratio = _mixture(inside, outside, sizes, account, counts, first)
    stray = _posterior(outside, ratio, np.full(len(outside), 0.05)) >= 0.5
    honest = ~_suspects(background.account, outside, ratio, account, posterior)
    posterior, trees = refine(
        _features(inside, ratio),
        _features(outside[honest], ratio),
        posterior,
        account,
        counts,
    )
    return Attribution(
        threads=group.threads,
        account=group.account,
        told=posterior,
        false_rate=usual_rate(background.account, stray),
        model=Model(ratio, values, trees),
    )


def scanned(exchanges: Exchanges, accounts: NDArray[np.integer]) -> NDArray[np.integer]:
    """Threads of some accounts, at most `SCANNED` of each."""
    starts = exchanges.threads.starts
    return evenly(starts[accounts], starts[accounts + 1], SCANNED)


def told_of(
    threads: Asked, model: Model, share: float, spread: Spread = one_by_one
) -> NDArray[np.float64]:
    """Probability that each of some threads (t,) is a model's common work, at such a `share` of it.

    By both looks: the first, of naive Bayes, is asked first, and the second of what it takes.
    """

    def some(part: slice) -> NDArray[np.float64]:
        return _told(_all_codes(threads.at(part), model.values), model, share)

    return _in_parts(some, len(threads.threads), spread)


def carried(
    threads: Asked, model: Model, share: NDArray[np.float64], spread: Spread = one_by_one
) -> NDArray[np.float64]:
    """The same of accounts that are of the model's group, as its own fit would have it: by the
    trees where there are any, else by the first look and the `share` (t,) of each thread's account.
    """

    def some(part: slice) -> NDArray[np.float64]:
        codes = _all_codes(threads.at(part), model.values)
        if model.trees:
            return told_by(model.trees, _features(codes, model.ratio))
        return _posterior(codes, model.ratio, share[part])

    return _in_parts(some, len(threads.threads), spread)


def _in_parts(
    some: Callable[[slice], NDArray[np.float64]], rows: int, spread: Spread
) -> NDArray[np.float64]:
    parts = (slice(begin, begin + SCORED) for begin in range(0, rows, SCORED))
    return np.concatenate([np.empty(0), *spread(partial(some, part) for part in parts)])


def _told(codes: NDArray[np.integer], model: Model, share: float) -> NDArray[np.float64]:
    """Probability of a model's common work, of threads by all of their codes."""
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
            ratio[len(FEATURES) :] = 0.0
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
    told = [ranks_of(ratio[f])[codes[:, f]] for f in range(codes.shape[1])]
    ordered = codes[:, [FEATURES.index(name) for name in ORDERED_FEATURES]]
    return np.column_stack([*told, ordered.astype(np.uint8)])


def ranks_of(ratio: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Ranks below 256 of the log ratios of codes; where there are more, neighbours share one."""
    value, rank = np.unique(ratio, return_inverse=True)
    return (rank * min(len(value), CODES) // len(value)).astype(np.uint8)


def _vocabulary(keys: NDArray[np.uint64]) -> dict[str, NDArray[np.uint64]]:
    """For each key feature, the values most used in `keys` (t, key features), in sorted order."""
    out = {}
    for f, name in enumerate(KEY_FEATURES):
        value, count = np.unique(keys[:, f], return_counts=True)
        common = np.lexsort((value, -count))[:COMMON_VALUES]
        out[name] = np.sort(value[common[count[common] >= 5]])
    return out


def _all_codes(threads: Asked, values: dict[str, NDArray[np.uint64]]) -> NDArray[np.int16]:
    """Codes of threads by all features, (t, features): the shared ones, then a group's own keys."""
    out = np.empty((len(threads.threads), len(FEATURES) + len(KEY_FEATURES)), np.int16)
    out[:, : len(FEATURES)] = threads.codes
    for f, name in enumerate(KEY_FEATURES):
        # A value that isn't among them is 0.
        out[:, len(FEATURES) + f] = places_among(values[name], threads.keys[:, f]) + 1
    return out


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
