"""Who teaches what honest work is, and how often such accounts bear a mark.

Among the accounts that no campaign holds are members that a judgement missed. Counted as honest
they would make it honest to do a campaign's work at its own machines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.membership import (
    COMPARED,
    LEAST_ATTRIBUTED,
    MEMBER_P,
    PART_OF_TYPICAL,
)
from stillwatch.gateway.works.access import Access
from stillwatch.gateway.works.fit import SIZES, Fit
from stillwatch.gateway.works.sample import NOBODYS, Sampled, Seen
from stillwatch.statistics.tails import at_least

LOOKED = 4
"""Threads of an account from which something can be learnt of its kind."""


def honest_teachers(
    campaign: int,
    stray: float,
    accounts: Sampled,
    seen: Seen,
    fit: Fit,
    ways: Access,
) -> NDArray[np.bool_]:
    """Who teaches what honest accounts do, (a,).

    Whom nothing excuses may be a member that no finding holds, and teaches nothing: at a member's
    seat, if it hits as members do; elsewhere, if it would be a member by its hits (the rules of
    `membership`), fits, and comes a way that is theirs. At a single seat, which may have changed
    hands, whoever's hits are about something else is honest all the same; who hits as members do,
    fits, and sits at two of theirs is excused by nothing.
    """
    hits, threads = seen.hits[:, campaign], seen.threads
    like_them = hits_like(hits, threads, accounts.campaign == campaign)
    working = like_them & (hits >= LEAST_ATTRIBUTED) & (at_least(hits, threads, stray) <= MEMBER_P)
    # All of a few threads that are hits may be a member's first ones.
    begun = (threads < LOOKED) & (hits == threads)
    seated = like_them & ((ways.seats > 1) | (ways.seats == 1) & ~fit.elsewhere)
    suspect = accounts.unexcused & (begun | seated | working & fit.fits & ways.shared[:, campaign])
    suspect |= like_them & fit.fits & (ways.seats > 1)
    return (accounts.campaign == NOBODYS) & (threads > 0) & ~suspect


def fits_by_chance(
    campaign: int, accounts: Sampled, seen: Seen, fits: NDArray[np.bool_], ways: Access
) -> float:
    """Share of honest accounts, with as many hits as can be compared, that ever fit: told by those
    who come no campaign's way, among whom hardly any member is missed. Of those with many hits no
    smaller share than was seen: they are looked at more often."""
    apart = (accounts.campaign == NOBODYS) & (ways.seats == 0) & ~ways.shared.any(1)
    few, many = (apart & (seen.hits[:, campaign] >= least) for least in (SIZES[0], COMPARED))
    return max(share(fits[few]), float(fits[many].mean()) if many.any() else 0.0)


def comes_and_fits(
    campaign: int, seen: Seen, honest: NDArray[np.bool_], fits: NDArray[np.bool_], ways: Access
) -> float:
    """Share of the `honest` accounts, with as many hits as can be compared, that fit and come the
    campaign's ways: customers who do the like in a network that it rents in may do both."""
    comparable = honest & (seen.hits[:, campaign] >= SIZES[0])
    return share((fits & ways.shared[:, campaign])[comparable])


def hits_like(
    hits: NDArray[np.int64], threads: NDArray[np.int64], members: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Who hits about as often as `members` (a,) do, (a,)."""
    rate = hits / np.maximum(threads, 1)
    known = members & (threads >= LOOKED)
    typical = float(np.median(rate[known])) if known.any() else 1.0
    return (hits > 0) & (rate >= PART_OF_TYPICAL * typical)


def share_of_their_sort(
    bearing: NDArray[np.bool_], alike: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Share of honest accounts that bear a mark, (a,): of those who are `alike`, do the like of the
    work, and of the others. Look-alikes are few, so that the next to bear it may be any of them."""
    return np.where(alike, share(bearing[alike]), share(bearing[~alike]))


def share(bearing: NDArray[np.bool_]) -> float:
    """Chance that one more like these accounts bears a mark (Jeffreys 1946)."""
    return (0.5 + np.count_nonzero(bearing)) / (1 + len(bearing))
