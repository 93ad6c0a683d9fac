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


@pytest.mark.parametrize("asked", [[7], [499, 0, 0, 31], [-1, -500, 3], [True, *[False] * 499]])
def test_few_rows_are_those_of_the_column(column: Column, values: np.ndarray, asked: list):
    """So few that they are read one by one: in any order, from the end, or by a mask."""
    rows = np.array(asked)
    assert (column[rows] == values[rows]).all()
    assert column[rows].dtype == np.int8


def test_rows_of_a_column_s_end_are_counted_from_where_it_begins(
    values: np.ndarray, tmp_path: Path
):
    """Few and many of them."""
    (tmp_path / "column").write_bytes(values.tobytes())
    rest = Stored(tmp_path / "column", np.int8, WIDTH, ROWS, begin=40)
    for rows in (np.array([5]), np.arange(300)):
        assert (rest[rows] == values[40:][rows]).all()
        found = [part[places].copy() for part, places in spans(rest, rows)]
        assert (np.concatenate(found) == values[40:][rows]).all()


def test_a_row_that_is_not_there_is_an_error(values: np.ndarray, tmp_path: Path):
    """Beyond the last, before the first, or of a file that was cut off meanwhile."""
    path = tmp_path / "column"
    path.write_bytes(values.tobytes())
    column = Stored(path, np.int8, WIDTH, ROWS)
    for row in (ROWS, -ROWS - 1):
        with pytest.raises(IndexError, match="has 500 rows"):
            column[np.array([row])]
    with path.open("r+b") as file:
        file.truncate(10 * WIDTH)
    with pytest.raises(OSError, match="shorter"):
        column[np.array([11])]
