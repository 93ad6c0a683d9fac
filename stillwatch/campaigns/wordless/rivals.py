"""Rival explanations of a group of whose text nothing is known.

Text is what tells a reseller's customers, and users of one program, from one queue. Without it
neither can be measured away, so both fit wholly, always, and a campaign must be carried by what
each of them leaves. Of one owner and of a class a sign is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.rivals import ALL, Rival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.component import Test
    from stillwatch.traffic import Traffic

HALF = 0.5
MOST = 0.6
"""Share of the accounts that mostly use one network, from which they can be a class."""

FEW, MANY = 0.4, 0.5
"""Share of threads that nobody read: up to the first one accounts are plainly used, from the second
on they aren't. An honest pool comes to 0.13 to 0.3, the worst one to 0.4; who gathers answers to
0.57 and more."""


def rivals(
    traffic: Traffic,
    accounts: NDArray[np.integer],
    rows: NDArray[np.integer],
    tests: dict[str, Test],
) -> list[Rival]:
    """Every rival of one group; `rows` are all exchanges of its `accounts`."""
    found = [
        _fleet(traffic, accounts),
        _class(traffic, accounts, rows),
        _plain_use(tests),
        Rival(
            "reseller",
            1.0,
            ("exchangeability", "work_allocation", "shared_origin"),
            "Without text, a reseller's customers are not told from one queue: that accounts are "
            "used alike, as much and by the same ways is what any pool of accounts shows.",
        ),
        Rival(
            "popular_software",
            1.0,
            ("exchangeability", "shared_objects"),
            "Without text, users of one program with its own settings are not told from one queue: "
            "that accounts call alike is what any such program shows.",
        ),
    ]
    found.sort(key=lambda r: -r.fit)
    return [Rival("chance", 1.0, (), "Chance alone explains none of the evidence."), *found]


def _fleet(traffic: Traffic, accounts: NDArray[np.integer]) -> Rival:
    """One owner: the accounts name one organisation, or one payment instrument serves them."""
    org = _most_shared(traffic.accounts.org[accounts])
    payment = traffic.accounts.registration.get("payment")
    paid = 0.0 if payment is None else _most_shared(payment[accounts])
    share = max(org, paid)
    return Rival(
        "fleet",
        share if share >= HALF else 0.0,
        ALL,
        f"{org:.0%} of the accounts name one organisation, and one payment instrument serves "
        f"{paid:.0%}.",
    )


def _class(traffic: Traffic, accounts: NDArray[np.integer], rows: NDArray[np.integer]) -> Rival:
    """A class, an office: most of the accounts come mostly through one network."""
    share = through_one_network(traffic, accounts, rows)
    return Rival(
        "class",
        1.0 if share >= MOST else 0.0,
        ALL,
        f"{share:.0%} of the accounts mostly use one network.",
    )


def through_one_network(
    traffic: Traffic, accounts: NDArray[np.integer], rows: NDArray[np.integer]
) -> float:
    """Share of the accounts that send half of their exchanges or more through the most used one."""
    account, network = traffic.exchanges.account[rows], traffic.exchanges["network"][rows]
    known = network[network != 0]
    if not len(known):
        return 0.0
    key, count = np.unique(known, return_counts=True)
    everyone = len(traffic.accounts)
    through = np.bincount(account[network == key[np.argmax(count)]], minlength=everyone)
    load = np.bincount(account, minlength=everyone)
    return float((through[accounts] >= HALF * load[accounts]).mean())


def _plain_use(tests: dict[str, Test]) -> Rival:
    """Plain use: people and programs that read what they asked for, or asked for little."""
    test = tests["harvest_signs"]
    share = float(test.figures.get("share_of_threads", 0.0))
    few = float(np.clip((MANY - share) / (MANY - FEW), 0.0, 1.0))
    fit = max(few, float(np.clip(1 - test.weight / 0.6, 0.0, 1.0)))
    explained = ("exchangeability", "shared_objects", "work_allocation", "shared_origin")
    return Rival(
        "plain_use",
        fit,
        explained,
        f"{share:.0%} of the threads got a long answer that nobody read, which weighs "
        f"{test.weight:+.1f}.",
    )


def _most_shared(keys: NDArray[np.uint64]) -> float:
    """Share of the accounts that have the most frequent known key."""
    known = keys[keys != 0]
    return float(np.unique(known, return_counts=True)[1].max() / len(keys)) if len(known) else 0.0
