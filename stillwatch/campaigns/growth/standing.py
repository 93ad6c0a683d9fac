"""Where every account stands, with what was added."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.campaigns.growth.columns import replaced, shares_of, wider, with_column
from stillwatch.campaigns.write import as_json

if TYPE_CHECKING:
    from stillwatch.campaigns.growth.added import Newcomers
    from stillwatch.campaigns.people import People
    from stillwatch.campaigns.precedent import Precedent
    from stillwatch.findings import Findings

NEW = (
    "It came after everything was last judged, and only campaigns that were known then have been "
    "looked for in what it sent."
)


def standing_table(
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
    table = wider(table, people.sent, people.first, people.last)
    table = with_column(table, "capabilities", shares_of(people.sought))
    joined = np.zeros(len(people), bool)
    joined[newcomers.account] = True
    reasons = [_reasons(old.evidence, precedent.name) for precedent in precedents]
    before = old.accounts["detail"].take(newcomers.account[newcomers.account < people.known])
    known = [json.loads(text) for text in before.to_pylist()]
    known += [alone] * (len(newcomers.account) - len(known))
    detail = [
        as_json(
            {
                **then,
                "says": "This account takes part in a campaign.",
                **reasons[i],
                "figures": {
                    "exchanges": int(total[account]),
                    "nearest_campaign": precedents[i].name,
                },
            }
        )
        for then, account, i in zip(
            known, newcomers.account.tolist(), newcomers.precedent.tolist(), strict=True
        )
    ]
    names = [precedents[i].name for i in newcomers.precedent.tolist()]
    table = with_column(table, "group_id", replaced(table["group_id"], joined, names))
    table = with_column(
        table, "verdict", replaced(table["verdict"], joined, ["member"] * len(names))
    )
    return with_column(table, "detail", replaced(table["detail"], joined, detail))


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
