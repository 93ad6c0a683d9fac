"""The embedded engine: steps over named tables."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from stillwatch.engine.duck import Duck


@pytest.fixture
def duck():
    """An engine of two threads, closed afterwards."""
    engine = Duck(2)
    yield engine
    engine.close()


def test_a_step_reads_tables_by_name_and_gives_arrow(duck: Duck):
    """Unsigned 64-bit keys pass through unharmed, and one call's tables are not the next call's."""
    big = 2**64 - 1
    a = pa.table({"k": pa.array([1, big], pa.uint64()), "v": ["x", "y"]})
    b = pa.table({"k": pa.array([big], pa.uint64()), "w": [0.5]})
    out = duck.run({"a": a, "b": b}, "select a.k, v, w from a join b on a.k = b.k")
    assert out.to_pylist() == [{"k": big, "v": "y", "w": 0.5}]
    assert out.schema.field("k").type == pa.uint64()
    with pytest.raises(duckdb.Error, match="a does not exist"):
        duck.run({}, "select count(*) as n from a")
    assert duck.run({"a": b}, "select count(*) as n from a").to_pylist() == [{"n": 1}]


def test_an_empty_result_has_its_columns(duck: Duck):
    """No rows, the same schema."""
    out = duck.run({"t": pa.table({"k": pa.array([], pa.uint64())})}, "select k from t order by k")
    assert out.num_rows == 0
    assert out.schema.names == ["k"]


def test_a_wrong_step_fails_and_the_engine_lives_on(duck: Duck):
    """An error names what is missing and spoils nothing."""
    with pytest.raises(duckdb.Error, match="nowhere"):
        duck.run({}, "select * from nowhere")
    assert duck.run({}, "select 1 as one").to_pylist() == [{"one": 1}]
