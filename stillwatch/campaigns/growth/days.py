"""Exchanges a day, with what was added."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.campaigns.growth.columns import names_of, with_column
from stillwatch.campaigns.people import places
from stillwatch.campaigns.write import DAY_US
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.growth.added import Added
    from stillwatch.campaigns.precedent import Precedent

CELL = ["campaign_id", "day", "model", "capability"]
"""What exchanges are counted by in `tables.DAILY`."""


def daily_table(counted: list[pa.Table], campaigns: pa.Table) -> pa.Table:
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


def moved(added: Added, precedents: tuple[Precedent, ...]) -> pa.Table:
    """What was added counts as its campaigns', and no longer as nobody's."""
    theirs = counted(added.ts, added.model, added.capability, names_of(precedents, added.precedent))
    nobody = pa.nulls(theirs.num_rows, pa.string())
    less = with_column(theirs, "campaign_id", nobody)
    return pa.concat_tables([theirs, with_column(less, "exchanges", pc.negate(less["exchanges"]))])


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
