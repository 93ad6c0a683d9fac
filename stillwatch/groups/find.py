"""All finders together: candidate groups of accounts that work alike, and networks by origin."""

from __future__ import annotations

import numpy as np

from stillwatch.groups.sharing import ORIGIN_KINDS, WORK_KINDS, sharing_groups
from stillwatch.groups.twins import twin_groups
from stillwatch.traffic import Candidates, Group, Traffic

OVERLAP = 0.5
"""Groups are one where they share this part of the smaller."""


def find_groups(traffic: Traffic) -> Candidates:
    """Groups that work alike (twins, or dense blocks of what is worked on), and networks.

    A network is a group that comes the same ways: by network prefix, device, payment, sign-up.
    """
    twins, nearest = twin_groups(traffic)
    return Candidates(
        groups=merge([*twins, *sharing_groups(traffic, WORK_KINDS, "shared work")]),
        networks=merge(sharing_groups(traffic, ORIGIN_KINDS, "shared origin")),
        nearest=nearest,
    )


def merge(groups: list[Group]) -> list[Group]:
    """Groups joined where they overlap, largest first; joins are sought until there are none."""
    pending = sorted(groups, key=lambda g: (-len(g.accounts), g.accounts.tolist(), g.found_by))
    merged: list[Group] = []
    while pending:
        group = pending.pop(0)
        for i, other in enumerate(merged):
            both = len(np.intersect1d(group.accounts, other.accounts, assume_unique=True))
            if both >= OVERLAP * min(len(group.accounts), len(other.accounts)):
                joined = Group(
                    np.union1d(group.accounts, other.accounts),
                    tuple(sorted({*group.found_by, *other.found_by})),
                )
                del merged[i]
                pending.insert(0, joined)
                break
        else:
            merged.append(group)
    return sorted(merged, key=lambda g: (-len(g.accounts), g.accounts.tolist()))
