"""What a campaign's or a network's members share: ways of access and set-ups, as indicators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.statistics.order import evenly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.continuity import Named
    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.traffic import Traffic

FROM_TRAFFIC = ("network", "client", "device", "system", "toolset")
FROM_REGISTRATION = ("payment", "signup_network", "email_domain", "cohort")

MOST_OBJECTS = 20
"""Objects of a kind that are told: those that say most."""

SAMPLES = 3
LOOKED_AT = 1 << 15
"""Exchanges among which those that show an object are looked for."""


def objects_of(traffic: Traffic, named: Named) -> list[dict[str, Any]]:
    """Rows of `tables.OBJECTS`, but that `sample` holds rows of the traffic."""
    return [
        {"campaign_id": name, **found}
        for name, verdict in named
        for found in _objects(traffic, verdict)
    ]


def _objects(traffic: Traffic, verdict: Verdict) -> list[dict[str, Any]]:
    """Objects by kind, those first whose sharing chance explains least.

    That is how many members share one, times how rare it is among everybody (log10).
    """
    incidence, everyone = traffic.incidence, len(traffic.accounts)
    use = np.concatenate([np.arange(*incidence.uses_of(a)) for a in verdict.accounts])
    kind = incidence.obj_kind[incidence.obj[use]]
    some = verdict.rows[evenly(np.array([0]), np.array([len(verdict.rows)]), LOOKED_AT)]
    told = []
    for name in (*FROM_TRAFFIC, *FROM_REGISTRATION):
        if name not in incidence.kinds:
            continue
        mine = use[kind == incidence.kinds.index(name)]
        obj, first, place, accounts = np.unique(
            incidence.obj[mine], return_index=True, return_inverse=True, return_counts=True
        )
        exchanges = np.bincount(place, incidence.exchanges[mine], len(obj)).astype(np.int64)
        says = accounts * np.log10(everyone / incidence.obj_accounts[obj])
        best = np.lexsort((obj, -says))
        best = best[accounts[best] >= 2][:MOST_OBJECTS]
        keys = incidence.obj_key[obj[best]]
        shown = (
            _shown(traffic, some, name, keys) if name in FROM_TRAFFIC else [some[:0]] * len(keys)
        )
        told += [
            {
                "kind": name,
                "object_id": f"{key:016x}",
                "accounts": int(accounts[i]),
                "others": int(incidence.obj_accounts[obj[i]]) - int(accounts[i]),
                "exchanges": int(exchanges[i]) if name in FROM_TRAFFIC else None,
                "account_id": traffic.accounts.ids[incidence.account[mine[first[i]]]],
                "sample": rows,
            }
            for i, key, rows in zip(best.tolist(), keys.tolist(), shown, strict=True)
        ]
    return told


def _shown(
    traffic: Traffic, rows: NDArray[np.integer], kind: str, keys: NDArray[np.uint64]
) -> list[NDArray[np.integer]]:
    """Of `rows`, some with each key of a kind."""
    theirs = traffic.exchanges[kind][rows]
    return [rows[np.flatnonzero(theirs == key)[:SAMPLES]] for key in keys]
