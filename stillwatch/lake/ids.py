"""Exchange ids, read from the lake when they are asked for: most never are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.lake.fragments import Fragment

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS = 64
"""Ascending runs of rows, at most, that are read as such: more are sorted first."""


class ExchangeIds:
    """The ids of the rows of `fragments`, of the column `exchange_id`, which end at `ends`.

    Rows are counted from `begin`.
    """

    def __init__(self, fragments: Sequence[Fragment], ends: Sequence[int], begin: int = 0) -> None:
        self._fragments, self._ends = fragments, np.asarray(ends, np.int64)
        self._begin = begin

    def take(self, rows: pa.Array) -> pa.ChunkedArray:
        """The ids of `rows` in their order, strings; raises `LakeBroken`.

        Of few ascending runs, one after another, each id is copied once: from where it is read.
        """
        wanted = np.asarray(rows, np.int64)
        turns = np.flatnonzero(wanted[1:] < wanted[:-1]) + 1
        if len(turns) < RUNS:
            return self._take_each(np.split(wanted, turns))
        order = np.argsort(wanted, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        found = self._take_each([wanted[order]]).cast(pa.large_string()).combine_chunks()
        return pa.chunked_array([found.take(pa.array(place))])

    def _take_each(self, runs: Sequence[NDArray[np.integer]]) -> pa.ChunkedArray:
        """The ids of several runs, each in ascending order."""
        begins = np.concatenate([[0], self._ends]) - self._begin
        cuts = [np.searchsorted(run, begins) for run in runs]

        def some(number: int) -> list[pa.Array]:
            ids = self._fragments[number]().column(0).cast(pa.string())
            mine = (run[at[number] : at[number + 1]] for run, at in zip(runs, cuts, strict=True))
            return [ids.take(pa.array(rows - begins[number])) for rows in mine]

        asked = np.flatnonzero(sum(np.diff(at) for at in cuts)).tolist()
        with ThreadPoolExecutor(max(1, min(len(asked), os.cpu_count() or 1))) as pool:
            found = list(pool.map(some, asked))
        return pa.chunked_array(
            [part for run in zip(*found, strict=True) for part in run], pa.string()
        )
