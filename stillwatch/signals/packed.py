"""Signals with the texts that findings need, as one batch: what the row-shaped stage hands on.

A batch is all that crosses between machines. A text that a column repeats stands only in the first
row of its key.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.signals.extract import signals
from stillwatch.tables import SIGNALS

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMED = {"account_id": "account", "org_id": "org", "model": "model"}
"""Columns whose values findings must name, and those of their keys."""

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
    for name in NAMED:
        if name in batch.schema.names:
            columns.append(_first(batch.column(name)))
        else:
            columns.append(pa.nulls(batch.num_rows, pa.string()))
    return pa.record_batch(columns, schema=PACKED)


def unpacked(
    rows: pa.RecordBatch,
) -> tuple[pa.RecordBatch, dict[str, tuple[NDArray[np.uint64], pa.Array]]]:
    """Of `PACKED` rows: the signals, and each named column's keys and their texts."""
    named = {}
    for name, key in NAMED.items():
        texts = rows.column(f"text_{name}")
        told = texts.is_valid()
        named[name] = rows.column(key).filter(told).to_numpy(), texts.filter(told)
    return rows.select(SIGNALS.names), named


def _first(texts: pa.Array) -> pa.Array:
    """`texts`, but null where an earlier row has the same, or where it is empty."""
    if not pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_encode()
    encoded = cast(pa.DictionaryArray, texts)
    codes, told = encoded.indices, np.flatnonzero(encoded.is_valid())
    rows = np.full(len(encoded.dictionary), -1)
    rows[codes.drop_null().to_numpy()[::-1]] = told[::-1]  # of one code's rows the last set stays
    empty = pc.fill_null(pc.equal(encoded.dictionary, ""), True)
    rows[empty.to_numpy(zero_copy_only=False)] = -1
    repeats = np.ones(len(encoded), bool)
    repeats[rows[rows >= 0]] = False
    first = pc.if_else(pa.array(repeats), pa.scalar(None, codes.type), codes)
    return encoded.dictionary.take(first).cast(pa.string())
