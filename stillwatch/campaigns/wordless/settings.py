"""Shared settings: do a group's accounts call as one program does?

Settings are the token limit, the temperature and whether reasoning is asked for, together.
Statistic: the chance that a thread of one account has the settings of a thread of another, over
all pairs of different accounts. Null: the same in sets of as many outsiders, at most 32, drawn at
random, so that settings which everybody's software comes with count for nothing. A log that knows
no settings has nothing to say here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from stillwatch.campaigns.component import Test
from stillwatch.statistics.evalues import log10_e

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.wordless.works import Works

SET = 32
"""Accounts of a drawn set: a larger group counts for no more, since its accounts may carry the
same customers. A reseller has as many of them as accounts at least, but a few are large."""

DRAWS = 99_999
DRAWN_AT_ONCE = 2_000
MOST_OUTSIDERS = 2_000
"""Outsiders that sets are drawn from, evenly spaced; all their pairs are held in memory."""

MOST_TOLD = 3


@dataclass(frozen=True)
class Settings:
    """Sets of outsiders to compare with: `alike` (b, b), how often threads of two have the same
    settings, nil on the diagonal."""

    alike: NDArray[np.float64]


def settings_outside(works: Works, outsiders: NDArray[np.integer], everyone: int) -> Settings:
    """What outsiders have in common with each other; `outsiders` are places, sorted."""
    few = outsiders[:: max(1, -(-len(outsiders) // MOST_OUTSIDERS))]
    shares = shares_of(works, few, everyone)
    alike = (shares @ shares.T).toarray()
    np.fill_diagonal(alike, 0.0)
    return Settings(alike)


def shared_settings(
    works: Works, accounts: NDArray[np.integer], everyone: int, outside: Settings
) -> Test:
    """The test for one group, over all threads of its `accounts`, sorted places."""
    none = np.zeros(0, np.int64)
    size = min(SET, len(accounts))
    if len(outside.alike) < 2 * SET or size < 2 or not works.keys.any():
        return Test("shared_objects", 0.0, "No settings are known to compare.", {}, none)
    shares = shares_of(works, accounts, everyone)
    ours, usual = alike_in(shares), drawn(outside, size)
    p = float((1 + (usual >= ours).sum()) / (1 + len(usual)))
    whole = np.asarray(shares.mean(0)).ravel()
    top = np.sort(whole)[::-1][:MOST_TOLD]
    figures = {
        "same_settings": round(ours, 4),
        "same_settings_in_drawn_sets": round(float(usual.mean()), 4),
        "share_of_the_three_most_used": round(float(top.sum()), 4),
        "p": p,
    }
    says = (
        f"Threads of two members have the same token limit, temperature and thinking in "
        f"{ours:.1%} of pairs (the three most used settings make {top.sum():.0%} of a member's "
        f"threads); among {size} accounts drawn outside it is {usual.mean():.1%}."
    )
    return Test("shared_objects", float(log10_e(p)), says, figures, none)


def shares_of(works: Works, accounts: NDArray[np.integer], everyone: int) -> csr_array:
    """Shares of each account's threads by settings, (a, settings), sparse rows that add up to 1.

    Threads of unknown settings are left out.
    """
    place = np.full(everyone, -1)
    place[accounts] = np.arange(len(accounts))
    mine = np.flatnonzero((place[works.account] >= 0) & (works.keys[works.settings] != 0))
    row = place[works.account[mine]]
    load = np.bincount(row, minlength=len(accounts))
    shape = (len(accounts), len(works.keys))
    return csr_array((1 / load[row], (row, works.settings[mine])), shape=shape)


def alike_in(shares: csr_array) -> float:
    """Mean over pairs of different rows of the chance that both give the same column."""
    whole = np.asarray(shares.sum(0)).ravel()
    n = len(np.asarray(shares.sum(1)))
    return float((whole @ whole - (shares.power(2)).sum()) / (n * (n - 1)))


def drawn(outside: Settings, size: int) -> NDArray[np.float64]:
    """The statistic in `DRAWS` sets of `size` different outsiders, (DRAWS,)."""
    rng = np.random.default_rng(20260223)
    out = np.empty(DRAWS)
    for begin in range(0, DRAWS, DRAWN_AT_ONCE):
        n = min(DRAWN_AT_ONCE, DRAWS - begin)
        # The same account twice in a set pairs with itself at nil, so its part is made up for.
        sets = rng.integers(0, len(outside.alike), (n, size))
        pairs = outside.alike[sets[:, :, None], sets[:, None, :]].sum((1, 2))
        different = (sets[:, :, None] != sets[:, None, :]).sum((1, 2))
        out[begin : begin + n] = pairs / np.maximum(different, 1)
    return out
