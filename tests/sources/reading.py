"""Whole files through a reader, with what every reader owes checked on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from stillwatch.tables import EXCHANGES, QUARANTINE, Chunk


@dataclass
class Reading:
    """All chunks of a file as one."""

    kept: pa.Table
    quarantined: pa.Table
    repaired: dict[str, int]
    read: int

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Kept rows."""
        return self.kept.to_pylist()

    @property
    def reasons(self) -> dict[str, int]:
        """Rows quarantined by reason."""
        counts: Counter[str] = Counter()
        for entry in self.quarantined.to_pylist():
            counts[entry["reason"]] += entry["rows"]
        return dict(counts)


def gather(chunks: Iterable[Chunk], schema: pa.Schema = EXCHANGES) -> Reading:
    """Read all chunks; whatever was in the file, schemas, required columns and counts are right."""
    kept, quarantined, read = [], [], 0
    repaired: Counter[str] = Counter()
    for chunk in chunks:
        assert chunk.kept.schema.equals(schema)
        assert chunk.quarantined.schema.equals(QUARANTINE)
        chunk.kept.validate(full=True)
        kept.append(chunk.kept)
        quarantined.append(chunk.quarantined)
        repaired.update(chunk.repaired)
        read += chunk.read
    reading = Reading(
        pa.Table.from_batches(kept, schema),
        pa.Table.from_batches(quarantined, QUARANTINE),
        dict(repaired),
        read,
    )
    for field in schema:
        if not field.nullable:
            assert reading.kept[field.name].null_count == 0, field.name
    for entry in reading.quarantined.to_pylist():
        assert entry["reason"]
        assert entry["rows"] >= 1
        assert entry["line"] >= 1
        assert entry["excerpt"] is None or (
            len(entry["excerpt"]) <= 200 and entry["excerpt"].isascii()
        )
    assert read == reading.kept.num_rows + sum(reading.reasons.values())
    return reading
