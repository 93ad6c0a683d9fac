"""The contract as Parquet, in the types that other writers choose, whole and damaged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.sources import contract_parquet as reader
from stillwatch.sources import read_exchanges
from tests.sources.logs import make_exchanges
from tests.sources.reading import Reading, gather

TIME = datetime(2026, 11, 1, 10, tzinfo=UTC)


def read_columns(folder: Path, **columns: Any) -> Reading:
    """A file of two rows whose required columns are sound unless given."""
    given: dict[str, Any] = {
        "exchange_id": pa.array(["e1", "e2"]),
        "ts": pa.array([TIME, TIME], pa.timestamp("us", tz="UTC")),
        "account_id": pa.array(["a", "b"]),
        "model": pa.array(["m", "m"]),
        "prompt": pa.array(["x", ""]),
    }
    given |= columns
    table = pa.table({name: held for name, held in given.items() if held is not None})
    pq.write_table(table, folder / "a.parquet")
    return gather(read_exchanges(folder / "a.parquet"))


def test_only_what_is_required_is_needed(tmp_path: Path) -> None:
    """Optional columns may be absent, and columns of other systems are passed over."""
    got = read_columns(tmp_path, region=pa.array(["eu", "us"]))
    assert got.kept.num_rows == 2
    assert got.kept["system"].null_count == 2


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("turns", pa.array([1, 2], pa.int64()), [1, 2]),
        ("turns", pa.array([1, 2], pa.uint8()), [1, 2]),
        ("turns", pa.array([1.0, None]), [1, None]),
        ("turns", pa.array(["3", "4"]), [3, 4]),
        ("status", pa.array([200, 429], pa.int64()), [200, 429]),
        ("asn", pa.array([1, 2], pa.uint32()), [1, 2]),
        ("temperature", pa.array([1, 0], pa.int8()), [1.0, 0.0]),
        ("temperature", pa.array([0.5, None], pa.float64()), [0.5, None]),
        ("thinking", pa.array([1, 0], pa.int8()), [True, False]),
        ("system", pa.array(["s", None], pa.large_string()), ["s", None]),
        ("system", pa.array(["s", "s"]).dictionary_encode(), ["s", "s"]),
        ("system", pa.array([b"s", "ü".encode()], pa.binary()), ["s", "ü"]),
        ("org_id", pa.array([17, 18]), ["17", "18"]),
        ("country", pa.nulls(2), [None, None]),
        ("tools", pa.array([["f"], None], pa.large_list(pa.large_string())), [["f"], None]),
        ("tools", pa.array([["f", None], []]), [["f"], []]),
        (
            "headers",
            pa.array(
                [{"X-A": "1", "b": None}, None], pa.struct([("X-A", "string"), ("b", "string")])
            ),
            [[("x-a", "1")], None],
        ),
        (
            "headers",
            pa.array([[("X-A", "1"), ("Cookie", "c")], None], pa.map_("string", "string")),
            [[("x-a", "1")], None],
        ),
    ],
)
def test_types_of_other_writers(tmp_path: Path, name: str, values: Any, expected: Any) -> None:
    """Other widths and encodings of a column are the same column, and nothing is a repair."""
    got = read_columns(tmp_path, **{name: values})
    assert got.kept[name].to_pylist() == expected
    assert got.repaired == {}


@pytest.mark.parametrize(
    "ts",
    [
        pa.array([TIME, TIME], pa.timestamp("ns", tz="Europe/Berlin")),
        pa.array([TIME.replace(tzinfo=None)] * 2, pa.timestamp("ms")),
        pa.array([TIME, TIME], pa.timestamp("s", tz="UTC")),
        pa.array(["2026-11-01T10:00:00Z", "2026-11-01T11:00:00+01:00"]),
        pa.array([1793527200, 1793527200]),
        pa.array([1793527200.0, 1793527200.0]),
        pa.array([1793527200000, 1793527200000000]),
    ],
)
def test_spellings_of_one_time(tmp_path: Path, ts: Any) -> None:
    """Any unit, zone, text or number is the same moment; without a zone it is UTC."""
    assert read_columns(tmp_path, ts=ts).kept["ts"].to_pylist() == [TIME, TIME]


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        ({"prompt": pa.array([None, "x"])}, {"missing:prompt": 1}),
        ({"prompt": None}, {"missing:prompt": 2}),
        ({"account_id": pa.array(["", "x"])}, {"missing:account_id": 1}),
        ({"model": pa.array([[1], [2]])}, {"bad_value:model": 2}),
        ({"ts": pa.array(["soon", "2026-11-01T10:00:00Z"])}, {"bad_value:ts": 1}),
        ({"ts": pa.array([2**62, 1], pa.timestamp("us"))}, {"bad_value:ts": 1}),
        ({"ts": pa.array([2**52, 1], pa.timestamp("s"))}, {"bad_value:ts": 1}),
    ],
)
def test_required_columns(tmp_path: Path, columns: Any, reasons: dict[str, int]) -> None:
    """Rows without what is required are quarantined under the column."""
    assert read_columns(tmp_path, **columns).reasons == reasons


def test_optional_columns_cost_only_their_value(tmp_path: Path) -> None:
    """Values that don't fit become null and are counted, in rows that are kept."""
    got = read_columns(
        tmp_path,
        turns=pa.array([2**40, 5]),
        temperature=pa.array([float("nan"), 1.0]),
        status=pa.array(["ok", "200"]),
        prompt=pa.array(["x", None]),
        max_tokens=pa.array(["x", "y"]),
    )
    row = got.rows[0]
    assert [row[name] for name in ("turns", "temperature", "status")] == [None, None, None]
    assert got.repaired == {"turns": 1, "temperature": 1, "status": 1, "max_tokens": 1}


def test_text_that_is_no_unicode_is_mended(tmp_path: Path) -> None:
    """A string column that holds other bytes keeps its rows."""
    raw = pa.array([b"a\xffb", b"ok"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    got = read_columns(tmp_path, prompt=broken)
    assert got.kept["prompt"].to_pylist() == ["a\ufffdb", "ok"]


def test_reading_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first n rows come the rest, across and inside row groups."""
    monkeypatch.setattr(reader, "BATCH_ROWS", 1024)
    log = make_exchanges(5000)
    pq.write_table(log, tmp_path / "a.parquet", row_group_size=3000)
    done = 0
    for chunk in read_exchanges(tmp_path / "a.parquet"):
        rest = gather(read_exchanges(tmp_path / "a.parquet", done))
        assert rest.kept.equals(log.slice(done))
        done += chunk.read
    assert done == 5000
    assert gather(read_exchanges(tmp_path / "a.parquet", done)).read == 0


def damage_column(path: Path, group: int, name: str) -> None:
    """Overwrite one column's pages in one row group."""
    metadata = pq.read_metadata(path)
    at = metadata.schema.names.index(name)
    column = metadata.row_group(group).column(at)
    first = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(path.read_bytes())
    data[first : first + column.total_compressed_size] = b"\xa5" * column.total_compressed_size
    path.write_bytes(data)


def test_a_damaged_optional_column_costs_only_its_values(tmp_path: Path) -> None:
    """Rows stay, the column is null where it can't be read, and that is counted."""
    log = make_exchanges(3000)
    path = tmp_path / "a.parquet"
    pq.write_table(log, path, row_group_size=1000)
    damage_column(path, 1, "response")
    got = gather(read_exchanges(path))
    assert got.kept.drop_columns("response").equals(log.drop_columns("response"))
    assert got.kept["response"].slice(1000, 1000).null_count == 1000
    assert got.kept["response"].slice(2000).equals(log["response"].slice(2000))
    assert (got.repaired, got.reasons) == ({"response": 1000}, {})


def test_a_damaged_required_column_costs_its_row_group(tmp_path: Path) -> None:
    """The other row groups are kept; the lost one is one entry that stands for all its rows."""
    log = make_exchanges(3000)
    path = tmp_path / "a.parquet"
    pq.write_table(log, path, row_group_size=1000)
    damage_column(path, 1, "prompt")
    got = gather(read_exchanges(path))
    assert got.kept.equals(pa.concat_tables([log.slice(0, 1000), log.slice(2000)]).combine_chunks())
    assert got.reasons == {"unreadable_row_group": 1000}
    assert got.quarantined["line"].to_pylist() == [1001]


def test_a_file_without_its_end_is_one_row(tmp_path: Path) -> None:
    """Nobody knows how many rows a file without a footer had: it counts as one."""
    path = tmp_path / "a.parquet"
    pq.write_table(make_exchanges(100), path)
    path.write_bytes(path.read_bytes()[:-100])
    got = gather(read_exchanges(path))
    assert (got.read, got.reasons) == (1, {"unreadable_parquet": 1})
