"""Batches of signals end up as one table with the same rows in the same order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.signals.rows import SignalRows
from stillwatch.tables import SIGNALS


def _batch(rows: int, seed: int) -> pa.RecordBatch:
    """Signals of random values, each column's own type and width."""
    rng = np.random.default_rng(seed)
    columns = []
    for field in SIGNALS:
        fixed = pa.types.is_fixed_size_list(field.type)
        kind = field.type.value_type if fixed else field.type
        size = rows * (field.type.list_size if fixed else 1)
        values = pa.array(rng.integers(0, 100, size).astype(kind.to_pandas_dtype()))
        columns.append(
            pa.FixedSizeListArray.from_arrays(values, field.type.list_size) if fixed else values
        )
    return pa.record_batch(columns, SIGNALS)


def test_rows_are_those_of_the_batches_in_order() -> None:
    """Empty batches, slices of batches, and more room than was needed."""
    batches = [_batch(3, 1), _batch(0, 2), _batch(9, 3).slice(2, 4)]
    rows = SignalRows(50)
    for batch in batches:
        rows.add(batch)
    table = rows.table()
    assert len(rows) == table.num_rows == 7
    assert table.equals(pa.Table.from_batches(batches, SIGNALS))
    assert all(column.num_chunks == 1 for column in table.columns)


def test_more_rows_than_there_is_room_for_are_refused() -> None:
    """Nothing is written past the end."""
    rows = SignalRows(2)
    with pytest.raises(ValueError, match="broadcast"):
        rows.add(_batch(3, 1))
