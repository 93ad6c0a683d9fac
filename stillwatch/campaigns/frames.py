"""A campaign's frame families: what its members send in common, and who else sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.membership import some_of
from stillwatch.statistics.order import distinct
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from stillwatch.campaigns.continuity import Named
    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.traffic import Traffic

MOST_FRAMES = 40
"""Families of a campaign that are told: those whose sharing chance explains least."""

SAMPLES = 6
"""Exchanges that show a family, each of another account."""


def frames_of(traffic: Traffic, named: Named) -> list[dict[str, Any]]:
    """Rows of `tables.FRAMES`, but that `sample` holds rows of the traffic."""
    found = []
    for name, verdict in named:
        if verdict.kind == "distillation":
            found += [{"campaign_id": name, **frame} for frame in _frames(traffic, verdict)]
    return found


def _frames(traffic: Traffic, verdict: Verdict) -> list[dict[str, Any]]:
    exchanges = traffic.exchanges
    families = _most_sent(traffic, verdict)
    place, mine = _of_families(exchanges["family"][verdict.rows], families)
    rows = verdict.rows[mine]
    account, ts = exchanges.account[rows], exchanges["ts"][rows]
    capability = exchanges["capability"][rows]
    everybody = _users(traffic, families)
    told = []
    for i, family in enumerate(families.tolist()):
        own = np.flatnonzero(place == i)
        senders, first = np.unique(account[own], return_index=True)
        shown = own[first[:: max(1, len(first) // SAMPLES)][:SAMPLES]]
        told.append(
            {
                "frame_id": f"{family:016x}",
                "capability": CAPABILITIES[np.bincount(capability[own]).argmax()],
                "exchanges": len(own),
                "accounts": len(senders),
                "others": max(0, int(everybody[i]) - len(senders)),
                "first_ts": int(ts[own].min()),
                "last_ts": int(ts[own].max()),
                "sketch": distinct(exchanges["bands"][rows[shown]].ravel()).tolist(),
                "sample": rows[shown],
            }
        )
    everyone = len(traffic.accounts)

    def says(frame: dict[str, Any]) -> float:
        return _says(frame["accounts"], frame["accounts"] + frame["others"], everyone)

    return sorted(told, key=lambda frame: (-says(frame), -frame["exchanges"], frame["frame_id"]))


def _says(members: ArrayLike, users: ArrayLike, everyone: int) -> Any:
    """How many members send a family, times how rare it is among everybody (log10)."""
    return np.asarray(members) * np.log10(everyone / np.maximum(users, 1))


def _most_sent(traffic: Traffic, verdict: Verdict) -> NDArray[np.uint64]:
    """The families to tell, by some of each member's exchanges; sorted."""
    rows = some_of(traffic, verdict.rows)
    family, account = traffic.exchanges["family"][rows], traffic.exchanges.account[rows]
    family, account = family[family != 0], account[family != 0]
    keys, place, sent = np.unique(family, return_inverse=True, return_counts=True)
    pairs = distinct(place * np.int64(len(traffic.accounts)) + account)
    senders = np.bincount(pairs // len(traffic.accounts), minlength=len(keys))
    says = _says(senders, np.maximum(_users(traffic, keys), senders), len(traffic.accounts))
    return np.sort(keys[np.lexsort((keys, -sent, -says))[:MOST_FRAMES]])


def _of_families(
    family: NDArray[np.uint64], families: NDArray[np.uint64]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Which of `families`, sorted, some exchanges are of, and which exchanges those are."""
    if not len(families):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(families, family), len(families) - 1)
    mine = np.flatnonzero(families[place] == family)
    return place[mine], mine


def _users(traffic: Traffic, families: NDArray[np.uint64]) -> NDArray[np.integer]:
    """How many accounts send each of `families`, sorted; 1 where nobody else does."""
    incidence, out = traffic.incidence, np.ones(len(families), np.int64)
    known = np.flatnonzero(incidence.obj_kind == incidence.kinds.index("family"))
    place, mine = _of_families(incidence.obj_key[known], families)
    out[place] = incidence.obj_accounts[known[mine]]
    return out
