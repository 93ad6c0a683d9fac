"""Which text stands behind a key, for the few columns whose values findings must name."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.signals.keys import string_keys

NAMED = ("account_id", "org_id", "model")


def names(batch: pa.RecordBatch) -> dict[str, dict[int, str]]:
    """For each column of `NAMED` that the batch has, its distinct values by key."""
    found: dict[str, dict[int, str]] = {}
    for name in NAMED:
        if name in batch.schema.names:
            values = pc.drop_null(pc.unique(batch.column(name)))
            if pa.types.is_dictionary(values.type):
                values = values.cast(pa.string())
            found[name] = dict(zip(string_keys(values).tolist(), values.to_pylist(), strict=True))
    return found
