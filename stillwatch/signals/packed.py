"""Signals with the texts that findings need, as one batch: what the row-shaped stage hands on.

A batch is all that crosses between machines. A text that a column repeats stands only in the first
row of its key.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stillwatch.signals.extract import signals
from stillwatch.tables import SIGNALS

NAMED = ("account_id", "org_id", "model")
"""Columns whose values findings must name."""

_KEYS = dict(zip(NAMED, ("account", "org", "model"), strict=True))

PACKED = pa.schema(
    [
        *SIGNALS,
        *(pa.field(f"text_{name}", pa.string()) for name in NAMED),
    ]
)
"""`tables.SIGNALS`, and `text_*` of each of `NAMED` at its key's first row."""


def packed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """`PACKED` rows of exchanges, row by row the same."""
    found = signals(batch)
    columns = [*found.columns]
    for name, key in _KEYS.items():
        if name in batch.schema.names:
            columns.append(_first(batch.column(name).cast(pa.string()), found.column(key)))
        else:
            columns.append(pa.nulls(batch.num_rows, pa.string()))
    return pa.record_batch(columns, schema=PACKED)


def unpacked(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, dict[int, str]]]:
    """Of `PACKED` rows: the signals, and each named column's texts by key."""
    named = {}
    for name, key in _KEYS.items():
        texts = rows.column(f"text_{name}")
        told = texts.is_valid()
        keys = rows.column(key).filter(told).to_pylist()
        named[name] = dict(zip(keys, texts.filter(told).to_pylist(), strict=True))
    return rows.select(SIGNALS.names), named


def _first(texts: pa.Array, keys: pa.Array) -> pa.Array:
    """`texts`, but null where an earlier row has the same key, or the key is 0 (unknown)."""
    known, places = np.unique(keys.to_numpy(), return_index=True)
    places = places[known != 0]
    repeats = np.ones(len(texts), bool)
    repeats[places] = False
    return texts.take(pa.array(np.arange(len(texts)), mask=repeats))
