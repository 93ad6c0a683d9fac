"""The strongest links inside a campaign, with why: what the account graph shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch import tables
from stillwatch.campaigns.membership import some_of
from stillwatch.campaigns.parts import parts_of
from stillwatch.statistics.nearest import nearest_twins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.traffic import Traffic

MOST_ACCOUNTS = 400
"""Members that are linked in the picture; of more, those with the most attributed exchanges."""

NEIGHBOURS = 3
ORIGIN_TITLES = {
    "network": "network prefix",
    "device": "device",
    "payment": "payment instrument",
    "signup_network": "sign-up network",
    "cohort": "sign-up cohort",
    "conversation": "conversation",
}


def links_table(traffic: Traffic, named: list[tuple[str, Verdict]]) -> pa.Table:
    """`tables.LINKS`: each member's nearest others by content, and what else the two share."""
    rows = []
    for name, verdict in named:
        rows += _links(traffic, name, verdict)
    if not rows:
        return tables.LINKS.empty_table()
    return pa.Table.from_pylist(rows, schema=tables.LINKS)


def _links(traffic: Traffic, name: str, verdict: Verdict) -> list[dict[str, object]]:
    accounts = _busiest(traffic, verdict)
    sample = parts_of(traffic, some_of(traffic, verdict.rows), accounts)
    enough = sample.size >= 2
    accounts, sample = accounts[enough], sample.at(enough)
    if len(accounts) < 2:
        return []
    neighbour, mmd2 = nearest_twins(sample, NEIGHBOURS)
    objects = _objects(traffic, accounts)
    what = "content" if traffic.text else "manner"
    rows, seen = [], set()
    for i in range(len(accounts)):
        for j, distance in zip(neighbour[i].tolist(), mmd2[i].tolist(), strict=True):
            pair = (min(i, j), max(i, j))
            if pair in seen:
                continue
            seen.add(pair)
            shared = objects[i] & objects[j]
            also = sorted({ORIGIN_TITLES[kind] for kind, _ in shared if kind in ORIGIN_TITLES})
            families = sum(kind == "family" for kind, _ in shared)
            why = f"alike in {what} (squared MMD {distance:.4f})"
            if families:
                why += f", {families} shared frame families"
            if also:
                why += f", same {', '.join(also)}"
            weight = 1 / (1 + max(distance, 0.0) * 100) + min(families, 20) / 20 + len(also)
            rows.append(
                {
                    "campaign_id": name,
                    "account_a": traffic.accounts.ids[accounts[pair[0]]],
                    "account_b": traffic.accounts.ids[accounts[pair[1]]],
                    "weight": float(weight),
                    "why": why,
                }
            )
    return rows


def _busiest(traffic: Traffic, verdict: Verdict) -> NDArray[np.integer]:
    load = np.bincount(traffic.exchanges.account[verdict.rows], minlength=len(traffic.accounts))
    order = np.lexsort((verdict.accounts, -load[verdict.accounts]))
    return np.sort(verdict.accounts[order[:MOST_ACCOUNTS]])


def _objects(traffic: Traffic, accounts: NDArray[np.integer]) -> list[set[tuple[str, int]]]:
    """Rare objects of each account: kind and place, those that under one in twenty accounts use."""
    incidence = traffic.incidence
    place = np.full(len(traffic.accounts), -1)
    place[accounts] = np.arange(len(accounts))
    rare = incidence.obj_accounts <= max(2, len(traffic.accounts) // 20)
    wanted = np.isin(
        incidence.obj_kind,
        [incidence.kinds.index(kind) for kind in ("family", *ORIGIN_TITLES)],
    )
    use = np.flatnonzero((place[incidence.account] >= 0) & (rare & wanted)[incidence.obj])
    found: list[set[tuple[str, int]]] = [set() for _ in accounts]
    for a, o in zip(place[incidence.account[use]], incidence.obj[use], strict=True):
        found[a].add((incidence.kinds[incidence.obj_kind[o]], int(o)))
    return found
