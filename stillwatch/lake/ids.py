"""Exchange ids, read from the lake when they are asked for: most never are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

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
        in_order = not (wanted[1:] < wanted[:-1]).any()
        order = None if in_order else np.argsort(wanted, kind="stable")
        sought = wanted if order is None else wanted[order]
        cuts = [0, *np.searchsorted(sought, self._ends).tolist()]
        begins = [0, *self._ends.tolist()]

        def some(number: int) -> pa.Array:
            ids = self._fragments[number]().column(0)
            mine = sought[cuts[number] : cuts[number + 1]] - begins[number]
            return ids.take(pa.array(mine)).cast(pa.large_string())

        asked = [i for i in range(len(self._ends)) if cuts[i] < cuts[i + 1]]
        with ThreadPoolExecutor(max(1, min(len(asked), os.cpu_count() or 1))) as pool:
            found = pa.concat_arrays([pa.array([], pa.large_string()), *pool.map(some, asked)])
        if order is None:
            return found
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return found.take(pa.array(place))
