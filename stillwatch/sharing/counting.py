"""Counting who carries what, in memory that popularity doesn't fill."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

T = TypeVar("T", bound=Sized)

PAIRS = pa.schema(
    [
        pa.field("kind", pa.int8()),
        pa.field("key", pa.uint64()),
        pa.field("account", pa.uint64()),
        pa.field("first", pa.int64()),
        pa.field("last", pa.int64()),
    ]
)
"""That an account carries a value of a kind (by its code), from when to when (microseconds)."""


def distinct(tables: list[pa.Table]) -> pa.Table:
    """Of `PAIRS`, each account with each value once, over the whole time."""
    whole = pa.concat_tables([PAIRS.empty_table(), *tables])
    grouped = whole.group_by(["kind", "key", "account"]).aggregate(
        [("first", "min"), ("last", "max")]
    )
    return grouped.rename_columns(PAIRS.names).cast(PAIRS)


class Gathering(Generic[T]):
    """Parts as they come, joined into one whenever what waits is as much as what is joined: the
    whole is then gone through a few times and not once a part."""

    def __init__(self, join: Callable[[list[T]], T]) -> None:
        self._join = join
        self._whole = join([])
        self._waiting: list[T] = []
        self._rows = 0

    def add(self, part: T) -> None:
        """Add a part."""
        self._waiting.append(part)
        self._rows += len(part)
        if self._rows > len(self._whole):
            self.all()

    def all(self) -> T:
        """Everything, joined."""
        self._whole, self._waiting = self._join([self._whole, *self._waiting]), []
        self._rows = 0
        return self._whole


class Counter:
    """Counts the carriers of what was `found` (kinds and keys), each until more than `enough`."""

    def __init__(self, found: pa.Table, enough: int) -> None:
        self._wanted = found.select(["kind", "key"])
        pairs = zip(found["kind"].to_pylist(), found["key"].to_pylist(), strict=True)
        self._held = dict.fromkeys(pairs, np.zeros(0, np.uint64))
        self._enough = enough

    def add(self, pairs: pa.Table) -> None:
        """Count the carriers among `PAIRS`."""
        mine = pairs.join(self._wanted, ["kind", "key"], join_type="inner")
        mine = mine.sort_by([("kind", "ascending"), ("key", "ascending")]).combine_chunks()
        kinds, keys = mine["kind"].to_numpy(), mine["key"].to_numpy()
        if not len(keys):
            return
        accounts = mine["account"].to_numpy()
        other = (kinds[1:] != kinds[:-1]) | (keys[1:] != keys[:-1])
        begins = np.concatenate([[0], np.flatnonzero(other) + 1])
        for begin, some in zip(begins.tolist(), np.split(accounts, begins[1:]), strict=True):
            what = int(kinds[begin]), int(keys[begin])
            if len(self._held[what]) <= self._enough:
                self._held[what] = np.union1d(self._held[what], some)

    def of(self, kind: int, key: int) -> tuple[int, bool]:
        """How many carriers it has, and whether there may be more."""
        count = len(self._held[kind, key])
        return count, count > self._enough

    def who(self, kind: int, key: int) -> NDArray[np.uint64]:
        """The carriers that were counted."""
        return self._held[kind, key]

    def keys(self, kind: int) -> list[int]:
        """The keys of a kind that are counted."""
        return [key for of, key in self._held if of == kind]
