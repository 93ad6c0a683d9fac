"""Exchange ids are read from the lake in whatever order they are asked for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from stillwatch.lake.ids import RUNS, ExchangeIds

ENDS = (4, 4, 90, 200)
BEFORE = 3


class Part:
    """So many rows of a lake, which counts how often it is read."""

    def __init__(self, begin: int, end: int) -> None:
        self.begin, self.end, self.reads = begin, end, 0

    def __call__(self) -> pa.RecordBatch:
        """The rows, read once more."""
        self.reads += 1
        ids = [f"e-{row}" for row in range(self.begin, self.end)]
        return pa.record_batch({"exchange_id": pa.array(ids, pa.string()).dictionary_encode()})


def drawn(seed: int) -> dict[str, NDArray[np.integer]]:
    """Rows in all orders that are asked for."""
    rng = np.random.default_rng(seed)
    some = [np.sort(rng.choice(ENDS[-1] - BEFORE, 40)) for _ in range(RUNS + 1)]
    return {
        "none": np.zeros(0, np.int64),
        "ascending": some[0],
        "of the last part": np.array([150, 150, 196]),
        "a few runs": np.concatenate(some[:5]),
        "many runs": np.concatenate(some),
        "any": rng.permutation(ENDS[-1] - BEFORE),
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("asked", drawn(0))
def test_ids_are_those_of_the_rows_in_their_order(asked: str, seed: int):
    """Rows that are asked for twice are told twice, and no part of the log is read twice."""
    rows = drawn(seed)[asked]
    parts = [Part(begin, end) for begin, end in zip((0, *ENDS), ENDS, strict=False)]
    ids = ExchangeIds(parts, ENDS, begin=BEFORE)  # pyright: ignore[reportArgumentType]
    assert ids.take(pa.array(rows)).to_pylist() == [f"e-{BEFORE + row}" for row in rows]
    touched = [bool(((rows + BEFORE >= p.begin) & (rows + BEFORE < p.end)).any()) for p in parts]
    assert [part.reads for part in parts] == [int(told) for told in touched]
