"""A second look at attribution: what tells common work from own traffic, features taken together.

Naive Bayes counts features that go together as if each were news, so it is too sure, and takes a
customer's long agent sessions for the harvest's short ones. Here boosted trees (Friedman 2001)
learn the difference from the first look's own answer, the two-step way with unlabelled data (Liu
et al. 2003): threads are positive by their posterior and negative by the rest of it, and what
outsiders send is negative. Each half of the accounts is judged by what the other half taught.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.statistics.boosting import Boosted, boost

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOKS = 4
"""Each look teaches the next: where own traffic is common too, the first ones are half wrong."""

TAUGHT = 12_000
"""Threads of the group, and of the background, that a look learns from."""

LEAST_THREADS = 2_000
"""Groups of fewer threads are left as the first look has them: they'd teach noise."""

BACKGROUND = 0.5
"""Weight of the background in parts of the group's."""

NEGLIGIBLE = 1e-4

Trees = tuple[Boosted, ...]
"""The last look's trees, of each half; none where a group was too small for a second look."""


def refine(
    inside: NDArray[np.uint8],
    outside: NDArray[np.uint8],
    posterior: NDArray[np.float64],
    account: NDArray[np.integer],
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Trees]:
    """Better posteriors of t threads, (t,), of features `inside` (t, d) and `outside` (b, d).

    `posterior` (t,) is the first look's, `account` (t,) numbers the accounts from 0 and `weight`
    (t,) says how much each thread counts. Returns the last posterior, and no trees, where there is
    too little to learn from. With them comes what judges others' threads (`told_by`).
    """
    half = account % 2
    taught = np.arange(0, len(inside), max(1, len(inside) // TAUGHT))
    if len(inside) < LEAST_THREADS or len(np.unique(half[taught])) < 2:
        return posterior, ()
    against = outside[:: max(1, len(outside) // TAUGHT)]
    trees: Trees = ()
    for look in range(LOOKS):
        # Looks before the last only have to say what is taught by.
        told = taught if look < LOOKS - 1 else np.arange(len(inside))
        better, trees = posterior.copy(), ()
        for h in (0, 1):
            teach = taught[half[taught] != h]
            learnt = _learn(inside[teach], against, posterior[teach], weight[teach])
            if learnt is None:
                return posterior, ()
            asked = told[half[told] == h]
            better[asked] = told_by((learnt,), inside[asked])
            trees = (*trees, learnt)
        posterior = better
    return posterior, trees


def told_by(trees: Trees, features: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Posterior of n threads by their features (n, d), the mean over `trees`."""
    return np.mean([half(features) for half in trees], axis=0)


def _learn(
    taught: NDArray[np.uint8],
    against: NDArray[np.uint8],
    posterior: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> Boosted | None:
    """Trees that learnt from `taught` and `against`; `None` where all is common, or nothing."""
    held = np.full(len(against), BACKGROUND * weight.sum() / max(1, len(against)))
    counts = np.concatenate([weight, held])
    common = np.concatenate([posterior, np.zeros(len(against))])
    if min((counts * common).sum(), (counts * (1 - common)).sum()) <= NEGLIGIBLE:
        return None
    kept = counts > 0
    return boost(np.concatenate([taught, against])[kept], common[kept], counts[kept])
