"""Mapping files: what they say is done, and all that is wrong with one is told at once."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import MappingInvalid
from stillwatch.sources import read_exchanges
from stillwatch.sources.mapping_file import load_mapping, parse_mapping
from stillwatch.sources.paths import find, parse_path, path_text
from tests.sources.reading import Reading, gather

WHEN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
REST = """
account_id = "user"
model = {value = "m"}
prompt = "text"
"""


def read(tmp_path: Path, mapping: str, *records: Any) -> Reading:
    """What a mapping makes of some JSON lines."""
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return gather(read_exchanges(path, format=parse_mapping(mapping).format()))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ('{path = "t", unit = "ms"}', WHEN.timestamp() * 1000),
        ('{path = "t", unit = "ns"}', WHEN.timestamp() * 1e9),
        ('{path = "t", unit = "s"}', str(WHEN.timestamp())),
        ('{path = "t", format = "%d/%b/%Y:%H:%M:%S %z"}', "01/Nov/2026:13:00:00 +0100"),
        ('{path = "t", format = "%d.%m.%Y %H:%M"}', "01.11.2026 12:00"),
        ('["nowhere", "t"]', WHEN.isoformat()),
        ('"t"', WHEN.timestamp()),
    ],
)
def test_times(tmp_path: Path, entry: str, value: Any) -> None:
    """Units, formats and alternatives all give the same moment."""
    mapping = f'[columns]\nexchange_id = "id"\nts = {entry}{REST}'
    got = read(tmp_path, mapping, {"id": 1, "t": value, "user": "u", "text": "hello"})
    assert [(row["exchange_id"], row["ts"]) for row in got.rows] == [("1", WHEN)]


def test_a_small_unit_is_taken_at_its_word(tmp_path: Path) -> None:
    """Early microseconds are not guessed to be milliseconds."""
    mapping = f'[columns]\nexchange_id = "id"\nts = {{path = "t", unit = "us"}}{REST}'
    got = read(tmp_path, mapping, {"id": 1, "t": 90_000_000_000_000, "user": "u", "text": "x"})
    assert got.rows[0]["ts"] == dt.datetime(1972, 11, 7, 16, tzinfo=dt.UTC)


def test_columns_of_all_sorts(tmp_path: Path) -> None:
    """Lists of messages, tools, splits, constants, durations, and JSON kept as text."""
    mapping = """
    [columns]
    exchange_id = {digest = ["when", "who"]}
    ts = "when"
    account_id = "who['the.name']"
    model = "call.model"
    prompt = {path = "call.chat", take = "last_user"}
    system = {path = "call.chat", take = "system"}
    turns = {path = "call.chat", take = "turns"}
    tools = {path = "call.tools", take = "tool_names"}
    surface = {value = "shop"}
    ip = {path = "via", split = ",", at = -1}
    latency_ms = {from = "when", to = "until"}
    response = "answers[*].text"
    """
    chat = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "what is it?"}]},
        {"role": "assistant", "content": "well"},
    ]
    call = {"model": "m-1", "chat": chat, "tools": [{"function": {"name": "search"}}]}
    record = {
        "when": WHEN.isoformat(),
        "until": WHEN.timestamp() + 1.5,
        "who": {"the.name": "u1"},
        "call": json.dumps(call),
        "via": "198.51.100.7, 203.0.113.9",
        "answers": [{"text": "one"}],
    }
    got = read(tmp_path, mapping, record, record | {"who": {"the.name": "u2"}})
    assert got.repaired == {"response": 2}
    row, other = got.rows
    assert row["exchange_id"] != other["exchange_id"]
    assert (row["prompt"], row["system"], row["turns"]) == ("what is it?", "be brief", 3)
    assert (row["tools"], row["surface"], row["ip"]) == (["search"], "shop", "203.0.113.9")
    assert (row["latency_ms"], row["model"]) == (1500, "m-1")


def test_bodies_and_several_records_a_document(tmp_path: Path) -> None:
    """A body fills its columns by itself, a column's own entry goes before it."""
    mapping = """
    records = "data.events[*]"
    request = "req"
    response = "res"
    [columns]
    exchange_id = "id"
    ts = "t"
    account_id = "req.user"
    model = ["deployed", "req.model"]
    """
    event = {
        "id": "e",
        "t": 1_793_527_200,
        "req": {"model": "m", "user": "u", "messages": [{"role": "user", "content": "hi"}]},
        "res": {"choices": [{"message": {"content": "ho"}}], "usage": {"prompt_tokens": 3}},
    }
    other = event | {"id": "f", "deployed": "m-2"}
    got = read(tmp_path, mapping, {"data": {"events": [event, other, {"id": "g"}]}}, {"ping": 1})
    assert [(r["exchange_id"], r["model"], r["prompt"], r["response"]) for r in got.rows] == [
        ("e", "m", "hi", "ho"),
        ("f", "m-2", "hi", "ho"),
    ]
    assert [r["input_tokens"] for r in got.rows] == [3, 3]
    assert got.reasons == {"missing:ts": 1, "not_an_exchange": 1}


def test_all_faults_at_once(tmp_path: Path) -> None:
    """Each fault says where it is and what could be meant."""
    with pytest.raises(MappingInvalid) as told:
        parse_mapping(
            """
            recrods = "a"
            request = 5
            [columns]
            acount_id = "u"
            ts = {path = "t", unit = "days"}
            prompt = {path = "a..b", take = "last_usr"}
            model = {value = "m", path = "m"}
            ip = {path = "ip", split = ","}
            user_agent = {path = "ua", unit = "s"}
            org_id = []
            """
        )
    faults = "\n".join(told.value.faults)
    for part in (
        "recrods: not known at the top; did you mean records?",
        "request: must be a path",
        "columns.acount_id: no such column; did you mean account_id?",
        "columns.ts.unit",
        "columns.prompt.take: no such; did you mean last_user?",
        "columns.prompt: 'a..b' is no path from character 2 on",
        "columns.model: needs one of",
        "columns.ip: split",
        "columns.user_agent.unit",
        "columns.org_id: names no path",
        "columns.exchange_id: is required",
        "columns.account_id: is required",
    ):
        assert part in faults
    assert told.value.exit_code == 23
    for text in ("a = ", "[columns]\na = 1\na = 2"):
        with pytest.raises(MappingInvalid, match="is no TOML"):
            parse_mapping(text)
    with pytest.raises(MappingInvalid, match="can't be read"):
        load_mapping(tmp_path / "nowhere.toml")


names = st.text(min_size=1).filter(lambda name: not ('"' in name and "'" in name))
steps = st.one_of(names, st.integers(-99, 99), st.just(("*",)))


@given(st.lists(steps, min_size=1, max_size=6))
def test_paths_are_read_as_they_are_written(path: list[Any]) -> None:
    """Whatever a name holds, a path's text leads to the same place."""
    assert parse_path(path_text(tuple(path))) == tuple(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.lists(names | st.integers(-5, 5), min_size=1, max_size=4))
def test_a_path_is_its_steps_one_after_another(value: Any, path: list[Any]) -> None:
    """Any path into anything gives what is there, or nothing, and never fails."""
    found = value
    for step in path:
        found = find(found, (step,))
    assert repr(find(value, tuple(path))) == repr(found)
    if isinstance(value, list):
        each = [item for item in (find(item, tuple(path)) for item in value) if item is not None]
        assert repr(find(value, (("*",), *path))) == repr(each)


@settings(max_examples=60, deadline=None)
@given(json_values)
def test_any_value_in_any_mapped_place(value: Any) -> None:
    """Whatever stands at a mapped path, the record is a row or has its reason."""
    mapping = parse_mapping(
        """
        request = "a"
        response = "a"
        [columns]
        exchange_id = {digest = ["a"]}
        ts = {path = "a", unit = "ms"}
        account_id = "a"
        model = {path = "a", split = ",", at = 0}
        prompt = {path = "a", take = "last_user"}
        system = {path = "a", take = "system"}
        tools = {path = "a", take = "tool_names"}
        tools_digest = {path = "a", take = "tools_digest"}
        thinking = {path = "a", take = "thinking"}
        response = {path = "a", take = "response"}
        stop_reason = {path = "a", take = "stop_reason"}
        turns = {path = "a", take = "turns"}
        country = {path = "a", take = "text"}
        latency_ms = {from = "a", to = "a"}
        """
    )
    rows = mapping.rows({"a": value})
    assert len(rows) == 1
