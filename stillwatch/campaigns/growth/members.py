"""Campaigns and their members, with what was added."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.campaigns.growth.columns import names_of, shares_of, wider
from stillwatch.campaigns.people import places
from stillwatch.campaigns.write import days_of, summary
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from stillwatch.campaigns.growth.added import Added, Newcomers, Tallies
    from stillwatch.campaigns.people import People
    from stillwatch.campaigns.precedent import Precedent
    from stillwatch.findings import Findings


def members_table(
    old: Findings,
    people: People,
    newcomers: Newcomers,
    tallies: Tallies,
    precedents: tuple[Precedent, ...],
) -> pa.Table:
    """`tables.MEMBERS`: of a campaign what was attributed counts, of a network all."""
    sure = np.array([p.confidence for p in precedents])
    joined = pa.table(
        {
            "campaign_id": names_of(precedents, newcomers.precedent),
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
    table = wider(table, count, first, last)
    position = places(old.campaigns["campaign_id"].combine_chunks(), table["campaign_id"])
    table = table.append_column("place", pa.array(position))
    table = table.sort_by([("place", "ascending"), ("account_id", "ascending")])
    return table.select(tables.MEMBERS.names).cast(tables.MEMBERS)


def campaigns_table(
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
        shares = dict(shares_of(sought[None, :].astype(np.int64)).to_pylist()[0])
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


def attributed_table(added: list[Added], precedents: tuple[Precedent, ...]) -> pa.Table:
    """`tables.ATTRIBUTED` of what was added, in order of campaign and exchange id."""
    sure = np.array([p.confidence for p in precedents])
    parts = [
        pa.table(
            {
                "exchange_id": one.ids,
                "campaign_id": names_of(precedents, one.precedent),
                "confidence": one.posterior * sure[one.precedent],
                "place": one.precedent,
            }
        )
        for one in added
    ]
    table = pa.concat_tables(parts).sort_by([("place", "ascending"), ("exchange_id", "ascending")])
    return table.select(tables.ATTRIBUTED.names).cast(tables.ATTRIBUTED)


def works_table(
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
