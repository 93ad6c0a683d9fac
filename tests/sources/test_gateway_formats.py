"""Every gateway's format: what was written comes back, and whatever else stands there is told."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.sources import read_exchanges, recognise
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.formats import Around, format_named
from stillwatch.sources.reasons import Refused
from stillwatch.tables import EXCHANGES
from tests.sources.logs import make_exchanges
from tests.sources.reading import Reading, gather
from tests.sources.writers import WRITERS

Row = dict[str, Any]

_IDS_OF_THEIR_OWN = ("otel", "envoy")
_ONE_SURFACE = frozenset(WRITERS) - {"native"}


def through(name: str, payloads: list[Row]) -> Reading:
    """What records of format `name` read as, without a file."""
    reader = format_named(name).reader(Around())
    builder = ChunkBuilder("f", EXCHANGES)

    def take(rows: Any) -> None:
        for row in rows:
            if isinstance(row, Refused):
                builder.refuse(1, row.reason, None, row.rows)
            else:
                builder.add(1, row, None)

    for payload in payloads:
        try:
            take(reader.add(msgspec.json.decode(msgspec.json.encode(payload))))
        except Refused as fault:
            take([fault])
    take(reader.finish())
    return gather([builder.chunk(0)])


def same(name: str, written: list[Row], read: list[Row]) -> None:
    """Assert that what the format can carry came back, row for row."""
    columns = format_named(name).columns - {"exchange_id", "headers", "tools_digest"}
    if name in _ONE_SURFACE:
        columns -= {"surface"}
    assert len(read) == len(written)
    digests: dict[str, str] = {}
    for was, came in zip(written, read, strict=True):
        said = {column: was[column] for column in columns if was[column] not in (None, [])}
        assert {column: came[column] for column in said} == said
        if name not in _IDS_OF_THEIR_OWN:
            assert came["exchange_id"] == was["exchange_id"]
        if "headers" in format_named(name).columns:
            kept = {k: v for k, v in was["headers"] or () if k.startswith("x-") and v is not None}
            assert kept.items() <= dict(came["headers"] or ()).items()
        if was["tools"] and "tools" in columns:
            tools = f"{was['tools']} {was['tools_digest']}"
            assert digests.setdefault(tools, came["tools_digest"]) == came["tools_digest"]
    assert len(set(digests.values())) == len(digests)


@pytest.mark.parametrize("name", WRITERS)
def test_a_log_written_in_a_format_reads_as_it_was(tmp_path: Path, name: str) -> None:
    """Recognised without being told, all rows, all columns that the format can carry."""
    rows = make_exchanges(300).to_pylist()
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(p) + b"\n" for p in WRITERS[name](rows)))
    found = recognise(path)
    assert found is not None
    assert found.format == name
    got = gather(read_exchanges(path))
    assert (got.reasons, got.repaired) == ({}, {})
    same(name, rows, got.rows)
    assert len({row["exchange_id"] for row in got.rows}) == len(rows)


TEXT = st.text(max_size=40)
NAME = st.text("abcXYZ019-_.é漢", min_size=1, max_size=8).filter(lambda name: name != "-")
"""A dash alone is how Envoy says that nothing is known."""
COUNT = st.integers(0, 2**31 - 1)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Absent half of the time."""
    return st.none() | strategy


ROWS = st.fixed_dictionaries(
    {
        "exchange_id": NAME,
        "ts": TIMES,
        "account_id": NAME,
        "org_id": maybe(NAME),
        "key_id": maybe(NAME),
        "conversation_id": maybe(NAME),
        "end_user": maybe(NAME),
        "surface": st.sampled_from(["api", "app"]),
        "model": NAME,
        "system": maybe(TEXT.filter(bool)),
        "prompt": TEXT,
        "turns": maybe(st.integers(1, 6)),
        "tools": maybe(st.lists(NAME, min_size=1, max_size=3, unique=True)),
        "tools_digest": maybe(NAME),
        "max_tokens": maybe(st.integers(1, 2**31 - 1)),
        "temperature": maybe(st.sampled_from([0.0, 0.25, 1.0])),
        "thinking": maybe(st.booleans()),
        "response": maybe(TEXT),
        "stop_reason": maybe(NAME),
        "input_tokens": maybe(COUNT),
        "output_tokens": maybe(COUNT),
        "reasoning_tokens": maybe(COUNT),
        "cached_tokens": maybe(COUNT),
        "status": maybe(st.integers(200, 599)),
        "latency_ms": maybe(st.integers(0, 10**6)),
        "ip": maybe(st.sampled_from(["203.0.113.9", "2001:db8::1"])),
        "asn": st.none(),
        "country": maybe(st.sampled_from(["DE", "US"])),
        "user_agent": maybe(NAME),
        "ja4": maybe(NAME),
        "device_id": maybe(NAME),
        "headers": maybe(st.dictionaries(st.sampled_from(["x-a", "x-b"]), NAME)).map(
            lambda held: None if held is None else list(held.items())
        ),
    }
)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=4))
def test_whatever_a_format_allows_reads(name: str, rows: list[Row]) -> None:
    """Texts of any kind, absent values in any mix: nothing is refused and nothing is changed."""
    got = through(name, list(WRITERS[name](rows)))
    assert got.reasons == {}
    same(name, rows, got.rows)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["{", "[", '{"a": 1}', "[[]]", "data: {}", "-", "GENERATION"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["type", "content", "role", "index", "data"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a payload."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += spots(inner, (*path, step))
    return found


SAMPLES = {name: list(write(make_exchanges(3, 5).to_pylist())) for name, write in WRITERS.items()}


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_whatever_else_stands_there_is_kept_or_told(name: str, data: st.DataObject) -> None:
    """Anything anywhere in a record: as many rows and refusals come out as records went in."""
    payloads = copy.deepcopy(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        payload = data.draw(st.sampled_from(payloads))
        path = data.draw(st.sampled_from(spots(payload) or [("x",)]))
        holder: Any = payload
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = data.draw(JSON)
    got = through(name, payloads)
    assert "failed" not in got.reasons
    assert got.read == 3 if name != "otel" else got.read <= 3
