"""What profiles hand to groups and campaigns: a run's exchanges and accounts, gathered.

Places are positions in a run's sorted account ids. All arrays are read-only by agreement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numba as nb
import numpy as np
import pyarrow as pa

from stillwatch.statistics.order import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.columns import Column
    from stillwatch.statistics.cells import Codebook


class Ids(Protocol):
    """The exchange ids of a run, which need not be in memory."""

    def take(self, rows: pa.Array, /) -> pa.Array | pa.ChunkedArray:
        """The ids at these positions, in their order."""
        ...


@dataclass(frozen=True)
class Threads:
    """t threads, each of one account, in order of account, then of when they begin.

    `order` (n,) are all rows, thread by thread, a thread's in order of time, then key: those of
    thread i are `order[first[i] : first[i + 1]]`. Those of account a are the threads from
    `starts[a]` to `starts[a + 1]`, so an account's rows are together in `order` too.
    """

    order: NDArray[np.integer]
    first: NDArray[np.integer]
    starts: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.first) - 1

    def of(self, accounts: NDArray[np.integer]) -> NDArray[np.integer]:
        """The threads of some accounts, places, in their order."""
        return stretches(self.starts[accounts], self.starts[accounts + 1])

    def account(self, threads: NDArray[np.integer]) -> NDArray[np.integer]:
        """The account, a place, of each of some threads, quickest where they are in order."""
        out = np.empty(len(threads), np.int32)
        _owners(self.starts, threads, out)
        return out

    def begins(self, threads: NDArray[np.integer] | slice) -> NDArray[np.integer]:
        """The row with which each of some threads begins."""
        return self.order[self.first[:-1][threads]]

    def lengths(self, threads: NDArray[np.integer]) -> NDArray[np.integer]:
        """How many exchanges each of some threads has."""
        return self.first[threads + 1] - self.first[threads]

    def rows(self, threads: NDArray[np.integer]) -> NDArray[np.integer]:
        """All rows of some threads, thread by thread."""
        return self.order[stretches(self.first[threads], self.first[threads + 1])]

    def rows_of(self, accounts: NDArray[np.integer]) -> NDArray[np.integer]:
        """All rows of some accounts, places, thread by thread."""
        edges = self.first[self.starts]
        return self.order[stretches(edges[accounts], edges[accounts + 1])]


@nb.njit(nogil=True, cache=True)
def _owners(starts, things, out):
    """Whose each of some things is: those of owner a are `starts[a]` to `starts[a + 1]`."""
    owner = 0
    for k in range(len(things)):
        if not starts[owner] <= things[k] < starts[owner + 1]:
            owner = np.searchsorted(starts, things[k], side="right") - 1
        out[k] = owner


@dataclass(frozen=True)
class Exchanges:
    """n exchanges by column: `keys` holds those of `tables.SIGNALS`, `family` and `thread`.

    `account` (n,) are places, `content` is int8 (n, components), `ids` are the exchange ids, row by
    row the same, `threads` what continues what. Columns may lie on disk: they are asked for the
    rows that are needed, `[:]` for all; `content` by `columns.spans` where the rows are many.
    """

    account: NDArray[np.integer]
    keys: dict[str, Column]
    content: Column
    ids: Ids
    threads: Threads

    def __len__(self) -> int:
        return len(self.account)

    def rows_of(self, accounts: NDArray[np.integer]) -> NDArray[np.integer]:
        """All rows of some accounts, places, in their order, thread by thread."""
        return self.threads.rows_of(accounts)

    def __getitem__(self, name: str) -> Column:
        return self.keys[name]

    def excerpt(self, accounts: NDArray[np.integer]) -> tuple[Exchanges, NDArray[np.integer]]:
        """The exchanges of some accounts, sorted places, by themselves and in memory.

        They are numbered anew, thread by thread. With them, at its new number, the row (m,) that
        each has here. A column is read when it is first asked for.
        """
        threads = self.threads.of(accounts)
        rows = self.threads.rows(threads)
        lengths = self.threads.lengths(threads)
        loads = np.zeros(len(self.threads.starts), np.int64)
        loads[accounts + 1] = self.threads.starts[accounts + 1] - self.threads.starts[accounts]
        followed = Threads(
            order=np.arange(len(rows)),
            first=np.concatenate([[0], np.cumsum(lengths)]),
            starts=np.cumsum(loads),
        )
        keys = _Read(self.keys, rows)
        keys["thread"] = np.repeat(np.arange(len(threads)), lengths)
        few = Exchanges(
            account=self.account[rows],
            keys=keys,
            content=self.content[rows],
            ids=_SomeIds(self.ids, rows),
            threads=followed,
        )
        return few, rows


class _Read(dict[str, "Column"]):
    """Some rows of columns, each read when it is first asked for."""

    def __init__(self, columns: Mapping[str, Column], rows: NDArray[np.integer]) -> None:
        super().__init__()
        self._columns, self._rows = columns, rows

    def __missing__(self, name: str) -> Column:
        self[name] = self._columns[name][self._rows]
        return self[name]


@dataclass(frozen=True)
class _SomeIds:
    """The ids of some rows."""

    ids: Ids
    rows: NDArray[np.integer]

    def take(self, rows: pa.Array, /) -> pa.Array | pa.ChunkedArray:
        """The ids at these positions, in their order."""
        return self.ids.take(pa.array(self.rows[np.asarray(rows)]))


@dataclass(frozen=True)
class Slices:
    """s slices, ordered by capability code, then by account: sums over an account's exchanges.

    `account` int64 (s,) are places; `capability` int8 (s,), `WHOLE` or a
    code of `tables.CAPABILITIES`; `exchanges` (s,) counts those with text; `total`
    (s, components) sums their embeddings and `squares` (s,) their squared norms, in integers.
    For split-half nulls, `odd_*` (h, ...) are the same over the half of them whose key is odd, of
    the slices at `split` (h,), those of all accounts or of evenly spaced ones.
    """

    account: NDArray[np.integer]
    capability: NDArray[np.int8]
    exchanges: NDArray[np.integer]
    total: NDArray[np.integer]
    squares: NDArray[np.integer]
    split: NDArray[np.integer]
    odd_exchanges: NDArray[np.integer]
    odd_total: NDArray[np.integer]
    odd_squares: NDArray[np.integer]

    def of(self, capability: int, least: int) -> NDArray[np.integer]:
        """Places (in the slices) of one capability's slices with at least `least` exchanges."""
        return np.flatnonzero((self.capability == capability) & (self.exchanges >= least))


WHOLE = -1
"""The capability code of a slice that is the whole account."""


@dataclass(frozen=True)
class Incidence:
    """e uses of shared objects: `account` place, `obj` place, `kind` of the object, `exchanges`.

    Uses are in order of account, then object; those of account a are `starts[a]` to
    `starts[a + 1]`. `obj_kind` (o,) and `obj_key` (o,) describe the objects, `obj_accounts` (o,)
    how many accounts use each. `kind` codes are positions in `kinds`.
    """

    starts: NDArray[np.integer]
    account: NDArray[np.integer]
    obj: NDArray[np.integer]
    exchanges: NDArray[np.integer]
    obj_kind: NDArray[np.int8]
    obj_key: NDArray[np.uint64]
    obj_accounts: NDArray[np.integer]
    kinds: tuple[str, ...]
    _found: dict[tuple[str, ...], NDArray[np.integer]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def among(self, kinds: tuple[str, ...]) -> NDArray[np.integer]:
        """The uses of objects of `kinds`, in their order; looked for once."""
        if kinds not in self._found:
            codes = [self.kinds.index(kind) for kind in kinds]
            wanted = np.isin(self.obj_kind, codes)
            self._found[kinds] = np.flatnonzero(wanted[self.obj])
        return self._found[kinds]

    def uses_of(self, account: int) -> tuple[int, int]:
        """The first use of an account, and the one past its last."""
        return int(self.starts[account]), int(self.starts[account + 1])


@dataclass(frozen=True)
class Accounts:
    """N accounts in order of their ids.

    `ids` list; `exchanges` (N,); `first`, `last` (N,) microseconds; `org` (N,) keys, 0 unknown;
    `registration` maps a column name (payment, program, ...) to keys (N,), absent if not known.
    """

    ids: list[str]
    exchanges: NDArray[np.integer]
    first: NDArray[np.integer]
    last: NDArray[np.integer]
    org: NDArray[np.uint64]
    orgs: dict[int, str]
    registration: dict[str, NDArray[np.uint64]]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Cells:
    """Content cells of t threads: the `cell` (t,) that the first exchange of each lies in, by a
    `book` of the run's own."""

    cell: NDArray[np.uint8]
    book: Codebook


@dataclass(frozen=True)
class Traffic:
    """Everything that groups and campaigns look at.

    Without `text`, the content of exchanges and slices is of their manner: how they were asked.
    """

    accounts: Accounts
    exchanges: Exchanges
    slices: Slices
    cells: Cells
    incidence: Incidence
    models: dict[int, str]
    scale: float
    text: bool = True


@dataclass(frozen=True)
class Group:
    """Accounts found together, before judgement: their sorted places, and by what."""

    accounts: NDArray[np.integer]
    found_by: tuple[str, ...]


@dataclass(frozen=True)
class Nearest:
    """Nearest others of a accounts over their whole traffic: places and distances, (a, k).

    `account` (a,) and `other` (a, k) are places; `mmd2` is unbiased, `z` in standard errors.
    """

    account: NDArray[np.integer]
    other: NDArray[np.integer]
    mmd2: NDArray[np.float64]
    z: NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """What the finders hand to judgement."""

    groups: list[Group]
    networks: list[Group]
    nearest: Nearest
