"""All finders together: candidate groups of accounts that work alike, and networks by origin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from stillwatch.groups.sharing import ORIGIN_KINDS, WORK_KINDS, sharing_groups
from stillwatch.groups.twins import twin_groups
from stillwatch.progress import Spread, one_by_one
from stillwatch.tables import CAPABILITIES
from stillwatch.traffic import Candidates, Group, Traffic

OVERLAP = 0.5
"""A later find belongs to an earlier group where this part of it is in that group."""

SEARCHES = len(CAPABILITIES) + 3
"""Steps that `find_groups` tells of: twins over all and by capability, work, and origin."""


def find_groups(
    traffic: Traffic, tell: Callable[[int], None] = lambda _: None, spread: Spread = one_by_one
) -> Candidates:
    """Groups that work alike (twins, or dense blocks of what is worked on), and networks.

    `spread` does searches, on as many threads as it likes, and gives what they find in their order.
    A network is a group that comes the same ways: by network prefix, device, payment, sign-up.
    """
    twins, nearest = twin_groups(traffic, tell, spread)
    shared = (
        partial(sharing_groups, traffic, WORK_KINDS, "shared work"),
        partial(sharing_groups, traffic, ORIGIN_KINDS, "shared origin"),
    )
    blocks, origins = spread(shared)
    tell(2)
    everyone = len(traffic.accounts)
    return Candidates(
        groups=merge([*twins, *blocks], everyone),
        networks=merge(origins, everyone),
        nearest=nearest,
    )


def merge(found: list[Group], everyone: int) -> list[Group]:
    """Disjoint groups, largest first, of groups found in order of strength.

    What an earlier finder kept apart stays apart: a later group only adds the accounts that are
    still free, to the group that holds most of it, or makes a group of its own where no half of
    it is taken.
    """
    merged: list[Group] = []
    home = np.full(everyone, -1)
    for group in found:
        homes = home[group.accounts]
        free = group.accounts[homes < 0]
        if (homes >= 0).mean() >= OVERLAP:
            place = int(np.bincount(homes[homes >= 0]).argmax())
            found_by = {*merged[place].found_by, *group.found_by}
            accounts = np.union1d(merged[place].accounts, free)
        else:
            place, found_by, accounts = len(merged), set(group.found_by), free
            merged.append(group)
        home[free] = place
        merged[place] = Group(accounts, tuple(sorted(found_by)))
    return sorted(merged, key=lambda g: (-len(g.accounts), g.accounts.tolist()))
