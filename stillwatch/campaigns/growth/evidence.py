"""Evidence with what was added: every member's own figures, as they are now."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.campaigns.growth.columns import replaced, with_column
from stillwatch.campaigns.people import places
from stillwatch.campaigns.write import MOST_TOLD, as_json, membership_says, membership_weight

if TYPE_CHECKING:
    from stillwatch.campaigns.growth.added import Added, Newcomers
    from stillwatch.campaigns.people import People
    from stillwatch.campaigns.precedent import Precedent
    from stillwatch.findings import Findings


def evidence_table(
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
    table = with_column(table, "detail", replaced(table["detail"], own, detail))
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
