"""Rival explanations: what else could make these accounts alike, and how well it fits.

Each rival has a fit in [0, 1], measured on the group, and names the kinds of evidence that it
explains as well as a campaign would. What a rival explains is taken off the campaign's evidence
in proportion to its fit; a campaign must beat every rival by what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.component import Component
from stillwatch.statistics.pairs import distinct_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.component import Test
    from stillwatch.traffic import Traffic

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
    """Every rival of one group, best fit first; `chance`, which explains nothing, is last."""
    found = [
        _fleet(traffic, component),
        _class(traffic, component),
        _benchmark(traffic, component),
        _software(traffic, component),
        _reseller(tests),
    ]
    found.sort(key=lambda r: -r.fit)
    return [*found, Rival("chance", 1.0, (), "Chance alone explains none of the evidence.")]


def _fleet(traffic: Traffic, component: Component) -> Rival:
    """One owner who says so: the members' organisation is one and the same."""
    org = traffic.accounts.org[component.accounts]
    share = 0.0
    if len(org) and (org != 0).any():
        share = float(np.unique(org[org != 0], return_counts=True)[1].max() / len(org))
    fit = 0.0 if share < 0.5 else share
    return Rival(
        "fleet", fit, ALL, f"{share:.0%} of the members belong to one organisation that says so."
    )


def _class(traffic: Traffic, component: Component) -> Rival:
    """A class: most exchanges of most members through one network, as students of one school."""
    rows = component.rows
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
    taught = 0.0
    domain = traffic.accounts.registration.get("email_domain")
    if domain is not None:
        mine = domain[component.accounts]
        if (mine != 0).any():
            value, count = np.unique(mine[mine != 0], return_counts=True)
            own = value[np.argmax(count)]
            # A domain that only these accounts have, not a mail provider's.
            exclusive = count.max() / max(1, int((domain == own).sum()))
            taught = float(count.max() / len(mine)) if exclusive >= 0.8 else 0.0
    fit = share if share >= 0.6 and taught >= 0.6 else 0.0
    return Rival(
        "class",
        fit,
        ALL,
        f"{share:.0%} of the members mostly use one network, and {taught:.0%} have one mail "
        "domain that nobody else has.",
    )


def _benchmark(traffic: Traffic, component: Component) -> Rival:
    """A benchmark: accounts that run through one published set, each in the set's own order."""
    share = same_order(traffic, component.rows)
    fit = min(1.0, share / 0.5) if share >= 0.1 else 0.0
    explained = ("exchangeability", "shared_objects", "harvest_signs", "work_allocation")
    return Rival(
        "benchmark",
        fit,
        explained,
        f"{share:.0%} of the steps from one prompt to the next are taken by another member too.",
    )


def same_order(traffic: Traffic, rows: NDArray[np.int64]) -> float:
    """Share of an account's steps (prompt to next prompt) that another account also takes.

    A queue deals neighbouring prompts to different workers, so its accounts have few steps in
    common; who runs a set from top to bottom has nearly all.
    """
    exchanges = traffic.exchanges
    order = np.lexsort((exchanges["exchange"][rows], exchanges["ts"][rows], exchanges.account[rows]))
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
    used = np.unique(mine[mine != 0])
    outside = np.unique(system[component.outside_rows])
    common = used[np.isin(used, outside)]
    share = float(np.isin(mine, common).mean()) if len(mine) else 0.0
    return Rival(
        "popular_software",
        share,
        ("shared_origin",),
        f"{share:.0%} of the exchanges carry a system prompt that outsiders use too.",
    )


def _reseller(tests: dict[str, Test]) -> Rival:
    """A reseller without harvest: shared access makes accounts alike, whatever passes through."""
    weight = tests["shared_origin"].weight
    fit = float(np.clip(weight / 1.2, 0.0, 1.0))
    return Rival(
        "reseller",
        fit,
        ("exchangeability", "work_allocation", "shared_origin"),
        f"Shared ways of access (evidence {weight:+.1f}) fit a reseller of mixed traffic.",
    )
