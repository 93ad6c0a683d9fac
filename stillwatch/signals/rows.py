"""Signals of many batches as one table, without a moment at which a row is held twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stillwatch.tables import SIGNALS


class SignalRows:
    """Room for `most` rows of `tables.SIGNALS`, filled batch by batch in order.

    Memory that no row was written to is not taken up.
    """

    def __init__(self, most: int) -> None:
        self._rows = 0
        self._widths = [_width(field.type) for field in SIGNALS]
        self._columns = [
            np.empty(most * width, _values(field.type).to_pandas_dtype())
            for field, width in zip(SIGNALS, self._widths, strict=True)
        ]

    def __len__(self) -> int:
        return self._rows

    def add(self, batch: pa.RecordBatch) -> None:
        """Copy the rows of a batch of `tables.SIGNALS` behind those that are there."""
        begin, end = self._rows, self._rows + batch.num_rows
        for column, width, room in zip(batch.columns, self._widths, self._columns, strict=True):
            values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
            room[begin * width : end * width] = values.to_numpy()
        self._rows = end

    def table(self) -> pa.Table:
        """All rows so far, one chunk a column, in the memory that they lie in."""
        arrays = []
        for field, width, room in zip(SIGNALS, self._widths, self._columns, strict=True):
            values = pa.array(room[: self._rows * width])
            if pa.types.is_fixed_size_list(field.type):
                values = pa.FixedSizeListArray.from_arrays(values, width)
            arrays.append(values)
        return pa.Table.from_arrays(arrays, schema=SIGNALS)


def _width(kind: pa.DataType) -> int:
    return kind.list_size if pa.types.is_fixed_size_list(kind) else 1


def _values(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_fixed_size_list(kind) else kind
