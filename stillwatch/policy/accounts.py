"""Every account that a plan knows of, as arrays: its traffic, its organisation, its standing."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import tables
from stillwatch.policy.file import AllowList
from stillwatch.policy.known import Known

ACTIVE_DAYS = 28
"""An account is active that sent something within so many days before the findings' end."""
SILENT_DAYS = 3
DAY_US = 86_400_000_000
NOBODY = -1


@dataclass(frozen=True)
class Accounts:
    """One place an account, found by `at`. Traffic is exchanges and microseconds."""

    ids: pa.Array
    exchanges: np.ndarray
    span_us: np.ndarray
    """From its first exchange to the findings' end, a day at least."""
    silent: np.ndarray
    """Nothing came from it for `SILENT_DAYS`."""
    active: np.ndarray
    org: np.ndarray
    """Position in `orgs`, `NOBODY` where it has none."""
    orgs: pa.Array
    allowed: np.ndarray
    """An allow-list names it, its organisation or its program."""

    def at(self, ids: pa.ChunkedArray | pa.Array) -> np.ndarray:
        """The places of accounts, by id; all ids that a plan holds are here."""
        return pc.index_in(ids, value_set=self.ids).to_numpy(zero_copy_only=False)

    @property
    def active_count(self) -> int:
        """How many are active."""
        return int(self.active.sum())

    def org_sizes(self) -> np.ndarray:
        """Active accounts of each organisation."""
        mine = self.org[self.active & (self.org != NOBODY)]
        return np.bincount(mine, minlength=len(self.orgs))


def accounts_of(
    known: Known, allow: AllowList, more: list[pa.ChunkedArray], now_us: int
) -> Accounts:
    """The accounts of findings and cases, and those with the ids in `more`.

    A row of the log that claims to be of the future doesn't make everybody else inactive.
    """
    ids = pa.chunked_array(
        [
            chunk
            for column in (
                known.accounts["account_id"],
                known.members["account_id"],
                known.enforced["account_id"],
                *more,
            )
            for chunk in column.chunks
        ],
        pa.string(),
    ).unique()
    seen = pc.index_in(ids, value_set=_flat(known.accounts["account_id"]))
    told = pc.index_in(ids, value_set=_flat(known.registrations["account_id"]))
    first = _times(known.accounts["first_ts"], seen)
    last = _times(known.accounts["last_ts"], seen)
    here = last >= 0
    end = min(int(last.max()), now_us) if len(last) else now_us
    if known.until is not None:
        end = int(pa.scalar(known.until, tables.TIME).cast(pa.int64()).as_py())
    org_ids = pc.coalesce(
        _flat(known.registrations["org_id"]).take(told), _flat(known.accounts["org_id"]).take(seen)
    )
    orgs = org_ids.drop_null().unique().sort()
    org = pc.fill_null(pc.index_in(org_ids, value_set=orgs, skip_nulls=True), NOBODY)
    programs = _flat(known.registrations["program"]).take(told)
    allowed = _in(ids, allow.accounts) | _in(org_ids, allow.orgs) | _in(programs, allow.programs)
    exchanges = pc.fill_null(_flat(known.accounts["exchanges"]).take(seen), 0)
    return Accounts(
        ids=ids,
        exchanges=exchanges.to_numpy(zero_copy_only=False).astype(np.float64),
        span_us=np.maximum(np.where(first >= 0, end - first, 0), DAY_US).astype(np.float64),
        silent=here & (last < end - SILENT_DAYS * DAY_US),
        active=here & (last >= end - ACTIVE_DAYS * DAY_US),
        org=org.to_numpy(zero_copy_only=False).astype(np.int64),
        orgs=orgs,
        allowed=allowed,
    )


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _times(column: pa.ChunkedArray, rows: pa.Array) -> np.ndarray:
    """Microseconds, -1 where unknown."""
    found = pc.fill_null(_flat(column).cast(pa.int64()).take(rows), -1)
    return found.to_numpy(zero_copy_only=False)


def _in(values: pa.Array, names: tuple[str, ...]) -> np.ndarray:
    found = pc.is_in(values, value_set=pa.array(names, pa.string()), skip_nulls=True)
    return found.to_numpy(zero_copy_only=False)
