"""Writing one segment: a Parquet file of exchanges, and beside it the keys of its rows."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.lake.hashing import hash_rows, hash_strings
from stillwatch.lake.manifest import sync_path
from stillwatch.tables import EXCHANGES

GROUP_ROWS = 131_072
GROUP_BYTES = 64 << 20
SEGMENT_ROWS = 4 * GROUP_ROWS
SEGMENT_BYTES = 8 * GROUP_BYTES

PLAIN_PAGE_BYTES = 1 << 18
"""Of a page that isn't compressed, to stay next to the processor; larger ones compress better."""

KEYS = np.dtype([("id", "<u8"), ("ts", "<i8"), ("content", "<u8"), ("row", "<u4")])
"""One a row, sorted by `id`: 28 bytes that decide about duplicates without reading any text."""

_PLAIN = frozenset({"exchange_id", "ts", "prompt", "response", "conversation_id"})
_DICTIONARY = [
    f.name for f in EXCHANGES if f.name not in _PLAIN and not pa.types.is_nested(f.type)
] + ["tools.list.element", "headers.key_value.key", "headers.key_value.value"]

REPEATING = {
    f.name: f.name for f in EXCHANGES if f.name not in _PLAIN and pa.types.is_string(f.type)
} | {"tools": "tools.list.element"}
"""Columns of strings that are stored as dictionaries, and what Parquet calls them."""


class Written(NamedTuple):
    """A segment that is finished, and no part of the lake yet."""

    number: int
    path: Path
    keys: np.ndarray
    """Its rows' `KEYS`, sorted by id; empty: no file was made."""


class SegmentWriter:
    """Gathers batches into row groups and row groups into one file, in bounded memory.

    With threads `beside`, a row group is compressed and written there while the next is gathered.
    """

    def __init__(
        self,
        number: int,
        path: Path,
        key: tuple[int, int],
        compress: bool = True,
        beside: Executor | None = None,
    ) -> None:
        self._number, self._path, self._key, self._beside = number, path, key, beside
        self._packing: dict[str, Any] = (
            {"compression": "zstd", "compression_level": 1}
            if compress
            else {"compression": "none", "data_page_size": PLAIN_PAGE_BYTES}
        )
        self.rows, self.bytes = 0, 0
        self._held: list[pa.RecordBatch] = []
        self._held_rows, self._held_bytes = 0, 0
        self._keys: list[np.ndarray] = []
        self._writer: pq.ParquetWriter | None = None
        self._writing: Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether the segment is large enough to be closed."""
        return self.rows >= SEGMENT_ROWS or self.bytes >= SEGMENT_BYTES

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows of `EXCHANGES`."""
        for at in range(0, batch.num_rows, GROUP_ROWS):
            part = batch.slice(at, GROUP_ROWS)
            size = part.get_total_buffer_size() if batch is part else part.nbytes
            if self._held_rows + part.num_rows > GROUP_ROWS or self._held_bytes > GROUP_BYTES:
                self._flush()
            self._held.append(part)
            self._held_rows += part.num_rows
            self._held_bytes += size
            self._keys.append(self._keys_of(part))
            self.rows += part.num_rows
            self.bytes += size

    def _keys_of(self, batch: pa.RecordBatch) -> np.ndarray:
        keys = np.empty(batch.num_rows, KEYS)
        keys["id"] = hash_strings(batch.column(0), self._key)
        keys["ts"] = batch.column(1).cast(pa.int64()).to_numpy()
        keys["content"] = hash_rows(batch)
        keys["row"] = np.arange(self.rows, self.rows + batch.num_rows, dtype=np.uint32)
        return keys

    def _flush(self) -> None:
        self._written()
        if not self._held:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path,
                EXCHANGES,
                **self._packing,
                use_dictionary=_DICTIONARY,  # type: ignore[arg-type]
                write_statistics=["ts"],  # type: ignore[arg-type]
                store_schema=True,
            )
        table = pa.Table.from_batches(self._held)
        self._held, self._held_rows, self._held_bytes = [], 0, 0
        if self._beside is None:
            self._writer.write_table(table, GROUP_ROWS)
        else:
            self._writing = self._beside.submit(self._writer.write_table, table, GROUP_ROWS)

    def _written(self) -> None:
        """Wait for the row group that is being written."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def close(self, durable: bool) -> Written:
        """Finish the file."""
        self._flush()
        self._written()
        if self._writer is not None:
            self._writer.close()
            if durable:
                sync_path(self._path)
        keys = np.concatenate(self._keys) if self._keys else np.empty(0, KEYS)
        keys = keys[np.argsort(keys["id"], kind="stable")]
        return Written(self._number, self._path, keys)

    def abandon(self) -> None:
        """Close without caring for the result, after a fault."""
        with suppress(Exception):
            self._written()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
