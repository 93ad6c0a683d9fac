"""Columns: stretches give every row once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stillwatch.columns import Column, Stored, blocks, looking, spans

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


def test_spans_give_each_row_once_in_order(column: Column, values: np.ndarray):
    """Sorted, however they were asked for."""
    asked = np.random.default_rng(3).permutation(ROWS)[:90]
    found = [part[places].copy() for part, places in spans(column, asked)]
    assert (np.concatenate(found) == values[np.sort(asked)]).all()


def test_what_is_looked_at_is_the_column_s(column: Column, values: np.ndarray):
    """All of it, a part, and part after part."""
    with looking(column) as everything, looking(column, slice(7, 90)) as some:
        assert (everything == values).all()
        assert (some == values[7:90]).all()
    found = [(part, seen.copy()) for part, seen in blocks(column, 64)]
    assert (np.concatenate([seen for _, seen in found]) == values).all()
    assert [part.stop for part, _ in found] == [*range(64, ROWS, 64), ROWS]
