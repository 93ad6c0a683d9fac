"""Columns: rows held in memory are those of the column, and stretches give every row once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stillwatch.columns import Column, Held, Stored, spans

ROWS, WIDTH = 500, 80


@pytest.fixture
def values() -> np.ndarray:
    """A wide column in memory."""
    return np.random.default_rng(1).integers(-127, 128, (ROWS, WIDTH)).astype(np.int8)


@pytest.fixture(params=["memory", "disk"])
def column(request: pytest.FixtureRequest, values: np.ndarray, tmp_path: Path) -> Column:
    """The same column, in memory or in a file."""
    if request.param == "memory":
        return values
    (tmp_path / "column").write_bytes(values.tobytes())
    return Stored(tmp_path / "column", np.int8, WIDTH, ROWS)


def test_held_rows_are_the_column_s(column: Column, values: np.ndarray):
    """Any of them in any order, some twice; its length is the whole column's."""
    rng = np.random.default_rng(2)
    rows = rng.permutation(ROWS)[:200]
    held = Held(column, rows)
    asked = rng.choice(rows, 300)
    assert (held[asked] == values[asked]).all()
    assert held.shape == values.shape
    assert len(held) == ROWS
    assert held[asked[:0]].shape == (0, WIDTH)


def test_spans_give_each_row_once_in_order(column: Column, values: np.ndarray):
    """Of a column, and of rows of it that are held: sorted, however they were asked for."""
    rows = np.random.default_rng(3).permutation(ROWS)[:200]
    asked = rows[:90]
    for source in (column, Held(column, rows)):
        found = [part[places].copy() for part, places in spans(source, asked)]
        assert (np.concatenate(found) == values[np.sort(asked)]).all()


def test_no_rows_may_be_held(column: Column):
    """Of which nothing can be asked, and whose stretches are empty."""
    held = Held(column, np.zeros(0, np.int64))
    assert held[np.zeros(0, np.int64)].shape == (0, WIDTH)
    assert sum(len(places) for _, places in spans(held, np.zeros(0, np.int64))) == 0
