"""Which files a log consists of, and what each of them is."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.cli import options
from stillwatch.errors import FormatUnknown, InputNotFound
from stillwatch.sources import (
    FORMATS,
    REGISTRY,
    Format,
    Recognised,
    find_log,
    read_exchanges,
    recognise,
)
from stillwatch.sources.dialect import format_with
from stillwatch.sources.formats import Each
from stillwatch.tables import EXCHANGES
from tests.sources.logs import make_accounts, make_exchanges, to_lines, to_objects, write_log
from tests.sources.reading import gather


def test_a_log_folder(tmp_path: Path) -> None:
    """Exchanges, accounts, and nothing of the labels or of hidden files."""
    log = make_exchanges(10)
    days = [write_log(log, tmp_path / "exchanges" / name) for name in ("b.parquet", "a.jsonl.gz")]
    accounts = write_log(make_accounts(3), tmp_path / "accounts.parquet")
    write_log(log, tmp_path / "labels" / "exchanges.parquet")
    write_log(log, tmp_path / "exchanges" / ".tmp.parquet")
    (tmp_path / "world.json").write_text("{}")
    (tmp_path / "exchanges" / "README.md").write_text("notes")
    found = find_log([tmp_path])
    assert found.exchanges == sorted(days)
    assert found.accounts == [accounts]


def test_any_folder_and_single_files(tmp_path: Path) -> None:
    """Without exchanges/ every data file counts; a file may be named by itself, once or twice."""
    log = make_exchanges(10)
    one = write_log(log, tmp_path / "deep" / "er" / "x.jsonl.zst")
    two = write_log(log, tmp_path / "y.json")
    assert find_log([tmp_path]).exchanges == [one, two]
    assert find_log([two, two]).exchanges == [two]
    accounts = write_log(make_accounts(3), tmp_path / "accounts.jsonl")
    assert find_log([accounts, two]).accounts == [accounts]


def test_names_that_say_nothing(tmp_path: Path) -> None:
    """Exporters call files by numbers and streams: JSON in them is read, anything else isn't."""
    lines = to_lines(make_exchanges(4))
    (tmp_path / "000000.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "stream-1-2026-02-03-5f0e").write_bytes(b"\n [" + lines.replace(b"\n", b",\n"))
    (tmp_path / "LICENSE").write_text("Anybody may")
    (tmp_path / "empty").touch()
    (tmp_path / "notes.md").write_bytes(lines)
    found = find_log([tmp_path]).exchanges
    assert [path.name for path in found] == ["000000.gz", "stream-1-2026-02-03-5f0e"]
    assert sum(chunk.kept.num_rows for chunk in read_exchanges(found[0])) == 4


def test_paths_that_hold_nothing(tmp_path: Path) -> None:
    """A missing path and an empty folder are told apart from an empty log, and named."""
    with pytest.raises(InputNotFound, match="doesn't exist"):
        find_log([tmp_path / "nowhere"])
    with pytest.raises(InputNotFound, match=r"holds no \.parquet"):
        find_log([tmp_path])


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    """A misnamed file is read as what it is."""
    log = make_exchanges(20)
    parquet = write_log(log, tmp_path / "x.parquet").rename(tmp_path / "x.jsonl")
    packed = write_log(log, tmp_path / "y.jsonl.gz").rename(tmp_path / "y.jsonl")
    assert recognise(parquet) == Recognised("contract", "parquet")
    assert recognise(packed) == Recognised("contract", "lines")
    for path in (parquet, packed):
        assert gather(read_exchanges(path)).kept.equals(log)


def test_litellm_is_known_by_its_keys(tmp_path: Path) -> None:
    """Two of the payload's own keys tell, however it is laid out or packed."""
    payload = {"litellm_call_id": "x", "startTime": 1.0, "messages": []}
    path = tmp_path / "a"
    for text, layout in (
        (json.dumps(payload), "lines"),
        (json.dumps([payload]) + "\n", "line_arrays"),
        (json.dumps([payload]), "objects"),
        (json.dumps([payload], indent=2), "objects"),
    ):
        for data in (text.encode(), gzip.compress(text.encode())):
            path.write_bytes(data)
            assert recognise(path) == Recognised("litellm", layout)


def test_what_nobody_knows(tmp_path: Path) -> None:
    """Bytes of no format are one quarantined row, an empty file is none."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"\x00\x01\x02 something else")
    assert recognise(path) is None
    with pytest.raises(FormatUnknown, match="neither Parquet, JSON nor CSV"):
        find_log([path])
    assert gather(read_exchanges(path)).reasons == {"unrecognised": 1}
    path.write_bytes(b"")
    assert gather(read_exchanges(path)).read == 0
    named = tmp_path / "a.jsonl"
    named.write_bytes(b"\x00\x01\n\x02\n")
    assert gather(read_exchanges(named)).reasons == {"not_json": 2}


def test_a_format_may_be_asked_for(tmp_path: Path) -> None:
    """`contract` reads payload-like lines as rows; an unknown format is refused with the list."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"litellm_call_id": "x", "startTime": 1.0}\n')
    assert gather(read_exchanges(path, format="contract")).reasons == {"missing:exchange_id": 1}
    assert gather(read_exchanges(path)).reasons == {"missing:account_id": 1}
    with pytest.raises(FormatUnknown, match="auto, contract, litellm"):
        list(read_exchanges(path, format="csv"))
    parquet = write_log(make_exchanges(5), tmp_path / "a.parquet")
    assert gather(read_exchanges(parquet, format="litellm")).reasons == {"missing:exchange_id": 5}


def test_a_client_cannot_choose_the_format(tmp_path: Path) -> None:
    """Keys that a client sent, inside headers or tools, don't make a log another logger's."""
    rows = to_objects(make_exchanges(3))
    for row in rows:
        row["ts"] = str(row["ts"])
        row["headers"] = {"litellm_call_id": "x", "startTime": "1", "model_group": "m"}
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"headers": r.pop("headers"), **r}) + "\n" for r in rows))
    assert recognise(path) == Recognised("contract", "lines")
    payload = {
        "metadata": {"exchange_id": "e", "account_id": "a"},
        "litellm_call_id": "x",
        "startTime": 1.0,
    }
    for text in (json.dumps(payload), json.dumps([payload], indent=1)):
        path.write_text(text)
        found = recognise(path)
        assert found is not None
        assert found.format == "litellm"


def test_a_damaged_start_does_not_cost_the_file(tmp_path: Path) -> None:
    """Where the first line is broken, the next ones tell."""
    payload = json.dumps({"litellm_call_id": "x", "startTime": 1.0})
    path = tmp_path / "a.jsonl"
    for first in (
        payload[1:],
        payload[:9] + payload[10:],
        "\x00\x01",
        payload[: len(payload) // 2],
    ):
        path.write_text(f"{first}\n{payload}\n{payload}\n")
        found = recognise(path)
        assert found is not None
        assert found.format == "litellm"


def test_the_command_line_knows_every_format() -> None:
    """The names in `--help`, which load nothing, are those of the registry."""
    assert options.FORMATS == FORMATS
    assert len(set(FORMATS)) == len(FORMATS)


@pytest.mark.parametrize("format", REGISTRY, ids=lambda format: format.name)
def test_what_a_format_says_of_itself(format: Format) -> None:
    """It fills columns of the contract, or only says more of others' rows; its keys tell it."""
    assert format.columns <= set(EXCHANGES.names)
    assert {"exchange_id", "ts", "account_id", "model"} <= format.columns or not format.columns
    assert format_with(format.keys) is format
    assert 1 <= format.needed <= len(format.keys)


def test_csv_is_read_by_its_header(tmp_path: Path) -> None:
    """Line breaks and quotes in fields, a byte order mark, semicolons; faults cost their line."""
    rows = [
        ["e1", "2026-11-01T12:00:00Z", "a", "m", 'two\nlines, "quoted"'],
        ["e2", "1793527200", "b", "m", "plain"],
    ]
    for separator in (",", ";", "\t"):
        out = io.StringIO()
        writer = csv.writer(out, delimiter=separator)
        writer.writerow(["exchange_id", "ts", "account_id", "model", "prompt"])
        writer.writerows(rows)
        writer.writerow(["e3", "1793527200"])
        writer.writerow(["e4", "never", "b", "m", "plain"])
        path = tmp_path / "a.csv"
        path.write_text("\ufeff" + out.getvalue() + "\n", newline="")
        assert recognise(path) == Recognised("contract", "csv")
        got = gather(read_exchanges(path))
        assert got.kept["prompt"].to_pylist() == ['two\nlines, "quoted"', "plain"]
        assert [(q["line"], q["reason"]) for q in got.quarantined.to_pylist()] == [
            (5, "wrong_width"),
            (6, "bad_value:ts"),
        ]


def test_a_table_is_told_by_its_columns(tmp_path: Path) -> None:
    """Parquet of another software's columns is that software's; numbers, bytes and times fit."""
    payload = {
        "litellm_call_id": ["c1", None],
        "model_group": ["m", "m"],
        "startTime": [1793527200.5, 1793527201.0],
        "messages": ["hello", "hello"],
        "metadata": [{"user_api_key_user_id": "u"}] * 2,
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(payload), path)
    assert recognise(path) == Recognised("litellm", "parquet")
    got = gather(read_exchanges(path))
    assert [(row["exchange_id"], row["account_id"]) for row in got.rows] == [("c1", "u")]
    assert got.quarantined.to_pylist()[0]["line"] == 2


def test_a_mixed_folder(tmp_path: Path) -> None:
    """Formats stand side by side, packed and rotated; each file is read as what it is."""
    payload = {
        "litellm_call_id": "c1",
        "startTime": 1793527200,
        "model_group": "m",
        "messages": "hello",
        "metadata": {"user_api_key_user_id": "u"},
    }
    write_log(make_exchanges(5), tmp_path / "a.jsonl.zst")
    write_log(make_exchanges(5, first=5), tmp_path / "b.parquet")
    (tmp_path / "gateway.log.1").write_text(json.dumps(payload) + "\n")
    (tmp_path / "notes.md").write_text("# notes")
    found = find_log([tmp_path]).exchanges
    assert [path.name for path in found] == ["a.jsonl.zst", "b.parquet", "gateway.log.1"]
    assert [gather(read_exchanges(path)).kept.num_rows for path in found] == [5, 5, 1]


def test_a_fault_of_ours_costs_one_record(tmp_path: Path) -> None:
    """Where a format's own code fails on a record, the others are read."""

    def stumble(payload: dict[str, Any]) -> dict[str, Any]:
        return payload if payload["exchange_id"] != "ex-000000002" else payload["nowhere"]

    path = write_log(make_exchanges(5), tmp_path / "a.jsonl")
    clumsy = Format("clumsy", "", frozenset(), frozenset(), lambda around: Each(stumble))
    got = gather(read_exchanges(path, format=clumsy))
    assert got.kept.num_rows == 4
    assert got.reasons == {"failed": 1}


def test_what_is_not_an_exchange_is_told_together(tmp_path: Path) -> None:
    """A million other spans are a count, not a million entries; so are a million bad lines."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}\n' * 3000)
    got = gather(read_exchanges(path))
    assert got.reasons == {"not_an_exchange": 3000}
    assert got.quarantined.num_rows == 1
    path.write_text("{}\n" * 3000)
    got = gather(read_exchanges(path))
    assert got.reasons == {"missing:exchange_id": 3000}
    assert got.quarantined.num_rows == 1001
