"""Columns of tables that grow: made of counts, widened, put in place of others."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.campaigns.precedent import Precedent


def wider(table: pa.Table, count: NDArray[np.integer], first: NDArray, last: NDArray) -> pa.Table:
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
        table = with_column(table, name, column)
    return table


def shares_of(sought: NDArray[np.integer]) -> pa.Array:
    """Shares by capability, largest first, of counts (r, capabilities), without those of nil."""
    share = sought / np.maximum(sought.sum(1, keepdims=True), 1)
    order = np.argsort(-share, axis=1, kind="stable")
    share = np.take_along_axis(share, order, 1)
    some = share > 0
    ends = np.concatenate([[0], np.cumsum(some.sum(1))]).astype(np.int32)
    names = pa.array(CAPABILITIES).take(pa.array(order[some]))
    return pa.MapArray.from_arrays(pa.array(ends), names, pa.array(np.round(share[some], 6)))


def names_of(precedents: tuple[Precedent, ...], place: NDArray[np.integer]) -> pa.Array:
    """The campaigns' names of the precedents at these places."""
    return pa.array([p.name for p in precedents], pa.string()).take(pa.array(place))


def replaced(column: pa.ChunkedArray, rows: NDArray[np.bool_], values: list) -> pa.Array:
    """A column with other values in some rows, in their order."""
    whole = column.combine_chunks()
    return pc.replace_with_mask(whole, pa.array(rows), pa.array(values, whole.type))


def with_column(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """A table with another column of a name that it has."""
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)
