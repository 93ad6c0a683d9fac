"""Which files a log consists of, and what each of them is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from stillwatch.errors import FormatUnknown, InputNotFound
from stillwatch.sources import Recognised, find_log, read_exchanges, recognise
from tests.sources.logs import make_accounts, make_exchanges, to_objects, write_log
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
