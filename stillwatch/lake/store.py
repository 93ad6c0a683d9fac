"""The lake: what was read, as immutable Parquet segments under one manifest.

LAKE/lake.json                 what belongs to the lake, replaced atomically
LAKE/segments/N.parquet        exchanges, in row groups
LAKE/keys/N.npy                id, start and content hashes of a segment's rows
LAKE/deleted/N-M.npy           rows of a segment that lost to another copy of their exchange
LAKE/quarantine/N.parquet      what wasn't kept, with reasons
LAKE/accounts/N.parquet        the accounts' table
LAKE/vault.db                  whom names stand for, sealed (`privacy`); where there are such
LAKE/lock                      held by the one writer
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import LakeBroken, OutputExists
from stillwatch.lake import manifest as manifests
from stillwatch.lake.fragments import Fragment, Which, as_utc, starts_after
from stillwatch.lake.ingest import IngestReport, Read, SectionsOf, ingest
from stillwatch.lake.ledger import Ledger, nothing
from stillwatch.lake.lock import writing
from stillwatch.privacy import PLAIN, Guard, Keys, Privacy, check_keys
from stillwatch.progress import Progress
from stillwatch.tables import ACCOUNTS, EXCHANGES, QUARANTINE

BATCH_ROWS = 65_536
_LOADS = 20


def is_lake(path: str | Path) -> bool:
    """Whether `path` is a folder with a lake's manifest."""
    return (Path(path) / manifests.NAME).is_file()


class Lake:
    """A lake as its manifest stood when it was opened, or at the last `refresh` or `ingest`."""

    def __init__(self, path: Path, *, durable: bool = True, compress: bool = True) -> None:
        self.path, self._durable, self._compress = path, durable, compress
        self._metadata: dict[int, pq.FileMetaData] = {}
        self.refresh()

    @classmethod
    def open(cls, path: str | Path) -> Lake:
        """Open a lake that exists; raises `LakeBroken`."""
        return cls(Path(path))

    @classmethod
    def create_or_open(
        cls,
        path: str | Path,
        *,
        durable: bool = True,
        compress: bool = True,
        privacy: Privacy = PLAIN,
    ) -> Lake:
        """Open the lake at `path`, made empty first where there is none, with rules for good.

        For a lake that is thrown away: `durable=False` leaves out the waiting for the disk, and
        `compress=False` trades three times the space for a quarter of the time to write.
        Raises `OutputExists` where `path` holds something else, and `LakeBroken`.
        """
        path = Path(path)
        if not is_lake(path):
            if path.exists() and (not path.is_dir() or _holds_other(path)):
                raise OutputExists(
                    path, "holds files that are no lake", "Name an empty or new folder"
                )
            path.mkdir(parents=True, exist_ok=True)
            with writing(path):
                if not is_lake(path):
                    manifests.save_manifest(path, manifests.new_manifest(privacy), durable)
        return cls(path, durable=durable, compress=compress)

    def refresh(self) -> None:
        """Take the manifest as it is now; raises `LakeBroken`."""
        for attempt in range(_LOADS):
            self._manifest = manifests.load_manifest(self.path)
            self._order = sorted(self._manifest.segments.items(), key=lambda s: (s[1].order, s[0]))
            try:
                self._deleted = {n: self._load_deleted(s) for n, s in self._order}
                return
            except FileNotFoundError as fault:
                # A writer replaced the list after the manifest was read; the next one names it.
                if attempt == _LOADS - 1:
                    raise LakeBroken(
                        fault.filename, "is missing", "Remove the lake and ingest the logs again"
                    ) from fault

    def _load_deleted(self, segment: manifests.Segment) -> np.ndarray:
        if segment.deleted is None:
            return np.empty(0, np.uint32)
        return np.load(self.path / "deleted" / segment.deleted)

    def ingest(
        self,
        paths: Sequence[str | Path],
        read: Read,
        *,
        manner: str = "",
        accounts: Sequence[str | Path] = (),
        read_accounts: Read | None = None,
        keys: Keys | None = None,
        progress: Progress | None = None,
        threads: int = 1,
        sections_of: SectionsOf | None = None,
    ) -> IngestReport:
        """Absorb source files; those whose content is in already, in this `manner`, are skipped.

        `read(path, n)` yields the chunks of a file after its first n rows; `read_accounts` does the
        same for `accounts`. Where `read` can be pickled, another process may call it, in which
        pyarrow knows nothing of pandas' own types. `sections_of` says in which sections
        a file can be read, by several at once, each by `read(path, n, begin=, end=)`. `keys` are
        those of the lake's rules, if they name some. Killed at any moment and called again, it ends
        with the same rows as if undisturbed; a reader sees the lake before or after each commit.
        Files are committed every 524,288 rows or 512 MiB, and taken up again from there.

        Raises `LakeBusy`, `LakeBroken`, `InputNotFound`, `PrivacyRefused` where the keys aren't the
        lake's, and what `read` raises.
        """
        with writing(self.path), self._guarded(keys) as guard:
            ledger = self._ledger(guard)
            try:
                return ingest(
                    ledger,
                    [Path(path) for path in paths],
                    guard.over(read) if guard else read,
                    manner=manner,
                    accounts=[Path(path) for path in accounts],
                    read_accounts=guard.over(read_accounts)
                    if guard and read_accounts
                    else read_accounts,
                    progress=progress,
                    threads=threads,
                    sections_of=sections_of,
                )
            except OSError as fault:
                raise LakeBroken(
                    self.path,
                    f"can't be written ({fault})",
                    "Make room or correct the rights, and ingest again: what is committed stays",
                ) from fault
            finally:
                self.refresh()

    @contextmanager
    def removing(self) -> Iterator[Ledger]:
        """The right to remove from the lake (`removal`); raises `LakeBusy`."""
        with writing(self.path):
            try:
                yield self._ledger()
            finally:
                self.refresh()

    def _ledger(self, guard: Guard | None = None) -> Ledger:
        return Ledger(
            self.path,
            manifests.load_manifest(self.path),
            durable=self._durable,
            compress=self._compress,
            told=guard.told if guard else str,
            settle=guard.settle if guard else nothing,
        )

    @property
    def privacy(self) -> Privacy:
        """The rules for identifiers in it."""
        return self._manifest.privacy

    @contextmanager
    def _guarded(self, keys: Keys | None) -> Iterator[Guard | None]:
        """What applies the lake's rules; `None` where there are none."""
        check_keys(self.path, self.privacy, keys)
        if self.privacy.plain:
            yield None
            return
        with closing(Guard(self.privacy, self.path, keys)) as guard:
            yield guard

    def fragments(
        self,
        columns: Sequence[str] | None = None,
        until: datetime | None = None,
        *,
        encoded: bool = False,
        which: Which = "all",
    ) -> list[Fragment]:
        """Independent readers of all rows in one fixed order; call each, on any thread.

        `until` keeps exchanges that started at or before it (UTC where it has no zone). With
        `encoded`, strings that repeat come as dictionaries, which is what they are stored as.
        Requests that were turned away (`fragments.REFUSED`) can be left out, or asked for alone.
        """
        names = tuple(columns if columns is not None else EXCHANGES.names)
        if unknown := [name for name in names if name not in EXCHANGES.names]:
            raise ValueError(f"{self.path}: no columns {unknown} in exchanges")
        until = as_utc(until)
        found = []
        for number, segment in self._order:
            metadata = self._metadata_of(number, segment)
            deleted = self._deleted[number]
            first = 0
            for group in range(metadata.num_row_groups):
                rows = metadata.row_group(group).num_rows
                low, high = np.searchsorted(deleted, [first, first + rows])
                gone = deleted[low:high].astype(np.int64) - first
                first += rows
                if until is not None and starts_after(metadata, group, until):
                    continue
                if len(gone) < rows:
                    path = self.path / "segments" / segment.name
                    found.append(
                        Fragment(
                            path,
                            metadata,
                            group,
                            rows - len(gone),
                            names,
                            until,
                            gone,
                            encoded,
                            which,
                        )
                    )
        return found

    def _metadata_of(self, number: int, segment: manifests.Segment) -> pq.FileMetaData:
        if number not in self._metadata:
            path = self.path / "segments" / segment.name
            try:
                self._metadata[number] = pq.read_metadata(path)
            except (OSError, pa.ArrowException) as fault:
                raise LakeBroken(
                    path, f"can't be read ({fault})", "Remove the lake and ingest the logs again"
                ) from fault
        return self._metadata[number]

    def scan(
        self,
        columns: Sequence[str] | None = None,
        until: datetime | None = None,
        batch_rows: int = BATCH_ROWS,
        which: Which = "all",
    ) -> Iterator[pa.RecordBatch]:
        """The rows in the order of `fragments`, at most `batch_rows` at a time."""
        for fragment in self.fragments(columns, until, which=which):
            batch = fragment()
            for at in range(0, batch.num_rows, batch_rows):
                yield batch.slice(at, batch_rows)

    def accounts(self) -> pa.Table:
        """The accounts' table, one row an account, sorted by id; empty where none was given."""
        if self._manifest.accounts is None:
            return ACCOUNTS.empty_table()
        path = self.path / "accounts" / self._manifest.accounts
        if not path.exists():
            self.refresh()
            path = self.path / "accounts" / str(self._manifest.accounts)
        return self._read(path, ACCOUNTS)

    def quarantine(self) -> pa.Table:
        """What was not kept: file, line, reason, rows that the entry stands for, and an excerpt."""
        parts = [
            self._read(self.path / "quarantine" / name, QUARANTINE)
            for name in self._manifest.quarantine
        ]
        return pa.concat_tables(parts) if parts else QUARANTINE.empty_table()

    def _read(self, path: Path, schema: pa.Schema) -> pa.Table:
        try:
            return pq.read_table(path, schema=schema)
        except (OSError, pa.ArrowException) as fault:
            raise LakeBroken(
                path, f"can't be read ({fault})", "Remove the lake and ingest the logs again"
            ) from fault

    @property
    def rows(self) -> int:
        """Exchanges in the lake."""
        return self._manifest.kept

    def counts(self) -> dict[str, Any]:
        """Rows read since the lake was made: read = kept + the sum of `quarantined`, + `removed`.

        A further copy of an exchange counts in `quarantined` under `duplicate`. `removed` is there
        where rows were removed since they were read (`removal`).
        """
        tally, accounts = self._manifest.exchanges, self._manifest.account_rows
        quarantined = dict(sorted(tally.quarantined.items()))
        if tally.duplicates:
            quarantined["duplicate"] = tally.duplicates
        return {
            "read": tally.read,
            "kept": self._manifest.kept,
            "quarantined": quarantined,
            "repaired": dict(sorted(tally.repaired.items())),
            **({"removed": self._manifest.removed} if self._manifest.removed else {}),
            "files": tally.files,
            "bytes": tally.bytes,
            "accounts": {
                "read": accounts.read,
                "kept": accounts.read - sum(accounts.quarantined.values()),
                "quarantined": dict(sorted(accounts.quarantined.items())),
            },
        }


def _holds_other(path: Path) -> bool:
    ours = {"lock", f".{manifests.NAME}.new"}
    return any(entry.name not in ours for entry in path.iterdir())
