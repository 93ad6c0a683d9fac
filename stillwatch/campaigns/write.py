"""Verdicts to the findings tables of the contract."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.campaigns.judgement import taken_by
from stillwatch.statistics.order import distinct
from stillwatch.tables import CAPABILITIES, CAPABILITY_TITLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.continuity import Named
    from stillwatch.campaigns.judgement import Verdict
    from stillwatch.traffic import Traffic

DAY_US = 86_400_000_000
MOST_TOLD = 3
BLOCK = 1 << 20
"""Exchanges that are counted at a time."""

MOST_MEMBERSHIP = 4.0
"""A member's own weight is never said to be more: strays are modelled no better than that."""


def capability_shares(traffic: Traffic, rows: NDArray[np.integer]) -> dict[str, float]:
    """Shares of `rows` by capability sought, largest first, without those that are nil."""
    codes = traffic.exchanges["capability"][rows]
    share = np.bincount(codes, minlength=len(CAPABILITIES)) / max(1, len(rows))
    order = np.lexsort((np.arange(len(share)), -share))
    return {CAPABILITIES[i]: round(float(share[i]), 6) for i in order if share[i] > 0}


def campaigns_table(traffic: Traffic, named: Named) -> pa.Table:
    """`tables.CAMPAIGNS`, one row a verdict."""
    rows = []
    for name, verdict in named:
        ts = traffic.exchanges["ts"][verdict.rows]
        shares = capability_shares(traffic, verdict.rows)
        rows.append(
            {
                "campaign_id": name,
                "kind": verdict.kind,
                "confidence": verdict.confidence,
                "accounts": len(verdict.accounts),
                "exchanges": len(verdict.rows),
                "first_ts": int(ts.min()),
                "last_ts": int(ts.max()),
                "capabilities": list(shares.items()),
                "summary": summary(
                    verdict.kind,
                    len(verdict.accounts),
                    len(verdict.rows),
                    days_of(int(ts.min()), int(ts.max())),
                    shares if traffic.text else {},
                    reasons_told(verdict),
                ),
            }
        )
    return _table(rows, tables.CAMPAIGNS)


def days_of(first: int, last: int) -> int:
    """Days (UTC) from one time to another, in microseconds, both counted."""
    return last // DAY_US - first // DAY_US + 1


def summary(
    kind: str, accounts: int, exchanges: int, days: int, shares: dict[str, float], reasons: str
) -> str:
    """One paragraph: how many, what is sought, and the strongest `reasons` for and against.

    `shares` by capability are largest first, and empty where there is no text.
    """
    if kind == "reseller":
        return (
            f"{accounts:,} accounts share their access and carry mixed traffic of "
            f"{exchanges:,} exchanges over {days} days. {reasons}"
        )
    sought = ", ".join(
        f"{CAPABILITY_TITLES[name]} ({share:.0%})"
        for name, share in list(shares.items())[:MOST_TOLD]
        if share >= 0.05
    )
    if not shares:
        sought = "what only text could tell"
    return (
        f"{accounts:,} accounts made {exchanges:,} exchanges over {days} days "
        f"that look served from one queue, after {sought}. {reasons}"
    )


def reasons_told(verdict: Verdict) -> str:
    """The strongest reasons for a verdict, and of a campaign the nearest other explanation."""
    reasons = sorted(verdict.tests.values(), key=lambda t: -t.weight)
    told = " ".join(t.says for t in reasons[:2] if t.weight > 0)
    if verdict.kind == "reseller":
        return told
    rival = verdict.winner
    return f"{told} The nearest other explanation is {rival.name.replace('_', ' ')}: {rival.says}"


def members_table(traffic: Traffic, named: Named) -> pa.Table:
    """`tables.MEMBERS`, one row a member."""
    rows = []
    for name, verdict in named:
        account = traffic.exchanges.account[verdict.rows]
        ts = traffic.exchanges["ts"][verdict.rows]
        n = len(traffic.accounts)
        count = np.bincount(account, minlength=n)
        first, last = np.full(n, np.iinfo(np.int64).max), np.zeros(n, np.int64)
        np.minimum.at(first, account, ts)
        np.maximum.at(last, account, ts)
        rows += [
            {
                "campaign_id": name,
                "account_id": traffic.accounts.ids[a],
                "confidence": float(confidence),
                "first_ts": int(first[a]) if count[a] else None,
                "last_ts": int(last[a]) if count[a] else None,
                "exchanges": int(count[a]),
            }
            for a, confidence in zip(verdict.accounts, verdict.confidences, strict=True)
        ]
    return _table(rows, tables.MEMBERS)


class ToldIds:
    """The exchange ids that tables name, read at once: most of a run's are never told.

    `more` are rows of tables whose `sample` is to be told too.
    """

    def __init__(self, traffic: Traffic, named: Named, more: list[dict[str, Any]]) -> None:
        mine = [(name, v.rows) for name, v in named if v.kind == "distillation"]
        self._order = {name: np.argsort(rows).astype(np.uint32) for name, rows in mine}
        shown = [test.sample for _, verdict in named for test in verdict.tests.values()]
        shown += [_surest(traffic, verdict)[0] for _, verdict in named]
        shown += [row["sample"] for row in more]
        self._shown = distinct(np.concatenate([np.zeros(0, np.int64), *shown]))
        runs = [*(rows[self._order[name]] for name, rows in mine), self._shown]
        told = traffic.exchanges.ids.take(pa.array(np.concatenate(runs)))
        begins = np.cumsum([0, *map(len, runs)]).tolist()
        *each, self._of_shown = (told[begin:end] for begin, end in pairwise(begins))
        self._attributed = dict(zip(self._order, each, strict=True))

    def attributed(self, name: str) -> tuple[NDArray[np.integer], pa.ChunkedArray]:
        """The order of a campaign's rows in the log, and their ids in that order."""
        return self._order[name], self._attributed[name]

    def shown(self, rows: NDArray[np.integer]) -> list[str]:
        """The ids of some of the rows that are shown as evidence, in their order."""
        places = np.searchsorted(self._shown, rows)
        return self._of_shown.take(pa.array(places)).to_pylist()


def shown_table(rows: list[dict[str, Any]], schema: pa.Schema, ids: ToldIds) -> pa.Table:
    """Rows whose `sample` holds rows of the traffic, as a table that names them."""
    return _table([{**row, "sample": ids.shown(row["sample"])} for row in rows], schema)


def attributed_table(named: Named, ids: ToldIds) -> pa.Table:
    """`tables.ATTRIBUTED`, in order of campaign, then as in the log."""
    parts = []
    for name, verdict in named:
        if verdict.kind == "distillation":
            order, told = ids.attributed(name)
            columns = {
                "exchange_id": told,
                "campaign_id": pa.repeat(name, len(order)),
                "confidence": verdict.posterior[order] * verdict.confidence,
            }
            parts.append(pa.table(columns, schema=tables.ATTRIBUTED))
    return pa.concat_tables(parts) if parts else _empty(tables.ATTRIBUTED)


def evidence_table(traffic: Traffic, named: Named, ids: ToldIds) -> pa.Table:
    """`tables.EVIDENCE`: every test, every rival, and each member's own figures."""
    rows: list[dict[str, Any]] = []
    for name, verdict in named:
        for test in verdict.tests.values():
            rows.append(
                {
                    "campaign_id": name,
                    "account_id": None,
                    "kind": test.kind,
                    "weight": test.weight,
                    "detail": as_json({"says": test.says, **test.figures}),
                    "sample": ids.shown(test.sample),
                }
            )
        for rival in verdict.rivals:
            taken = taken_by(rival, verdict.tests)
            if rival.name != "chance":
                rows.append(
                    {
                        "campaign_id": name,
                        "account_id": None,
                        "kind": "rival",
                        "weight": -taken if taken else 0.0,
                        "detail": as_json(
                            {"says": rival.says, "rival": rival.name, "fit": round(rival.fit, 4)}
                        ),
                        "sample": [],
                    }
                )
        rows += _membership(traffic, name, verdict, ids)
    return _table(rows, tables.EVIDENCE)


def _surest(traffic: Traffic, verdict: Verdict) -> tuple[NDArray[np.integer], list[int], list[int]]:
    """Of each member, rows that are attributed to it with least doubt: all of them one after
    another, how many those are, and how many it has altogether."""
    account = traffic.exchanges.account[verdict.rows]
    edges = [
        np.searchsorted(account, verdict.accounts, side).tolist() for side in ("left", "right")
    ]
    shown = [
        verdict.rows[begin + np.argsort(-verdict.posterior[begin:end], kind="stable")[:MOST_TOLD]]
        for begin, end in zip(*edges, strict=True)
    ]
    counts = [end - begin for begin, end in zip(*edges, strict=True)]
    return np.concatenate([verdict.rows[:0], *shown]), [len(rows) for rows in shown], counts


def _membership(
    traffic: Traffic, name: str, verdict: Verdict, ids: ToldIds
) -> list[dict[str, Any]]:
    """One row a member: how much of its traffic is the campaign's, with exchanges that show it."""
    surest, shown, counts = _surest(traffic, verdict)
    told = iter(ids.shown(surest))
    rows = []
    for i, a in enumerate(verdict.accounts):
        total = int(traffic.accounts.exchanges[a])
        if verdict.kind == "distillation":
            weight = membership_weight(1 - float(verdict.confidences[i]) / verdict.confidence)
            says = membership_says(counts[i], total)
        else:
            weight = verdict.margin
            says = f"It shares its ways of access with {len(verdict.accounts) - 1:,} others."
        rows.append(
            {
                "campaign_id": name,
                "account_id": traffic.accounts.ids[a],
                "kind": "membership",
                "weight": weight,
                "detail": as_json({"says": says, "attributed": counts[i], "exchanges": total}),
                "sample": [next(told) for _ in range(shown[i])],
            }
        )
    return rows


def membership_weight(doubt: float) -> float:
    """What a member's own figures weigh, where strays explain them with probability `doubt`."""
    return -float(np.log10(max(doubt, 10.0**-MOST_MEMBERSHIP)))


def membership_says(attributed: int, total: int) -> str:
    """How much of a member's traffic is the campaign's."""
    return (
        f"{attributed:,} of this account's {total:,} exchanges are of the work that the "
        "members have in common."
    )


def daily_table(traffic: Traffic, named: Named) -> pa.Table:
    """`tables.DAILY`: exchanges by campaign, day, model and capability; null is everything else."""
    exchanges = traffic.exchanges
    campaign = np.zeros(len(exchanges), np.min_scalar_type(len(named)))
    for i, (_, verdict) in enumerate(named):
        if verdict.kind == "distillation":
            campaign[verdict.rows] = i + 1
    first = int(traffic.accounts.first.min()) // DAY_US
    days, kinds = int(traffic.accounts.last.max()) // DAY_US - first + 1, len(CAPABILITIES)
    parts = [slice(begin, begin + BLOCK) for begin in range(0, len(exchanges), BLOCK)]
    asked = [pc.unique(pa.array(exchanges["model"][part])).to_numpy() for part in parts]
    models = np.unique(np.concatenate(asked))
    shape = (len(named) + 1, days, len(models), kinds)
    counted = []
    for part in parts:
        day = exchanges["ts"][part] // DAY_US - first
        model = np.searchsorted(models, exchanges["model"][part])
        cell = (campaign[part].astype(np.int64) * days + day) * len(models) + model
        counted.append(_tallied(cell * kinds + exchanges["capability"][part], math.prod(shape)))
    used, place = np.unique(np.concatenate([c for c, _ in counted]), return_inverse=True)
    count = np.zeros(len(used), np.int64)
    np.add.at(count, place, np.concatenate([n for _, n in counted]))
    which, day_place, model_place, capability = np.unravel_index(used, shape)
    names = np.array([None, *(name for name, _ in named)], dtype=object)
    titles = np.array([traffic.models.get(int(m), "") for m in models], dtype=object)
    return pa.table(
        {
            "campaign_id": pa.array(names[which], pa.string()),
            "day": pa.array((day_place + first).astype(np.int32)).cast(pa.date32()),
            "model": pa.array(titles[model_place], pa.string()),
            "capability": pa.array(np.array(CAPABILITIES, dtype=object)[capability], pa.string()),
            "exchanges": pa.array(count, pa.int64()),
        },
        schema=tables.DAILY,
    )


def _tallied(
    cell: NDArray[np.integer], cells: int
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The numbers that occur in `cell`, which are below `cells`, and how often each does."""
    if cells > len(cell):  # a clock that is years off makes many
        return np.unique(cell, return_counts=True)
    count = np.bincount(cell, minlength=cells)
    used = np.flatnonzero(count)
    return used, count[used]


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema) if rows else _empty(schema)


def _empty(schema: pa.Schema) -> pa.Table:
    return schema.empty_table()


def as_json(detail: dict[str, Any]) -> str:
    """Details of evidence as they are written: what is not finite is null."""
    clean = {
        k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in detail.items()
    }
    return json.dumps(clean, ensure_ascii=False, sort_keys=True)
