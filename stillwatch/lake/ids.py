"""Exchange ids, read from the lake when they are asked for: most never are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stillwatch.lake.fragments import Fragment


class ExchangeIds:
    """The ids of the rows of `fragments`, of the column `exchange_id`, which end at `ends`.

    Rows are counted from `begin`.
    """

    def __init__(self, fragments: Sequence[Fragment], ends: Sequence[int], begin: int = 0) -> None:
        self._fragments, self._ends = fragments, np.asarray(ends, np.int64)
        self._begin = begin

    def take(self, rows: pa.Array) -> pa.Array:
        """The ids of `rows` in their order, large strings; raises `LakeBroken`."""
        wanted = np.asarray(rows, np.int64) + self._begin
        order = np.argsort(wanted, kind="stable")
        found, begin = [pa.array([], pa.large_string())], 0
        cuts = np.searchsorted(wanted[order], self._ends)
        for fragment, end, first, last in zip(
            self._fragments, self._ends.tolist(), [0, *cuts], cuts, strict=False
        ):
            if first < last:
                ids = fragment().column(0)
                mine = pa.array(wanted[order[first:last]] - begin)
                found.append(ids.take(mine).cast(pa.large_string()))
            begin = end
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return pa.concat_arrays(found).take(pa.array(place))
