"""Growth: a judgement's findings with what was added since, table by table.

Nothing old is read again but the tables themselves: counts and sums are added to, times widened,
and rows of new members and accounts put in. What the judgement said of a campaign as a whole (its
evidence, its links), and of accounts that stay what they were, is kept.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.campaigns.people import places
from stillwatch.campaigns.write import (
    DAY_US,
    MOST_TOLD,
    as_json,
    days_of,
    membership_says,
    membership_weight,
    summary,
)
from stillwatch.findings import Findings
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.people import People
    from stillwatch.campaigns.precedent import Grounds, Judgement, Precedent

    Work = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]

CELL = ["campaign_id", "day", "model", "capability"]
"""What exchanges are counted by in `tables.DAILY`."""

OF_JUDGEMENT = ("outsiders", "passes", "prior_log10_odds", "notes", "earlier")
"""What a run's record takes over from that of the judgement."""

NEW = (
    "It came after everything was last judged, and only campaigns that were known then have been "
    "looked for in what it sent."
)


@dataclass(frozen=True)
class Newcomers:
    """Accounts that became members, in order of places: whose (places of precedents), with what
    doubt, and by how many threads."""

    account: NDArray[np.integer]
    precedent: NDArray[np.integer]
    doubt: NDArray[np.float64]
    threads: NDArray[np.integer]


@dataclass(frozen=True)
class Added:
    """m exchanges that are attributed now, by column. `work` by precedent: sums of embeddings
    (p, d), of their squared norms (p,), and counts (p,), in integers."""

    account: NDArray[np.integer]
    precedent: NDArray[np.integer]
    ids: pa.Array
    ts: NDArray[np.integer]
    model: pa.Array
    capability: NDArray[np.integer]
    posterior: NDArray[np.float64]
    work: Work


def grown(
    judgement: Judgement,
    since: Grounds,
    people: People,
    newcomers: Newcomers,
    kept_on: Added,
    drawn: Added,
    daily: pa.Table,
    scale: float,
    run: dict[str, Any],
) -> Judgement:
    """The judgement with all of that; `since` are its grounds as they are now but for accounts.

    `kept_on` are exchanges of those who were members before, `drawn` those of newcomers.
    `daily` (`tables.DAILY`) counts what arrived as if none of it were a campaign's. Embeddings are
    stored at `scale`; `run` is the record of the run.
    """
    old, precedents, added = judgement.findings, since.precedents, [kept_on, drawn]
    tallies = _Tallies.of(people, added)
    hits = people.hits.copy()
    hits[newcomers.account] = newcomers.threads
    members = _members(old, people, newcomers, tallies, precedents)
    days = _daily([old.daily, daily, *(_moved(one, precedents) for one in added)], old.campaigns)
    order = np.argsort(np.asarray(people.ids.to_pylist(), object), kind="stable")
    taken_over = {key: old.run[key] for key in OF_JUDGEMENT if key in old.run}
    findings = Findings(
        campaigns=_campaigns(old.campaigns, members, days, people, since.reasons),
        members=members,
        exchanges=pa.concat_tables([old.exchanges, _attributed(added, precedents)]),
        evidence=_evidence(old, members, people, newcomers, drawn, precedents),
        daily=days,
        links=old.links,
        accounts=_standing(old, people, newcomers, precedents).take(pa.array(order)),
        works=_works(old.works, added, precedents, scale),
        run={**taken_over, **run},
    )
    return replace(
        judgement,
        findings=findings,
        grounds=replace(
            since, load=people.load[order], hits=hits[order], sought=people.sought[order]
        ),
        absorbed=judgement.absorbed + int(people.sent.sum()),
    )


@dataclass(frozen=True)
class _Tallies:
    """Of each account (N,): attributed exchanges that were added, and their first and last time."""

    count: NDArray[np.integer]
    first: NDArray[np.integer]
    last: NDArray[np.integer]

    @classmethod
    def of(cls, people: People, added: list[Added]) -> _Tallies:
        count, (first, last) = np.zeros(len(people), np.int64), people.never()
        for one in added:
            count += np.bincount(one.account, minlength=len(people))
            np.minimum.at(first, one.account, one.ts)
            np.maximum.at(last, one.account, one.ts)
        return cls(count, first, last)


def _members(
    old: Findings,
    people: People,
    newcomers: Newcomers,
    tallies: _Tallies,
    precedents: tuple[Precedent, ...],
) -> pa.Table:
    """`tables.MEMBERS`: of a campaign what was attributed counts, of a network all."""
    sure = np.array([p.confidence for p in precedents])
    joined = pa.table(
        {
            "campaign_id": _names(precedents, newcomers.precedent),
            "account_id": people.ids.take(pa.array(newcomers.account)),
            "confidence": (1 - newcomers.doubt) * sure[newcomers.precedent],
            "first_ts": pa.nulls(len(newcomers.account), tables.TIME),
            "last_ts": pa.nulls(len(newcomers.account), tables.TIME),
            "exchanges": np.zeros(len(newcomers.account), np.int64),
        },
        schema=tables.MEMBERS,
    )
    table = pa.concat_tables([old.members, joined])
    networks = old.campaigns.filter(pc.field("kind") == "reseller")["campaign_id"]
    account = places(people.ids, table["account_id"])
    network = pc.is_in(table["campaign_id"], value_set=networks).to_numpy()
    count = np.where(network, people.sent[account], tallies.count[account])
    first = np.where(network, people.first[account], tallies.first[account])
    last = np.where(network, people.last[account], tallies.last[account])
    table = _wider(table, count, first, last)
    position = places(old.campaigns["campaign_id"].combine_chunks(), table["campaign_id"])
    table = table.append_column("place", pa.array(position))
    table = table.sort_by([("place", "ascending"), ("account_id", "ascending")])
    return table.select(tables.MEMBERS.names).cast(tables.MEMBERS)


def _wider(table: pa.Table, count: NDArray[np.integer], first: NDArray, last: NDArray) -> pa.Table:
    """A table of `exchanges`, `first_ts` and `last_ts` with so many more, from and to then."""
    known = pc.fill_null(table["exchanges"], 0).to_numpy()
    began, ended = (table[name].cast(pa.int64()) for name in ("first_ts", "last_ts"))
    began = np.minimum(pc.fill_null(began, np.iinfo(np.int64).max).to_numpy(), first)
    ended = np.maximum(pc.fill_null(ended, np.iinfo(np.int64).min).to_numpy(), last)
    none = known + count == 0
    columns = {
        "exchanges": pa.array(known + count),
        "first_ts": pa.array(began, mask=none).cast(tables.TIME),
        "last_ts": pa.array(ended, mask=none).cast(tables.TIME),
    }
    for name, column in columns.items():
        table = _with(table, name, column)
    return table


def _campaigns(
    old: pa.Table, members: pa.Table, days: pa.Table, people: People, reasons: dict[str, str]
) -> pa.Table:
    """`tables.CAMPAIGNS`: accounts, exchanges and times are those of the members."""
    rows = []
    for row in old.to_pylist():
        name = row["campaign_id"]
        mine = members.filter(pc.field("campaign_id") == name)
        if row["kind"] == "reseller":
            sought = people.sought[places(people.ids, mine["account_id"])].sum(0)
        else:
            cells = days.filter(pc.field("campaign_id") == name)
            code = places(pa.array(CAPABILITIES), cells["capability"])
            sought = np.bincount(code, cells["exchanges"].to_numpy(), len(CAPABILITIES))
        first = pc.min(mine["first_ts"]).cast(pa.int64()).as_py()
        last = pc.max(mine["last_ts"]).cast(pa.int64()).as_py()
        accounts, exchanges = mine.num_rows, int(pc.sum(mine["exchanges"]).as_py())
        shares = dict(_shares(sought[None, :].astype(np.int64)).to_pylist()[0])
        rows.append(
            {
                **row,
                "accounts": accounts,
                "exchanges": exchanges,
                "first_ts": first,
                "last_ts": last,
                "capabilities": list(shares.items()),
                "summary": summary(
                    row["kind"], accounts, exchanges, days_of(first, last), shares, reasons[name]
                ),
            }
        )
    return pa.Table.from_pylist(rows, schema=tables.CAMPAIGNS)


def _attributed(added: list[Added], precedents: tuple[Precedent, ...]) -> pa.Table:
    """`tables.ATTRIBUTED` of what was added, in order of campaign and exchange id."""
    sure = np.array([p.confidence for p in precedents])
    parts = [
        pa.table(
            {
                "exchange_id": one.ids,
                "campaign_id": _names(precedents, one.precedent),
                "confidence": one.posterior * sure[one.precedent],
                "place": one.precedent,
            }
        )
        for one in added
    ]
    table = pa.concat_tables(parts).sort_by([("place", "ascending"), ("exchange_id", "ascending")])
    return table.select(tables.ATTRIBUTED.names).cast(tables.ATTRIBUTED)


def _evidence(
    old: Findings,
    members: pa.Table,
    people: People,
    newcomers: Newcomers,
    drawn: Added,
    precedents: tuple[Precedent, ...],
) -> pa.Table:
    """`tables.EVIDENCE`: members' own figures as they are now, and those of new members, of whose
    exchanges some were `drawn` in."""
    of_member = {
        (row["campaign_id"], row["account_id"]): row["exchanges"]
        for row in members.select(["campaign_id", "account_id", "exchanges"]).to_pylist()
    }
    kinds = dict(zip(*(old.campaigns[c].to_pylist() for c in ("campaign_id", "kind")), strict=True))
    total = people.sought.sum(1)
    table = old.evidence
    own = pc.equal(table["kind"], "membership").to_numpy()
    told = table.filter(pa.array(own)).select(["campaign_id", "account_id", "detail"]).to_pylist()
    place = places(people.ids, table["account_id"].filter(pa.array(own)))
    detail = []
    for row, account in zip(told, place.tolist(), strict=True):
        says = json.loads(row["detail"])["says"]
        mine, all_of_it = of_member[row["campaign_id"], row["account_id"]], int(total[account])
        if kinds[row["campaign_id"]] == "distillation":
            says = membership_says(mine, all_of_it)
        detail.append(as_json({"says": says, "attributed": mine, "exchanges": all_of_it}))
    table = _with(table, "detail", _replaced(table["detail"], own, detail))
    rows = []
    for i, account in enumerate(newcomers.account.tolist()):
        name = precedents[newcomers.precedent[i]].name
        account_id, all_of_it = people.ids[account].as_py(), int(total[account])
        mine = of_member[name, account_id]
        says = membership_says(mine, all_of_it)
        rows.append(
            {
                "campaign_id": name,
                "account_id": account_id,
                "kind": "membership",
                "weight": membership_weight(float(newcomers.doubt[i])),
                "detail": as_json({"says": says, "attributed": mine, "exchanges": all_of_it}),
                "sample": _surest(drawn, account),
            }
        )
    table = pa.concat_tables([table, pa.Table.from_pylist(rows, schema=tables.EVIDENCE)])
    position = places(old.campaigns["campaign_id"].combine_chunks(), table["campaign_id"])
    return table.take(pa.array(np.argsort(position, kind="stable")))


def _surest(added: Added, account: int) -> list[str]:
    """Ids of the exchanges that are attributed to an account with least doubt."""
    mine = np.flatnonzero(added.account == account)
    first = mine[np.argsort(-added.posterior[mine], kind="stable")[:MOST_TOLD]]
    return added.ids.take(pa.array(first)).to_pylist()


def _daily(counted: list[pa.Table], campaigns: pa.Table) -> pa.Table:
    """`tables.DAILY`: the sum of all."""
    table = pa.concat_tables(counted).group_by(CELL, use_threads=False)
    table = table.aggregate([("exchanges", "sum")]).rename_columns([*CELL, "exchanges"])
    table = table.filter(pc.field("exchanges") != 0)
    names = campaigns["campaign_id"].combine_chunks()
    table = table.append_column("place", pa.array(places(names, table["campaign_id"])))
    table = table.append_column(
        "code", pa.array(places(pa.array(CAPABILITIES), table["capability"]))
    )
    table = table.sort_by([(name, "ascending") for name in ("place", "day", "model", "code")])
    return table.select(tables.DAILY.names).cast(tables.DAILY)


def _moved(added: Added, precedents: tuple[Precedent, ...]) -> pa.Table:
    """What was added counts as its campaigns', and no longer as nobody's."""
    theirs = counted(added.ts, added.model, added.capability, _names(precedents, added.precedent))
    nobody = pa.nulls(theirs.num_rows, pa.string())
    less = _with(theirs, "campaign_id", nobody)
    return pa.concat_tables([theirs, _with(less, "exchanges", pc.negate(less["exchanges"]))])


def counted(
    ts: NDArray[np.integer], model: pa.Array, capability: NDArray[np.integer], campaign: pa.Array
) -> pa.Table:
    """`tables.DAILY` of m exchanges, column by column."""
    cells = pa.table(
        {
            "campaign_id": campaign,
            "day": (ts // DAY_US).astype(np.int32),
            "model": model,
            "capability": capability,
        }
    ).group_by(CELL, use_threads=False)
    table = cells.aggregate([([], "count_all")]).rename_columns([*CELL, "exchanges"])
    return pa.table(
        {
            "campaign_id": table["campaign_id"],
            "day": table["day"].cast(pa.date32()),
            "model": table["model"],
            "capability": pa.array(CAPABILITIES).take(table["capability"].combine_chunks()),
            "exchanges": table["exchanges"],
        },
        schema=tables.DAILY,
    )


def _works(
    old: pa.Table, added: list[Added], precedents: tuple[Precedent, ...], scale: float
) -> pa.Table:
    """`tables.WORKS`: sums are added to."""
    home = {p.name: i for i, p in enumerate(precedents)}
    rows = old.to_pylist()
    for row in rows:
        i = home.get(row["campaign_id"])
        for total, squares, count in (one.work for one in added if i is not None):
            row["exchanges"] += int(count[i])
            row["total"] = (np.array(row["total"]) + total[i] / scale).tolist()
            row["squares"] += float(squares[i] / scale**2)
    return pa.Table.from_pylist(rows, schema=tables.WORKS)


def _standing(
    old: Findings, people: People, newcomers: Newcomers, precedents: tuple[Precedent, ...]
) -> pa.Table:
    """`tables.STANDING` of the old accounts, then the new ones."""
    more = len(people) - people.known
    alone = {
        "says": "No group of accounts works like this one; not flagged.",
        "for": [],
        "against": [{"kind": "exchangeability", "weight": 0.0, "says": NEW}],
        "nearest": [],
        "objects": [],
    }
    total = people.sought.sum(1)
    fresh = pa.table(
        {
            "account_id": people.ids.slice(people.known),
            "exchanges": np.zeros(more, np.int64),
            "first_ts": pa.nulls(more, tables.TIME),
            "last_ts": pa.nulls(more, tables.TIME),
            "org_id": pa.array(people.orgs, pa.string()),
            "capabilities": pa.nulls(more, tables.STANDING.field("capabilities").type),
            "group_id": pa.nulls(more, pa.string()),
            "verdict": pa.repeat("alone", more),
            "detail": [
                as_json({**alone, "figures": {"exchanges": n}})
                for n in total[people.known :].tolist()
            ],
        },
        schema=tables.STANDING,
    )
    table = pa.concat_tables([old.accounts, fresh])
    table = _wider(table, people.sent, people.first, people.last)
    table = _with(table, "capabilities", _shares(people.sought))
    joined = np.zeros(len(people), bool)
    joined[newcomers.account] = True
    reasons = [_reasons(old.evidence, precedent.name) for precedent in precedents]
    detail = [
        as_json(
            {
                **alone,
                "says": "This account takes part in a campaign.",
                **reasons[i],
                "figures": {
                    "exchanges": int(total[account]),
                    "nearest_campaign": precedents[i].name,
                },
            }
        )
        for account, i in zip(newcomers.account.tolist(), newcomers.precedent.tolist(), strict=True)
    ]
    names = [precedents[i].name for i in newcomers.precedent.tolist()]
    table = _with(table, "group_id", _replaced(table["group_id"], joined, names))
    table = _with(table, "verdict", _replaced(table["verdict"], joined, ["member"] * len(names)))
    return _with(table, "detail", _replaced(table["detail"], joined, detail))


def _reasons(evidence: pa.Table, name: str) -> dict[str, list[dict[str, Any]]]:
    """What is held for and against a campaign, as its members' standing tells it."""
    whole = (pc.field("campaign_id") == name) & pc.field("account_id").is_null()
    rows = evidence.filter(whole & (pc.field("kind") != "rival")).to_pylist()
    told = [
        {
            "kind": row["kind"],
            "weight": round(row["weight"], 3),
            "says": json.loads(row["detail"])["says"],
        }
        for row in rows
    ]
    return {
        "for": [t for t in told if t["weight"] >= 0],
        "against": [t for t in told if t["weight"] < 0],
    }


def _shares(sought: NDArray[np.integer]) -> pa.Array:
    """Shares by capability, largest first, of counts (r, capabilities), without those of nil."""
    share = sought / np.maximum(sought.sum(1, keepdims=True), 1)
    order = np.argsort(-share, axis=1, kind="stable")
    share = np.take_along_axis(share, order, 1)
    some = share > 0
    ends = np.concatenate([[0], np.cumsum(some.sum(1))]).astype(np.int32)
    names = pa.array(CAPABILITIES).take(pa.array(order[some]))
    return pa.MapArray.from_arrays(pa.array(ends), names, pa.array(np.round(share[some], 6)))


def _names(precedents: tuple[Precedent, ...], place: NDArray[np.integer]) -> pa.Array:
    return pa.array([p.name for p in precedents], pa.string()).take(pa.array(place))


def _replaced(column: pa.ChunkedArray, rows: NDArray[np.bool_], values: list) -> pa.Array:
    """A column with other values in some rows, in their order."""
    whole = column.combine_chunks()
    return pc.replace_with_mask(whole, pa.array(rows), pa.array(values, whole.type))


def _with(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)
