"""Where every account stands: member, part of a network, explained otherwise, or alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numba as nb
import numpy as np
import pyarrow as pa

from stillwatch import tables
from stillwatch.campaigns.judgement import taken_by
from stillwatch.statistics.evalues import log10_e, rank_p
from stillwatch.statistics.mmd import samples, squared_mmd
from stillwatch.tables import CAPABILITIES
from stillwatch.traffic import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.traffic import Nearest, Traffic

MOST_OBJECTS = 5
BLOCK = 1 << 20
"""Exchanges that are counted at a time."""

ACCOUNTS = 1 << 13
"""Accounts that are compared with campaigns at a time."""

TITLES = {
    "family": "a frame family",
    "system": "a system prompt",
    "toolset": "a tool set",
    "conversation": "a conversation",
    "network": "a network prefix",
    "client": "a client",
    "device": "a device",
    "payment": "a payment instrument",
    "signup_network": "a sign-up network",
    "email_domain": "a mail domain",
    "cohort": "a sign-up cohort",
}


def standing_table(
    traffic: Traffic,
    named: list[tuple[str, Verdict]],
    judged: list[Verdict],
    nearest: Nearest,
) -> pa.Table:
    """`tables.STANDING`, one row an account, in order of ids."""
    n = len(traffic.accounts)
    verdict_of = ["alone"] * n
    group_of: list[str | None] = [None] * n
    reasons: list[list[tuple[str, float, str]]] = [[] for _ in range(n)]
    for verdict in judged:
        if verdict.kind.startswith("rival:"):
            taken = -taken_by(verdict.winner, verdict.tests)
            for a in verdict.group.accounts:
                verdict_of[a] = verdict.kind
                reasons[a] = [("rival", taken, verdict.winner.says)]
    for name, verdict in named:
        word = "member" if verdict.kind == "distillation" else "network"
        for a in verdict.accounts:
            if verdict_of[a] == "member":
                continue
            verdict_of[a], group_of[a] = word, name
            reasons[a] = [(t.kind, t.weight, t.says) for t in verdict.tests.values()]
    campaigns = [(name, v) for name, v in named if v.kind == "distillation"]
    distances = _distances(traffic, [v for _, v in campaigns])
    theirs = [
        _Work.of(name, distances[:, i], _known(distances[v.accounts, i]))
        for i, (name, v) in enumerate(campaigns)
    ]
    neighbours = _neighbours(traffic, nearest)
    objects = _objects(traffic)
    details = []
    for a in range(n):
        detail = _detail(traffic, a, verdict_of[a], reasons[a], distances[a], theirs)
        detail["nearest"], detail["objects"] = neighbours(a), objects(a)
        details.append(msgspec.json.encode(detail, order="sorted").decode())
    accounts = traffic.accounts
    return pa.table(
        {
            "account_id": accounts.ids,
            "exchanges": accounts.exchanges,
            "first_ts": pa.array(accounts.first, pa.int64()).cast(tables.TIME),
            "last_ts": pa.array(accounts.last, pa.int64()).cast(tables.TIME),
            "org_id": [accounts.orgs.get(org) for org in accounts.org.tolist()],
            "capabilities": _shares(traffic),
            "group_id": pa.array(group_of, pa.string()),
            "verdict": verdict_of,
            "detail": details,
        },
        schema=tables.STANDING,
    )


@dataclass(frozen=True)
class _Work:
    """A campaign's work: how far nine in ten of its members lie from it at most, and what each
    account's distance weighs against its being one, (N,); `None` where no member's is known."""

    name: str
    usual: float
    against: NDArray[np.float64] | None

    @classmethod
    def of(cls, name: str, distances: NDArray[np.float64], members: NDArray[np.float64]) -> _Work:
        if not len(members):
            return cls(name, np.nan, None)
        against = np.asarray(log10_e(rank_p(distances, members, high=True)))
        return cls(name, float(np.quantile(members, 0.9)), against)


def _detail(
    traffic: Traffic,
    a: int,
    verdict: str,
    reasons: list[tuple[str, float, str]],
    distances: NDArray[np.float64],
    theirs: list[_Work],
) -> dict[str, Any]:
    """What is held for and against an account; `theirs` are the works of campaigns."""
    told = [{"kind": k, "weight": round(w, 3), "says": s} for k, w, s in reasons]
    n = int(traffic.accounts.exchanges[a])
    says = {
        "member": "This account takes part in a campaign.",
        "network": "It shares its access with others and is in no campaign; not flagged.",
        "alone": "No group of accounts works like this one; not flagged.",
    }.get(verdict, f"This account is like others, and {verdict[6:].replace('_', ' ')} explains it.")
    against = [t for t in told if t["weight"] < 0]
    figures: dict[str, Any] = {"exchanges": n}
    if np.isfinite(distances).any():
        best = int(np.nanargmin(distances))
        work = theirs[best]
        figures["nearest_campaign"] = work.name
        figures["mmd2_to_nearest_campaign"] = round(float(distances[best]), 5)
        if verdict != "member" and work.against is not None:
            asks = "What it asks lies" if traffic.text else "How it asks lies"
            against.append(
                {
                    "kind": "exchangeability",
                    "weight": -round(max(0.0, float(work.against[a])), 3),
                    "says": f"{asks} at squared MMD {distances[best]:.4f} from the work of the "
                    f"nearest campaign ({work.name}); nine in ten of its members lie within "
                    f"{work.usual:.4f}.",
                }
            )
    elif verdict != "member":
        against.append(
            {
                "kind": "exchangeability",
                "weight": 0.0,
                "says": "It has too few exchanges with text to compare."
                if theirs
                else "There is no campaign to compare it with.",
            }
        )
    return {
        "says": says,
        "for": [t for t in told if t["weight"] >= 0],
        "against": against,
        "figures": figures,
    }


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _distances(traffic: Traffic, campaigns: list[Verdict]) -> NDArray[np.float64]:
    """MMD^2 of each account's whole traffic to each campaign's, (N, campaigns); NaN if unknown."""
    out = np.full((len(traffic.accounts), len(campaigns)), np.nan)
    rows = traffic.slices.of(WHOLE, 8)
    if not campaigns or not len(rows):
        return out
    for begin in range(0, len(rows), ACCOUNTS):
        some = rows[begin : begin + ACCOUNTS]
        whole = samples(
            traffic.slices.total[some],
            traffic.slices.squares[some],
            traffic.slices.exchanges[some],
            traffic.scale,
        )
        for i, verdict in enumerate(campaigns):
            out[traffic.slices.account[some], i] = squared_mmd(whole, verdict.work)[:, 0]
    return out


Told = Callable[[int], list[dict[str, Any]]]
"""What details tell of an account, a place: made when it is asked for, of numbers until then."""


def _neighbours(traffic: Traffic, nearest: Nearest) -> Told:
    ids, place = traffic.accounts.ids, np.full(len(traffic.accounts), -1)
    place[nearest.account] = np.arange(len(nearest.account))
    mmd2, z = np.round(nearest.mmd2, 5), np.round(nearest.z, 2)

    def of(a: int) -> list[dict[str, Any]]:
        i = place[a]
        if i < 0:
            return []
        told = zip(nearest.other[i].tolist(), mmd2[i].tolist(), z[i].tolist(), strict=True)
        return [
            {"account_id": ids[other], "mmd2": apart, "z": errors} for other, apart, errors in told
        ]

    return of


def _objects(traffic: Traffic) -> Told:
    """Each account's rarest shared objects, at most `MOST_OBJECTS`, one of a kind."""
    incidence, n = traffic.incidence, len(traffic.accounts)
    rarest = np.full((n, len(incidence.kinds)), -1)
    _rarest(incidence.account, incidence.obj, incidence.obj_kind, incidence.obj_accounts, rarest)
    account, kind = np.nonzero(rarest >= 0)
    obj = rarest[account, kind]
    told = np.isin(kind, [incidence.kinds.index(name) for name in TITLES])
    account, kind, obj = account[told], kind[told], obj[told]
    order = np.lexsort((obj, incidence.obj_accounts[obj], account))
    kind, count = kind[order], incidence.obj_accounts[obj[order]]
    begins = np.searchsorted(account[order], np.arange(n + 1))

    def of(a: int) -> list[dict[str, Any]]:
        mine = slice(begins[a], min(begins[a] + MOST_OBJECTS, begins[a + 1]))
        found = []
        for k, accounts in zip(kind[mine].tolist(), count[mine].tolist(), strict=True):
            name = incidence.kinds[k]
            says = f"{TITLES[name]} that {accounts - 1:,} other account{'s' * (accounts > 2)} "
            says += f"{'have' if accounts > 2 else 'has'} too"
            found.append({"object": name, "accounts": accounts, "says": says})
        return found

    return of


@nb.njit(nogil=True, cache=True)
def _rarest(account, obj, kind, accounts, out):
    """Each account's object of each kind that the fewest accounts use."""
    for e in range(len(account)):
        o = obj[e]
        best = out[account[e], kind[o]]
        if best < 0 or accounts[o] < accounts[best] or (accounts[o] == accounts[best] and o < best):
            out[account[e], kind[o]] = o


def _shares(traffic: Traffic) -> pa.MapArray:
    """Each account's shares of exchanges by capability, largest first, without those of none."""
    n, kinds = len(traffic.accounts), len(CAPABILITIES)
    counts = np.zeros(n * kinds, np.int64)
    account, capability = traffic.exchanges.account, traffic.exchanges["capability"][:]
    for begin in range(0, len(account), BLOCK):
        part = slice(begin, begin + BLOCK)
        counts += np.bincount(account[part] * kinds + capability[part], minlength=len(counts))
    counts = counts.reshape(n, kinds)
    shares = np.round(counts / np.maximum(counts.sum(1, keepdims=True), 1), 6)
    order = np.argsort(-shares, axis=1, kind="stable")
    ordered = np.take_along_axis(shares, order, 1)
    told = ordered > 0
    ends = np.concatenate([[0], np.cumsum(told.sum(1))]).astype(np.int32)
    names = pa.array(CAPABILITIES).take(pa.array(order[told]))
    return pa.MapArray.from_arrays(pa.array(ends), names, pa.array(ordered[told]))
