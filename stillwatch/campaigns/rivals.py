"""Rival explanations: what else could make these accounts alike, and how well it fits.

Each rival has a fit in [0, 1], measured on the group, and names the kinds of evidence that it
explains as well as a campaign would. What a rival explains is taken off the campaign's evidence
in proportion to its fit; a campaign must beat every rival by what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.allocation import dealing
from stillwatch.campaigns.component import Component
from stillwatch.campaigns.parts import parts_of
from stillwatch.statistics.mmd import squared_mmd
from stillwatch.statistics.order import distinct
from stillwatch.statistics.pairs import accounts_by_key, distinct_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.component import Outsiders, Test
    from stillwatch.traffic import Traffic

ONCE = 0.5
"""Repeats within accounts, over chance, below which accounts are taken to run a set once."""

MIXED = 0.45
"""How far from everybody's work, in parts of a typical account's distance, a mix of many people's
work comes to lie at most."""

ALL = (
    "exchangeability",
    "shared_objects",
    "work_allocation",
    "harvest_signs",
    "shared_origin",
)


@dataclass(frozen=True)
class Rival:
    """One rival: its `fit`, the kinds it `explains`, and its figures in a sentence."""

    name: str
    fit: float
    explains: tuple[str, ...]
    says: str


def rivals(traffic: Traffic, component: Component, tests: dict[str, Test]) -> list[Rival]:
    """Every rival of one group: `chance`, which explains nothing, then by fit."""
    found = [
        fleet(traffic, component),
        classroom(traffic, component),
        _benchmark(traffic, component),
        _software(traffic, component),
        _reseller(traffic, component, tests),
        _customer(traffic, component, tests),
        _plain_use(tests),
        _overlap(tests),
    ]
    found.sort(key=lambda r: -r.fit)
    return [Rival("chance", 1.0, (), "Chance alone explains none of the evidence."), *found]


def fleet(traffic: Traffic, component: Component) -> Rival:
    """One owner who says so: the members' organisation is one and the same."""
    org = traffic.accounts.org[component.accounts]
    share = 0.0
    if len(org) and (org != 0).any():
        share = float(np.unique(org[org != 0], return_counts=True)[1].max() / len(org))
    fit = 0.0 if share < 0.5 else share
    return Rival(
        "fleet", fit, ALL, f"{share:.0%} of the members belong to one organisation that says so."
    )


def classroom(traffic: Traffic, component: Component) -> Rival:
    """A class: most members mostly through one network, and most of them ask the same things."""
    rows = component.all_rows
    account, network = traffic.exchanges.account[rows], traffic.exchanges["network"][rows]
    known = network != 0
    share = 0.0
    if known.any():
        key, count = np.unique(network[known], return_counts=True)
        top = key[np.argmax(count)]
        through = np.bincount(account, weights=network == top, minlength=len(traffic.accounts))
        load = np.bincount(account, minlength=len(traffic.accounts))
        rate = through[component.accounts] / np.maximum(load[component.accounts], 1)
        share = float((rate >= 0.5).mean())
    asked = coverage(traffic, component)
    fit = min(1.0, asked / 0.2) if share >= 0.6 else 0.0
    return Rival(
        "class",
        fit,
        ALL,
        f"{share:.0%} of the members mostly use one network, and a prompt is sent by {asked:.0%} "
        "of them on average.",
    )


def coverage(traffic: Traffic, component: Component) -> float:
    """Mean over attributed exchanges of the share of other members who sent the same masked prompt.

    High for an assignment that all of a class work on; low for work that is dealt out.
    """
    rows = component.rows[traffic.exchanges["frame"][component.rows] != 0]
    frame = traffic.exchanges["frame"][rows]
    value, accounts = accounts_by_key(frame, traffic.exchanges.account[rows])
    if not len(value) or len(component.accounts) < 2:
        return 0.0
    others = accounts[np.searchsorted(value, frame)] - 1
    return float(others.mean() / (len(component.accounts) - 1))


def _benchmark(traffic: Traffic, component: Component) -> Rival:
    """A benchmark: accounts that run through published sets, each by itself.

    They take the set's steps in its own order, and repeat each other but not themselves; either
    alone can happen to a queue, so a few shared steps count only where nobody repeats himself.
    """
    share, dealt = same_order(traffic, component.rows), dealing(traffic, component)
    least = 0.05 if dealt < ONCE else 0.2
    fit = float(np.clip((share - least) / 0.3, 0.0, 1.0))
    explained = ("exchangeability", "shared_objects", "harvest_signs", "work_allocation")
    return Rival(
        "benchmark",
        fit,
        explained,
        f"{share:.0%} of the steps from one prompt to the next are taken by another member too; "
        f"repeats within an account are {dealt:.0%} of what random dealing makes."
        if np.isfinite(dealt)
        else "No prompt comes twice.",
    )


def same_order(traffic: Traffic, rows: NDArray[np.integer]) -> float:
    """Share of an account's steps (prompt to next prompt) that another account also takes.

    A queue deals neighbouring prompts to different workers, so its accounts have few steps in
    common; who runs a set from top to bottom has nearly all. Only how threads begin counts: canned
    follow-ups are the same everywhere.
    """
    exchanges = traffic.exchanges
    rows = rows[np.lexsort((exchanges["exchange"][rows], exchanges["ts"][rows]))]
    rows = rows[np.unique(exchanges["thread"][rows], return_index=True)[1]]
    rows = rows[exchanges["frame"][rows] != 0]
    order = np.lexsort(
        (exchanges["exchange"][rows], exchanges["ts"][rows], exchanges.account[rows])
    )
    account = exchanges.account[rows][order]
    frame = exchanges["frame"][rows][order]
    step = (account[1:] == account[:-1]) & (frame[1:] != frame[:-1])
    if not step.any():
        return 0.0
    key = (frame[:-1] * np.uint64(0x9E3779B97F4A7C15)) ^ frame[1:]
    key, account = key[step], account[1:][step]
    place, _ = distinct_pairs(key, account)
    value, accounts = np.unique(key[place], return_counts=True)
    shared = value[accounts >= 2]
    return float(np.isin(key, shared).mean())


def _software(traffic: Traffic, component: Component) -> Rival:
    """Popular software: the members share a system prompt or tool set that outsiders use too."""
    system = traffic.exchanges["system"]
    mine = system[component.rows]
    used = distinct(mine[mine != 0])
    common = used[np.isin(used, component.outsiders.systems)]
    share = float(np.isin(mine, common).mean()) if len(mine) else 0.0
    return Rival(
        "popular_software",
        share,
        ("shared_origin",),
        f"{share:.0%} of the exchanges carry a system prompt that outsiders use too.",
    )


def _reseller(traffic: Traffic, component: Component, tests: dict[str, Test]) -> Rival:
    """A reseller without harvest: accounts that share access and carry everybody's work, mixed.

    What many customers have in common is about what everybody is about, so its content lies nearer
    to all outsiders' than a single one does: at a third of the distance or less for the pools of
    our worlds, at half or more for what a campaign gathers. A pool's larger customers' prompts are
    dealt over the accounts, so it explains shared objects too.
    """
    weight = tests["shared_origin"].weight
    apart = apart_from_all(traffic, component.rows, component.accounts, component.outsiders)
    return Rival(
        "reseller",
        _together(weight) * _mixed(apart),
        ("exchangeability", "shared_objects", "work_allocation", "shared_origin"),
        f"Shared ways of access weigh {weight:+.1f}, and what the members have in common is "
        f"{apart:.0%} as far from everybody's work as a typical account's is.",
    )


def _customer(traffic: Traffic, component: Component, tests: dict[str, Test]) -> Rival:
    """A customer of a reseller: one of those whose work shared accounts carry, dealt over them.

    Its work is a small part of what the accounts send (up to four tenths fits, from six none), the
    rest being everybody's, and shows about as many signs of harvesting as one account outside has
    at most: up to three times as many fits, for a fit may join a few alike; from five none.
    """
    rows, others = component.rows, component.outsiders
    weight = tests["shared_origin"].weight
    signs = float(others.all_signs[rows].sum()) * component.stands_for
    most = max(1.0, float((others.signs * others.load).max(initial=0.0)))
    share = len(rows) / max(1, len(component.all_rows))
    apart = apart_from_all(traffic, component.rest, component.accounts, others)
    small = float(np.clip((0.6 - share) / 0.2, 0.0, 1.0))
    few = float(np.clip((5 - signs / most) / 2, 0.0, 1.0))
    return Rival(
        "customer",
        _together(weight) * _mixed(apart) * small * few,
        ALL,
        f"It is {share:.0%} of what the members send, the rest {apart:.0%} as far from everybody's "
        f"work as a typical account's is, and shows {signs / most:.1f} times as many signs of "
        "harvesting as any account outside does.",
    )


def _together(weight: float) -> float:
    """How well accounts whose shared ways of access weigh so much fit a reseller's."""
    return float(np.clip(weight / 1.2, 0.0, 1.0))


def _mixed(apart: float) -> float:
    """How well work that lies so far from everybody's fits a mix of many people's."""
    return float(np.clip((MIXED - apart) / 0.25, 0.0, 1.0))


def apart_from_all(
    traffic: Traffic, rows: NDArray[np.integer], accounts: NDArray[np.integer], others: Outsiders
) -> float:
    """Squared MMD of these accounts' `rows` to all outsiders' traffic, over a typical outsider's.

    `accounts` are sorted places. Rows of others are not counted.
    """
    mine = parts_of(traffic, rows, accounts).pooled()
    if mine.size[0] < 2 or others.strangeness <= 0:
        return 0.0
    return max(0.0, float(squared_mmd(mine, others.pool)[0, 0])) / others.strangeness


def _plain_use(tests: dict[str, Test]) -> Rival:
    """Plain use: accounts that do the same, little of it as one does who gathers answers.

    Signs rarer than outside, or more frequent and yet few: at a quarter of the exchanges and more
    this rival fits no longer, at a tenth it fits wholly. Or no more signs than anybody's in all
    that the members send, however many are in the part chosen: among a pool's customers there is
    always one who asks like a harvest. As many by chance in one of ten, and it fits no longer.
    """
    test = tests.get("harvest_signs")
    weight, figures = (test.weight, test.figures) if test else (0.0, {})
    share = float(figures.get("share_of_exchanges", 0.0))
    usual = float(figures.get("p_altogether", 1.0))
    fits = ((0.25 - share) / 0.15, 1 - weight / 0.6, (usual - 0.1) / 0.1)
    fit = float(np.clip(max(fits), 0.0, 1.0))
    explained = ("exchangeability", "shared_objects", "work_allocation", "shared_origin")
    return Rival(
        "plain_use",
        fit,
        explained,
        f"{share:.0%} of the exchanges show signs of harvesting, which weigh {weight:+.1f}; "
        f"of as many accounts drawn outside {usual:.0%} show as many in all that they send.",
    )


def _overlap(tests: dict[str, Test]) -> Rival:
    """Overlap: accounts with work of their own, parts of which others do too."""
    test = tests["exchangeability"]
    # A test that could not be run has no figures, and speaks for nobody.
    fit = 1.0 if test.figures and test.weight <= 0 else 0.0
    explained = ("shared_objects", "harvest_signs", "work_allocation")
    return Rival(
        "overlap",
        fit,
        explained,
        f"That the members' work is one and the same weighs {test.weight:+.1f}.",
    )
