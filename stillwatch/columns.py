"""Columns that lie on disk: read in parts, never held whole.

A day of a large provider's traffic has more signals than a small machine has memory. They are
written batch by batch, one plain file a column, and read through a memory map whose pages are let
go as soon as what was asked for is copied. What a run keeps in memory is then what it computes.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numba as nb
import numpy as np
from numba.core import types

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

SPAN_BYTES = 64 << 20
"""Of a wide column, so much is looked at at a time."""

WIDE_BYTES = 64
"""Bytes of a row from which a column is wide: rows taken at random touch a page each."""


SPARSE_BYTES = 1 << 12
"""Of a column, bytes for each row that is asked for from which rows are fetched one by one: a map
fetches what lies around each too."""

FETCHED_ROWS = 1 << 16
"""Rows that are fetched at a time, where they are looked at one after another."""

HELD_ROWS = 2_048
"""Rows that may be read of a column before its pages are let go: letting go has its price."""


_pread: Any = types.ExternalFunction(
    "pread", types.intp(types.intc, types.uintp, types.uintp, types.int64)
)
"""The C library's: reads so many bytes at a place of a file to an address."""


class Column(Protocol):
    """What an array (n,) or (n, d) and a column on disk have in common."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,) or (n, d)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> NDArray: ...


class Stored:
    """A column in a file of its own, n rows of `width` values (0: one value a row, no axis).

    Indexing with a slice, positions or a mask gives an array of its own. With `begin`, the rows
    before it are left out.
    """

    def __init__(self, path: Path, dtype: DTypeLike, width: int, rows: int, begin: int = 0) -> None:
        self.dtype = np.dtype(dtype)
        rows -= begin
        self.shape = (rows, width) if width else (rows,)
        self._row_bytes = self.dtype.itemsize * max(1, width)
        self._touched, self._begin = 0, begin
        if rows == 0:
            self._map, self._values = None, np.empty(self.shape, dtype)
            return
        self._file = path.open("rb")
        size = (begin + rows) * self._row_bytes
        self._map = mmap.mmap(self._file.fileno(), size, prot=mmap.PROT_READ)
        values = np.frombuffer(self._map, dtype, offset=begin * self._row_bytes)
        self._values = values.reshape(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any, /) -> NDArray:
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.dtype == bool:
                rows = np.flatnonzero(rows)
            if self._are_sparse(rows):
                return self._fetched(rows)
        if isinstance(rows, slice) or self._row_bytes < WIDE_BYTES:
            out = np.array(self._values[rows])
            self._touched += len(out)
            if self._touched > HELD_ROWS:
                self.release()
            return out
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        order = np.argsort(rows, kind="stable")
        done = 0
        for values, part in self.spans(rows[order]):
            out[order[done : done + len(part)]] = values[part]
            done += len(part)
        return out

    def _are_sparse(self, rows: NDArray[np.integer]) -> bool:
        return 0 < len(rows) * SPARSE_BYTES <= len(self) * self._row_bytes

    def _fetched(self, rows: NDArray[np.integer]) -> NDArray:
        """Rows read one by one."""
        rows = np.where(rows < 0, rows + len(self), rows).astype(np.int64)
        if not ((rows >= 0) & (rows < len(self))).all():
            raise IndexError(f"{self._file.name} has {len(self)} rows, none before or beyond them")
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        if not _read(self._file.fileno(), rows + self._begin, self._row_bytes, out):
            raise OSError(f"{self._file.name} is shorter than it was")
        return out

    def spans(self, rows: NDArray[np.integer]) -> Iterator[tuple[NDArray, NDArray[np.integer]]]:
        """The sorted `rows`, some at a time: (values, the places of these rows in them).

        No others may be looked at, and these only until the next ones are asked for.
        """
        if self._are_sparse(rows):
            for at in range(0, len(rows), FETCHED_ROWS):
                some = rows[at : at + FETCHED_ROWS]
                yield self._fetched(some), np.arange(len(some))
            return
        ends = np.arange(0, len(self), max(1, SPAN_BYTES // self._row_bytes))[1:]
        for part in np.split(rows, np.searchsorted(rows, ends)):
            if len(part):
                yield self._values, part
                self.release()

    def looked_at(self, part: slice) -> NDArray:
        """Rows as they lie in the map: not to be changed, and to be let go of by `release`."""
        return self._values[part]

    def release(self) -> None:
        """Let go of the pages that were looked at; another thread's reader fetches them again."""
        self._touched = 0
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)


@nb.njit(nogil=True, cache=True)
def _read(file, rows, row_bytes, out):
    """Fill `out` with rows of an open file, by its number; whether all of them were there."""
    for i in range(len(rows)):
        place = out.ctypes.data + i * row_bytes
        if _pread(file, place, row_bytes, rows[i] * row_bytes) != row_bytes:
            return False
    return True


@contextmanager
def looking(column: Column, part: slice = slice(None)) -> Iterator[NDArray]:
    """Part of a column, or all of it, to be looked at meanwhile and not changed.

    >>> with looking(np.array([5, 6, 7]), slice(1, 3)) as values:
    ...     values.tolist()
    [6, 7]
    """
    if isinstance(column, Stored):
        yield column.looked_at(part)
        column.release()
    else:
        yield column[part]


def blocks(column: Column, rows: int) -> Iterator[tuple[slice, NDArray]]:
    """All of a column in order, at most `rows` at a time: (which, their values).

    Values may be looked at until the next ones are asked for, and not be changed.

    >>> [(part.start, values.tolist()) for part, values in blocks(np.array([5, 6, 7]), 2)]
    [(0, [5, 6]), (2, [7])]
    """
    for part in parts(len(column), rows):
        with looking(column, part) as values:
            yield part, values


def parts(rows: int, most: int) -> Iterator[slice]:
    """All of so many rows in order, at most `most` at a time.

    >>> list(parts(3, 2))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    for begin in range(0, rows, most):
        yield slice(begin, min(begin + most, rows))


def spans(
    column: Column, rows: NDArray[np.integer]
) -> Iterator[tuple[NDArray, NDArray[np.integer]]]:
    """`rows` of a wide column in stretches, sorted: (values, places in them of a stretch's rows).

    >>> [part.tolist() for _, part in spans(np.zeros((4, 2)), np.array([3, 1]))]
    [[1, 3]]
    """
    rows = np.sort(rows)
    if isinstance(column, Stored):
        yield from column.spans(rows)
    elif isinstance(column, np.ndarray):
        yield column, rows
    else:
        raise TypeError(f"no column: {type(column)}")
