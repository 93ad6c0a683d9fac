"""The contract as JSON Lines: equal to Parquet, lenient in what loses nothing, exact in reasons."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stillwatch.sources import read_accounts, read_exchanges
from stillwatch.tables import ACCOUNTS
from tests.sources.logs import make_accounts, make_exchanges, to_objects, write_log
from tests.sources.reading import Reading, gather

ROW: dict[str, Any] = {
    "exchange_id": "e1",
    "ts": "2026-11-01T10:00:00Z",
    "account_id": "a1",
    "model": "m",
    "prompt": "hello",
}


def read_text(folder: Path, text: str | bytes, name: str = "log.jsonl") -> Reading:
    """What a file of this text reads as."""
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return gather(read_exchanges(path))


def read_rows(folder: Path, *changes: dict[str, Any]) -> Reading:
    """What changed copies of a sound row read as; `...` leaves a column out."""
    rows = [{k: v for k, v in (ROW | change).items() if v is not ...} for change in changes]
    return read_text(folder, "".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_every_form_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    """A log comes back row for row from each of the contract's forms."""
    log = make_exchanges(2500)
    got = gather(read_exchanges(write_log(log, tmp_path / name)))
    assert got.kept.equals(log)
    assert (got.reasons, got.repaired) == ({}, {})


def test_slow_path_gives_what_the_fast_one_gives(tmp_path: Path) -> None:
    """A damaged line in a block changes nothing about the rows around it."""
    log = make_exchanges(700)
    lines = write_log(log, tmp_path / "a.jsonl").read_bytes()
    got = read_text(tmp_path, lines + b"{broken\n", "b.jsonl")
    assert got.kept.equals(log)
    assert got.reasons == {"not_json": 1}
    assert got.quarantined["line"].to_pylist() == [701]


def test_an_array_of_rows_is_read_too(tmp_path: Path) -> None:
    """Rows as one JSON array, pretty-printed or on a single line."""
    log = make_exchanges(300)
    text = json.dumps(to_objects(log), default=str)
    assert read_text(tmp_path, text, "a.json").kept.equals(log)
    text = json.dumps(to_objects(log), default=str, indent=2)
    assert read_text(tmp_path, text, "b.json").kept.equals(log)


@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-01T10:00:00Z",
        "2026-11-01T12:00:00+02:00",
        "2026-11-01 10:00:00",
        "2026-11-01T10:00:00.000000000Z",
        1793527200,
        1793527200.0,
        1793527200000,
        1793527200000000,
        1793527200000000000,
        "1793527200",
    ],
)
def test_spellings_of_one_time(tmp_path: Path, ts: Any) -> None:
    """RFC 3339 with any offset or none, and numbers in any unit, are the same moment."""
    got = read_rows(tmp_path, {"ts": ts})
    assert [row["ts"] for row in got.rows] == [datetime(2026, 11, 1, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": ...}, "missing:prompt"),
        ({"prompt": None}, "missing:prompt"),
        ({"exchange_id": ""}, "missing:exchange_id"),
        ({"account_id": ""}, "missing:account_id"),
        ({"model": ["m"]}, "bad_type:model"),
        ({"prompt": {"text": "x"}}, "bad_type:prompt"),
        ({"ts": True}, "bad_type:ts"),
        ({"ts": "yesterday"}, "bad_value:ts"),
        ({"ts": -5}, "bad_value:ts"),
        ({"ts": "9999-01-01T00:00:00Z"}, "bad_value:ts"),
        ({"ts": 1e300}, "bad_value:ts"),
    ],
)
def test_required_columns_name_their_reason(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    """A row without what is required is quarantined under the column and the kind of trouble."""
    got = read_rows(tmp_path, {}, change, {"exchange_id": "e2"})
    assert [row["exchange_id"] for row in got.rows] == ["e1", "e2"]
    assert got.reasons == {reason: 1}
    assert got.quarantined["line"].to_pylist() == [2]


def test_optional_columns_cost_only_their_value(tmp_path: Path) -> None:
    """What makes no sense in an optional column becomes null and is counted, the row stays."""
    bad = {
        "turns": 2**40,
        "max_tokens": "many",
        "temperature": [1],
        "thinking": "yes",
        "tools": "f",
        "status": 70_000,
        "headers": 5,
        "ip": {"v4": "1.2.3.4"},
    }
    got = read_rows(tmp_path, bad)
    assert all(got.rows[0][name] is None for name in bad)
    assert got.repaired == dict.fromkeys(bad, 1)


def test_values_are_taken_where_nothing_is_lost(tmp_path: Path) -> None:
    """Whole floats and digits for integers, integers for text, 0 and 1 for booleans."""
    got = read_rows(
        tmp_path,
        {
            "account_id": 17,
            "turns": 3.0,
            "max_tokens": "4096",
            "temperature": 1,
            "thinking": 1,
            "tools": ["f", None, "g"],
            "headers": {"X-Mixed": "A", "x-list": ["a", "b"], "x-n": 3},
            "unknown": {"ignored": True},
        },
    )
    row = got.rows[0]
    assert (row["account_id"], row["turns"], row["max_tokens"]) == ("17", 3, 4096)
    assert (row["temperature"], row["thinking"], row["tools"]) == (1.0, True, ["f", "g"])
    assert row["headers"] == [("x-mixed", "A"), ("x-list", "a, b"), ("x-n", "3")]
    assert got.repaired == {}


def test_credentials_are_never_kept(tmp_path: Path) -> None:
    """Headers that carry secrets are dropped, whatever their case, on both paths."""
    held = {"Authorization": "Bearer s", "X-API-Key": "k", "cookie": "c", "accept": "*/*"}
    for extra in ({}, {"turns": "x"}):
        got = read_rows(tmp_path, {"headers": held} | extra)
        assert got.rows[0]["headers"] == [("accept", "*/*")]


def test_text_that_is_no_unicode_does_not_hide_a_row(tmp_path: Path) -> None:
    """Lone surrogates, stray bytes and control characters are mended, and counted."""
    raw = json.dumps(ROW)
    lines = [
        raw.replace("hello", "a\\ud800b").encode(),
        raw.replace("hello", "a?b").encode().replace(b"a?b", b"a\xffb"),
        raw.replace("hello", "a?b").encode().replace(b"a?b", b"a\x01b"),
        raw.replace("hello", "a\\u0000b").encode(),
    ]
    got = read_text(tmp_path, b"\n".join(lines) + b"\n")
    assert [row["prompt"] for row in got.rows] == ["a\ufffdb", "a\ufffdb", "a\x01b", "a\0b"]
    assert got.repaired == {"utf8": 3}


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    """Anything else on a line is named for what it is; blank lines aren't rows."""
    deep = "[" * 100_000 + "]" * 100_000
    lines = ["5", '"text"', "[1]", "{", "", "  ", '{"a": ' + deep + "}", json.dumps(ROW)]
    got = read_text(tmp_path, "\ufeff" + "\r\n".join(lines) + '\r\n{"exchange_id": "e9", "ts')
    assert len(got.rows) == 1
    assert got.reasons == {"not_an_object": 3, "not_json": 1, "too_deep": 1, "truncated": 1}


def test_a_line_may_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line above the limit is quarantined, and its neighbours are kept."""
    row = json.dumps(ROW)
    huge = row.replace("hello", "x" * (17 << 20))
    got = read_text(tmp_path, f"{row}\n{huge}\n{row}\n")
    assert (len(got.rows), got.reasons) == (2, {"too_long": 1})
    assert got.quarantined["line"].to_pylist() == [2]
    got = read_text(tmp_path, huge)
    assert (len(got.rows), got.reasons) == (0, {"too_long": 1})


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_streams_that_break_off(tmp_path: Path, name: str) -> None:
    """What came before the break is kept; the break is one quarantined row."""
    log = make_exchanges(20_000)
    path = write_log(log, tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    got = gather(read_exchanges(path))
    assert got.kept.num_rows > 1000
    assert got.kept.equals(log.slice(0, got.kept.num_rows))
    assert sum(got.reasons.values()) == 1


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """After the first n rows come the rest, for every n that a chunk ended at."""
    log = make_exchanges(9000)
    path = write_log(log, tmp_path / "a.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"ex-000000500"', b'""'))
    chunks = list(read_exchanges(path))
    assert len(chunks) > 1
    done = 0
    for chunk in chunks:
        rest = gather(read_exchanges(path, done))
        assert rest.read == 9000 - done
        done += chunk.read
    assert gather(read_exchanges(path, done)).read == 0


def test_accounts(tmp_path: Path) -> None:
    """Accounts are read with the same care, in each form."""
    accounts = make_accounts(500)
    for name in ("accounts.parquet", "accounts.jsonl", "accounts.jsonl.gz"):
        got = gather(read_accounts(write_log(accounts, tmp_path / name)), ACCOUNTS)
        assert got.kept.equals(accounts)
    path = tmp_path / "accounts.jsonl"
    path.write_text('{"account_id": "a"}\n{"account_id": "b", "created_at": 1793527200}\n')
    got = gather(read_accounts(path), ACCOUNTS)
    assert got.reasons == {"missing:created_at": 1}
    assert got.kept["account_id"].to_pylist() == ["b"]
    assert got.kept.schema.equals(pa.schema(ACCOUNTS))
