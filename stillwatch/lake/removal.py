"""Taking exchanges and registrations out of a lake, for good and in one step.

Segments that hold some of them are written anew without, in their place; then one manifest says
all that has changed, and with it what the journal is to tell. What the manifest doesn't name any
more is unlinked after that, and a kill in between leaves it to the next writer's sweep: a reader
finds the lake before or after, and no state between.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import LakeBroken
from stillwatch.lake.ledger import Ledger, load_array
from stillwatch.lake.manifest import Manifest, Segment, sync_path
from stillwatch.lake.segment import Written
from stillwatch.tables import ACCOUNTS, EXCHANGES, QUARANTINE, TIME

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Removal:
    """What is to go: exchanges that began `before` a time, and all that is of some accounts."""

    before: dt.datetime | None = None
    accounts: frozenset[str] = frozenset()


@dataclass
class Removed:
    """What goes, in figures. Times are those of exchanges; `copies` had lost to others before.

    `ids_digest` is SHA-256 of the exchanges' id hashes in order (`segment.KEYS`): it shows which
    they were to whoever has the ids and the lake's key, and nobody else.
    """

    exchanges: int = 0
    copies: int = 0
    registrations: int = 0
    refused: int = 0
    """Rows of the quarantine."""
    segments: int = 0
    """Of which exchanges go; `emptied` of them have no other."""
    emptied: int = 0
    first_ts: dt.datetime | None = None
    last_ts: dt.datetime | None = None
    ids_digest: str = ""
    files: list[str] = field(default_factory=list)
    """Of the lake, that aren't part of it any more."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.exchanges or self.copies or self.registrations or self.refused)


class _Sums:
    """Figures of rows that go, segment by segment."""

    def __init__(self) -> None:
        self.removed = Removed()
        self._ids: list[np.ndarray] = []
        self._span: list[int] = []

    def take(self, keys: np.ndarray, gone: np.ndarray, lost: np.ndarray) -> None:
        """Count in the rows `gone` of a segment, `lost` of which were no part of the lake."""
        alive = gone & ~lost
        mine = keys[alive[keys["row"]]]
        self._ids.append(np.array(mine["id"]))
        if len(mine):
            self._span += [int(mine["ts"].min()), int(mine["ts"].max())]
        self.removed.exchanges += len(mine)
        self.removed.copies += int((gone & lost).sum())
        self.removed.segments += 1
        self.removed.emptied += bool((gone | lost).all())

    def result(self) -> Removed:
        """All of them."""
        ids = np.sort(np.concatenate(self._ids)) if self._ids else np.zeros(0, np.uint64)
        removed = self.removed
        removed.ids_digest = hashlib.sha256(ids.astype("<u8").tobytes()).hexdigest()
        if self._span:
            removed.first_ts = _EPOCH + min(self._span) * _TICK
            removed.last_ts = _EPOCH + max(self._span) * _TICK
        return removed


def look(ledger: Ledger, removal: Removal) -> Removed:
    """What `remove` would take away; writes nothing."""
    sums = _Sums()
    for number, segment in ledger.manifest.segments.items():
        keys, gone, lost = _rows(ledger, number, segment, removal)
        if gone.any():
            sums.take(keys, gone, lost)
    removed = sums.result()
    removed.registrations = _registrations(ledger, removal)[1]
    removed.refused = sum(rows for _, _, rows in _refused(ledger, removal))
    return removed


def remove(ledger: Ledger, removal: Removal, told: Callable[[Removed], str]) -> Removed:
    """Take it away; the caller holds the lake's lock.

    `told` makes the entry of the journal of what was removed; it is in the manifest that removes
    it, from the same moment on. The files that go are named, and not unlinked yet.
    """
    before, sums = ledger.manifest, _Sums()
    segments = dict(before.segments)
    for number, segment in before.segments.items():
        keys, gone, lost = _rows(ledger, number, segment, removal)
        if gone.any():
            sums.take(keys, gone, lost)
            del segments[number]
            segments |= _rewritten(ledger, segment, gone | lost)
    removed = sums.result()
    kept, removed.registrations = _registrations(ledger, removal)
    fresh = msgspec.structs.replace(
        before,
        segments=segments,
        quarantine=list(before.quarantine),
        removed=before.removed + removed.exchanges,
    )
    if kept is not None and not kept.num_rows:
        fresh.accounts = None
    elif kept is not None:
        fresh.accounts = f"{ledger.number():08d}.parquet"
        ledger.save_table(kept, f"accounts/{fresh.accounts}")
    for name, table, rows in _refused(ledger, removal):
        removed.refused += rows
        fresh.quarantine.remove(name)
        if table.num_rows:
            fresh.quarantine.append(f"{ledger.number():08d}.parquet")
            ledger.save_table(table, f"quarantine/{fresh.quarantine[-1]}")
    if removed.nothing:
        return removed
    removed.files = sorted(files_of(before) - files_of(fresh))
    fresh.journal = told(removed)
    ledger.replace(fresh)
    return removed


def files_of(manifest: Manifest) -> set[str]:
    """All files that a manifest names."""
    names = {f"segments/{segment.name}" for segment in manifest.segments.values()}
    names |= {f"keys/{number:08d}.npy" for number in manifest.segments}
    names |= {f"deleted/{s.deleted}" for s in manifest.segments.values() if s.deleted}
    names |= {f"quarantine/{name}" for name in manifest.quarantine}
    return names | ({f"accounts/{manifest.accounts}"} if manifest.accounts else set())


def _rows(
    ledger: Ledger, number: int, segment: Segment, removal: Removal
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A segment's keys, and of its rows which go and which are lost already, as masks."""
    keys = load_array(ledger.lake / "keys" / f"{number:08d}.npy", mmap=True)
    gone, lost = np.zeros(segment.rows, bool), np.zeros(segment.rows, bool)
    if segment.deleted is not None:
        lost[load_array(ledger.lake / "deleted" / segment.deleted)] = True
    if removal.before is not None:
        cut = (removal.before - _EPOCH) // _TICK
        gone[keys["row"][keys["ts"] < cut]] = True
    if removal.accounts:
        wanted = pa.array(sorted(removal.accounts), pa.string())
        at = 0
        for table in _groups(ledger.lake / "segments" / segment.name, ["account_id"]):
            ids = table.column(0).cast(pa.string())
            mine = pc.is_in(ids, value_set=wanted).to_numpy(zero_copy_only=False)
            gone[at : at + len(mine)] |= mine
            at += len(mine)
    return keys, gone, lost


def _rewritten(ledger: Ledger, old: Segment, gone: np.ndarray) -> dict[int, Segment]:
    """A new segment of the rows that stay, in the old one's place; none where none stays."""
    if gone.all():
        return {}
    writer = ledger.open_segment()
    at = 0
    try:
        for table in _groups(ledger.lake / "segments" / old.name, EXCHANGES.names):
            stays = pa.array(~gone[at : at + table.num_rows])
            at += table.num_rows
            for batch in table.cast(EXCHANGES).filter(stays).combine_chunks().to_batches():
                writer.add(batch)
        written = writer.close(ledger.durable)
    except BaseException:
        writer.abandon()
        raise
    _save_keys(ledger, written)
    return {written.number: Segment(written.path.name, len(written.keys), old.order)}


def _save_keys(ledger: Ledger, written: Written) -> None:
    path = ledger.lake / "keys" / f"{written.number:08d}.npy"
    np.save(path, written.keys)
    if ledger.durable:
        sync_path(path)
        sync_path(written.path)


def _groups(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """The row groups of a segment, one after another."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns, use_threads=False)
    except (OSError, pa.ArrowException) as fault:
        raise LakeBroken(
            path, f"can't be read ({fault})", "Restore it: nothing was removed"
        ) from fault


def _registrations(ledger: Ledger, removal: Removal) -> tuple[pa.Table | None, int]:
    """The accounts' table without the rows that go, and how many: those of the accounts, and those
    made before the time of accounts that have no exchange since. `None` where all stays."""
    name = ledger.manifest.accounts
    if name is None:
        return None, 0
    table = pq.read_table(ledger.lake / "accounts" / name, schema=ACCOUNTS)
    goes = pc.is_in(table["account_id"], pa.array(sorted(removal.accounts), pa.string()))
    if removal.before is not None:
        old = pc.less(table["created_at"], pa.scalar(removal.before, TIME))
        silent = pc.invert(pc.is_in(table["account_id"], _active(ledger, removal.before)))
        goes = pc.or_(goes, pc.and_(old, silent))
    gone = int(pc.sum(goes).as_py() or 0)
    return (table.filter(pc.invert(goes)), gone) if gone else (None, 0)


def _active(ledger: Ledger, since: dt.datetime) -> pa.Array:
    """Accounts with an exchange that began then or later."""
    active = pa.array([], pa.string())
    for segment in ledger.manifest.segments.values():
        path = ledger.lake / "segments" / segment.name
        for table in _groups(path, ["account_id", "ts"]):
            late = pc.greater_equal(table["ts"], pa.scalar(since, TIME))
            ids = table.filter(late)["account_id"].cast(pa.string()).combine_chunks()
            active = pc.unique(pa.concat_arrays([active, pc.unique(ids)]))
    return active


def _refused(ledger: Ledger, removal: Removal) -> Iterator[tuple[str, pa.Table, int]]:
    """Parts of the quarantine that lose rows: the part, what stays of it, and how many go.

    Nobody knows when a row began that couldn't be read: its age is that of its part. A row that
    names an account in its excerpt goes with it.
    """
    for name in ledger.manifest.quarantine:
        path = ledger.lake / "quarantine" / name
        table = pq.read_table(path, schema=QUARANTINE)
        goes = np.zeros(table.num_rows, bool)
        if removal.before is not None:
            made = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
            goes |= made < removal.before
        for account in removal.accounts:
            escaped = account.encode("unicode_escape").decode("ascii")
            named = pc.fill_null(pc.match_substring(table["excerpt"], escaped), False)
            goes |= named.to_numpy(zero_copy_only=False)
        if goes.any():
            yield name, table.filter(pa.array(~goes)), int(goes.sum())
