"""The writer's side of a lake: claims source files, and commits what was read in single steps."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import LakeBroken
from stillwatch.lake.duplicates import SeenIds, settle
from stillwatch.lake.manifest import (
    NAME,
    Absorbed,
    Manifest,
    Segment,
    Tally,
    save_manifest,
    sync,
    sync_path,
)
from stillwatch.lake.segment import SegmentWriter, Written
from stillwatch.tables import PIECE_BYTES, Chunk

FOLDERS = ("segments", "keys", "deleted", "quarantine", "accounts")


@dataclass
class Part:
    """What was read since the last commit, beside the segment that holds its rows."""

    order: tuple[int, int, int]
    tally: Tally = field(default_factory=Tally)
    quarantined: list[pa.RecordBatch] = field(default_factory=list)
    entries: int = 0
    """Of quarantine, held."""
    absorbed: dict[str, Absorbed] = field(default_factory=dict)

    def take(self, chunk: Chunk) -> None:
        """Count `chunk` in, and hold what it quarantined."""
        count_in(self.tally, chunk)
        if chunk.quarantined.num_rows:
            self.quarantined.append(chunk.quarantined)
            self.entries += chunk.quarantined.num_rows


def nothing() -> None:
    """What has to be done where there is nothing to do."""


def count_in(tally: Tally, chunk: Chunk) -> None:
    """Add the rows of `chunk` to `tally`."""
    tally.read += chunk.read
    tally.bytes += chunk.size
    reasons = Counter(tally.quarantined)
    columns = chunk.quarantined.to_pydict()
    for reason, rows in zip(columns["reason"], columns["rows"], strict=True):
        reasons[reason] += rows
    tally.quarantined = dict(reasons)
    tally.repaired = dict(Counter(tally.repaired) + Counter(chunk.repaired))


def add_tallies(one: Tally, other: Tally) -> Tally:
    """The sum of two tallies."""
    return Tally(
        one.read + other.read,
        dict(Counter(one.quarantined) + Counter(other.quarantined)),
        dict(Counter(one.repaired) + Counter(other.repaired)),
        one.duplicates + other.duplicates,
        one.files + other.files,
        one.bytes + other.bytes,
    )


def load_array(path: Path, *, mmap: bool = False) -> np.ndarray:
    """An array of the lake's; raises `LakeBroken` where it is missing or damaged."""
    try:
        return np.load(path, mmap_mode="r" if mmap else None)
    except (OSError, ValueError) as fault:
        raise LakeBroken(
            path, f"can't be read ({fault})", "Remove the lake and ingest the logs again"
        ) from fault


class Ledger:
    """Owns the manifest while a process holds the lake's lock; threads may call it."""

    def __init__(
        self,
        lake: Path,
        manifest: Manifest,
        *,
        durable: bool = True,
        compress: bool = True,
        told: Callable[[Path], str] = str,
        settle: Callable[[], None] = nothing,
    ) -> None:
        self.lake, self.durable, self.compress = lake, durable, compress
        self.manifest = manifest
        self.told = told
        """What the manifest says of the path of a source file."""
        self._settle = settle
        """What has to be done before anything that was read is told."""
        self._mutex = threading.Lock()
        self._claimed: set[str] = set()
        self._next = manifest.next
        for folder in FOLDERS:
            (lake / folder).mkdir(exist_ok=True)
        self.sweep()
        self._seen = SeenIds()
        for number in manifest.segments:
            self._seen.add(self._keys_of(number)["id"])

    def sweep(self) -> None:
        """Remove what the manifest doesn't name: a killed writer's files, and what was replaced."""
        known = {"segments": {s.name for s in self.manifest.segments.values()}}
        known["keys"] = {f"{number:08d}.npy" for number in self.manifest.segments}
        known["deleted"] = {s.deleted for s in self.manifest.segments.values() if s.deleted}
        known["quarantine"] = set(self.manifest.quarantine)
        known["accounts"] = {self.manifest.accounts} if self.manifest.accounts else set()
        for folder, names in known.items():
            for path in (self.lake / folder).iterdir():
                if path.name not in names:
                    path.unlink()
        (self.lake / f".{NAME}.new").unlink(missing_ok=True)

    def number(self) -> int:
        """A number for a new file, used by no other."""
        with self._mutex:
            number, self._next = self._next, self._next + 1
            return number

    def claim(self, digest: str) -> int | None:
        """Take a source: rows of it that are in already, `None` if all are or it is taken.

        One that was read in pieces of another size is read from its beginning: its rows are copies,
        and what of it was quarantined is told twice.
        """
        with self._mutex:
            entry = self.manifest.absorbed.get(digest)
            if digest in self._claimed or (entry and entry.done):
                return None
            self._claimed.add(digest)
            return entry.rows if entry and entry.piece == PIECE_BYTES else 0

    def open_segment(self, beside: Executor | None = None) -> SegmentWriter:
        """The writer of a new segment, which is no part of the lake before its commit."""
        number = self.number()
        path = self.lake / "segments" / f"{number:08d}.parquet"
        return SegmentWriter(number, path, self.manifest.key, self.compress, beside)

    def commit(self, part: Part, written: Written) -> None:
        """Make a part and its segment belong to the lake, in one step."""
        number, path, keys = written
        if len(keys):
            self._save_array(self._keys_path(number), keys)
        name = self._save_quarantined(part)
        self._settle()
        with self._mutex:
            manifest = msgspec.structs.replace(
                self.manifest,
                segments=dict(self.manifest.segments),
                quarantine=[*self.manifest.quarantine, *([name] if name else [])],
                absorbed=self.manifest.absorbed | part.absorbed,
                next=self._next,
            )
            part.tally.duplicates = self._place(manifest, written, part.order)
            manifest.exchanges = add_tallies(manifest.exchanges, part.tally)
            save_manifest(self.lake, manifest, self.durable)
            self.manifest = manifest
            if number in manifest.segments:
                self._seen.add(keys["id"])
            elif len(keys):
                path.unlink()
                self._keys_path(number).unlink()

    def _place(self, manifest: Manifest, written: Written, order: tuple[int, int, int]) -> int:
        """Put the new segment into `manifest`, settle its duplicates and count them."""
        number, path, keys = written
        if not len(keys):
            return 0
        lost, lost_old = settle(
            keys, self._seen, list(manifest.segments), self._keys_of, self._deleted_of
        )
        for old, rows in lost_old.items():
            manifest.segments[old] = self._delete(old, manifest.segments[old], rows)
        if len(lost) < len(keys):
            segment = Segment(path.name, len(keys), order)
            if len(lost):
                segment = self._delete(number, segment, lost)
            manifest.segments[number] = segment
        return len(lost) + sum(map(len, lost_old.values()))

    def _delete(self, number: int, segment: Segment, rows: np.ndarray) -> Segment:
        gone = np.union1d(self._deleted_of(number), rows).astype(np.uint32)
        name = f"{number:08d}-{self._next:08d}.npy"
        self._next += 1
        self._save_array(self.lake / "deleted" / name, gone)
        return msgspec.structs.replace(segment, deleted=name, deleted_rows=len(gone))

    def _deleted_of(self, number: int) -> np.ndarray:
        segment = self.manifest.segments.get(number)
        if segment is None or segment.deleted is None:
            return np.empty(0, np.uint32)
        return load_array(self.lake / "deleted" / segment.deleted)

    def _keys_path(self, number: int) -> Path:
        return self.lake / "keys" / f"{number:08d}.npy"

    def _keys_of(self, number: int) -> np.ndarray:
        return load_array(self._keys_path(number), mmap=True)

    def _save_array(self, path: Path, values: np.ndarray) -> None:
        with path.open("wb") as out:
            np.save(out, values)
            if self.durable:
                sync(out)

    def _save_quarantined(self, part: Part) -> str | None:
        if not part.quarantined:
            return None
        name = f"{self.number():08d}.parquet"
        self.save_table(pa.Table.from_batches(part.quarantined), f"quarantine/{name}")
        return name

    def save_table(self, table: pa.Table, name: str) -> None:
        """Write a small table into the lake; it belongs to it once the manifest says so."""
        pq.write_table(table, self.lake / name, compression="zstd")
        if self.durable:
            sync_path(self.lake / name)

    def replace(self, manifest: Manifest) -> None:
        """Commit a manifest that was made from this ledger's, between parts."""
        self._settle()
        with self._mutex:
            manifest.next = self._next
            save_manifest(self.lake, manifest, self.durable)
            self.manifest = manifest
