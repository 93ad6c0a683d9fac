"""The breaker at planning: when what rules would do can only be a mistake, or is for people.

Budgets make mistakes small; the breaker makes them known. A finding that holds most of an
organisation is an error of ours or an incident of theirs, and neither is a rule's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.display import plain
from stillwatch.policy.accounts import NOBODY, Accounts
from stillwatch.policy.file import Breaker
from stillwatch.policy.match import Matched

NAMED = 5
"""How many campaigns and cases a trip names."""
MOST = 20
"""How many organisations have a trip of their own; the worst are first."""


@dataclass(frozen=True)
class Trip:
    """One bound of the breaker that a plan exceeded: nothing new of the plan is in force."""

    bound: str
    """The key of the policy's breaker."""
    whom: str
    """The organisation; empty where it is about all accounts."""
    seen: float
    allowed: float
    accounts: int
    """How many accounts rules would act on there."""
    of: int
    """Of how many."""
    campaigns: tuple[str, ...]
    cases: tuple[int, ...]
    says: str
    todo: str


def trips_of(
    breaker: Breaker,
    rows: Matched,
    accounts: Accounts,
    new: np.ndarray,
    fresh: np.ndarray | None,
    acted: int,
) -> list[Trip]:
    """What the breaker finds of `rows`, all that rules would act on.

    `new` are those that aren't acted on already, `fresh` those of them that are decided for the
    first time (None where there was no earlier plan), `acted` how many accounts are acted on.
    Where nothing is new there is nothing to stop.
    """
    if not new.any():
        return []
    found = _organisations(breaker, rows, accounts, new)
    many, of = len(new), accounts.active_count
    if many > breaker.share_of_accounts * of:
        share = many / max(of, 1)
        says = (
            f"Rules would act on {many:,} of {of:,} active accounts ({share:.1%}); "
            f"breaker.share_of_accounts is {breaker.share_of_accounts:.1%}"
        )
        found.append(_trip(rows, "share_of_accounts", share, breaker.share_of_accounts, of, says))
    if fresh is not None:
        come = int(fresh.sum())
        if come > breaker.jump_accounts and come > breaker.jump * acted:
            times = come / max(acted, 1)
            says = (
                f"Rules would act on {come:,} more accounts at once, where {acted:,} are acted on; "
                f"breaker.jump is {breaker.jump:g} times, from {breaker.jump_accounts:,} on"
            )
            mine = rows.take(np.flatnonzero(fresh))
            found.append(_trip(mine, "jump", times, breaker.jump, acted, says))
    return found


def _organisations(
    breaker: Breaker, rows: Matched, accounts: Accounts, new: np.ndarray
) -> list[Trip]:
    org, sizes = accounts.org[rows.account], accounts.org_sizes()
    many = np.bincount(org[org != NOBODY], minlength=len(sizes))
    news = np.bincount(org[new & (org != NOBODY)], minlength=len(sizes))
    large = (sizes >= breaker.org_accounts) & (news > 0)
    over = np.flatnonzero(large & (many > breaker.share_of_org * sizes))
    over = over[np.lexsort((over, -many[over]))]
    found = []
    for each in over[:MOST].tolist():
        name, of, share = (
            accounts.orgs[each].as_py(),
            int(sizes[each]),
            float(many[each] / sizes[each]),
        )
        says = (
            f"Rules would act on {many[each]:,} accounts of organisation {plain(name, 80)}, which "
            f"has {of:,} active ones ({share:.0%}); breaker.share_of_org is "
            f"{breaker.share_of_org:.0%}"
        )
        mine = rows.take(np.flatnonzero(org == each))
        found.append(_trip(mine, "share_of_org", share, breaker.share_of_org, of, says, name))
    return found


def _trip(
    rows: Matched, bound: str, seen: float, allowed: float, of: int, says: str, whom: str = ""
) -> Trip:
    campaigns, counts = np.unique(
        rows.campaign_id.to_numpy(zero_copy_only=False), False, False, True
    )
    worst = campaigns[np.argsort(-counts, kind="stable")][:NAMED].tolist()
    cases = sorted(set(rows.case_id.drop_null().to_pylist()))[:NAMED]
    where = (
        "Decide case " + ", ".join(str(case) for case in cases)
        if cases
        else "Look at " + ", ".join(plain(name, 80) for name in worst)
    )
    least = "the organisation" if whom else "whoever is honest"
    todo = (
        f"{where}: if the finding is wrong, reject the case, or put {least} on the allow-list; if "
        "it is right, confirm it and propose an enforcement, which no breaker holds"
    )
    many = len(rows.account)
    return Trip(bound, whom, float(seen), allowed, many, of, tuple(worst), tuple(cases), says, todo)
