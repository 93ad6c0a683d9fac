"""LiteLLM payloads: captured ones field by field, other shapes by rule, mutated ones unharmed."""

from __future__ import annotations

import copy
import gc
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.sources import read_exchanges, recognise
from stillwatch.sources.addresses import FORWARDED, MARK
from stillwatch.sources.builder import ChunkBuilder
from stillwatch.sources.litellm import SYSTEM_KEY, payload_to_row
from stillwatch.sources.python_repr import parse_repr
from stillwatch.sources.reasons import Refused
from stillwatch.tables import EXCHANGES
from tests.sources.reading import Reading, gather

CAPTURED = (
    Path(__file__).parents[3] / "shared/samples/litellm_1.106.2_standard_logging_payloads.json"
)
captured = pytest.mark.skipif(not CAPTURED.exists(), reason="captured payloads are not here")

PAYLOAD: dict[str, Any] = {
    "id": "chatcmpl-1",
    "litellm_call_id": "call-1",
    "session_id": "s-1",
    "call_type": "acompletion",
    "status": "success",
    "startTime": 1795422043.780889,
    "endTime": 1795422044.280889,
    "model": "openai/gpt-x",
    "model_group": "m1",
    "end_user": "u1",
    "requester_ip_address": "203.0.113.9",
    "user_agent": "OpenAI/Python 3.5",
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "metadata": {
        "user_api_key_hash": "hash-1",
        "user_api_key_user_id": "user-1",
        "user_api_key_team_id": "team-1",
        "user_api_key_org_id": None,
        "requester_metadata": {"headers": {"Host": "h", "user-agent": "x", "authorization": "s"}},
        "requester_custom_headers": {"X-Stainless-Lang": "python"},
        "usage_object": {
            "completion_tokens_details": {"reasoning_tokens": 7},
            "prompt_tokens_details": {"cached_tokens": 3},
        },
    },
    "messages": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ],
    "model_parameters": {
        "max_tokens": 512,
        "temperature": 0.25,
        "reasoning_effort": "high",
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {}}},
            {"name": "g", "input_schema": {}},
            {"type": "web_search_20250305"},
        ],
    },
    "response": {
        "choices": [
            {"finish_reason": "length", "message": {"content": "hello", "role": "assistant"}}
        ]
    },
}


def changed(**changes: Any) -> dict[str, Any]:
    """The payload with some parts replaced; `metadata__x` reaches inside."""
    payload = copy.deepcopy(PAYLOAD)
    for name, value in changes.items():
        *outer, last = name.split("__")
        holder = payload
        for step in outer:
            holder = holder[step]
        holder[last] = value
    return payload


def read_payloads(folder: Path, *payloads: dict[str, Any]) -> Reading:
    """What a file of these payloads reads as."""
    path = folder / "log.json"
    path.write_text(json.dumps(payloads))
    return gather(read_exchanges(path))


def row_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """The one row of a changed payload."""
    return read_payloads(folder, changed(**changes)).rows[0]


@captured
def test_captured_payloads_field_by_field() -> None:
    """Four real captures: a success with a tool, a block, a throttling, an Anthropic call."""
    got = gather(read_exchanges(CAPTURED))
    assert (got.read, got.reasons, got.repaired) == (4, {}, {})
    rows = got.rows
    assert [row["exchange_id"] for row in rows] == [
        "2db1b52c-20e3-425b-a72f-41967aa5e08a",
        "4d069605-548c-42d1-97e2-233cae0606fc",
        "022ef70e-00d1-490f-8e9c-83fb4c0aa4c0",
        "7a0f57f5-0604-4fff-b8f9-606ebe57954a",
    ]
    assert [row["status"] for row in rows] == [200, 400, 429, 200]
    assert [row["prompt"] for row in rows] == ["hi", "BLOCKME", "SLOWME", "yo"]
    assert [row["system"] for row in rows] == ["S", None, None, None]
    assert [row["turns"] for row in rows] == [2, 1, 1, 1]
    assert [row["tools"] for row in rows] == [["f"], None, None, None]
    assert [row["response"] for row in rows] == ["hello there", None, None, "hello there"]
    assert [row["stop_reason"] for row in rows] == ["stop", None, None, "stop"]
    assert [row["end_user"] for row in rows] == ["u1", None, None, "u9"]
    assert [row["input_tokens"] for row in rows] == [10, 0, 0, 2095]
    assert [row["output_tokens"] for row in rows] == [20, 0, 0, 503]
    assert [row["reasoning_tokens"] for row in rows] == [None, None, None, 0]
    assert [row["latency_ms"] for row in rows] == [20, 6, 2, 1]
    assert [row["ip"] for row in rows] == ["203.0.113.9"] * 3 + ["127.0.0.1"]
    assert [row["user_agent"] for row in rows] == ["OpenAI/Python 3.5"] * 3 + ["curl/7.88.1"]
    first = rows[0]
    assert first["ts"] == datetime(2026, 11, 23, 8, 20, 43, 780889, tzinfo=UTC)
    assert first["account_id"] == first["key_id"] == "litellm_proxy_master_key"
    assert (first["model"], first["surface"], first["conversation_id"]) == ("m1", "api", None)
    assert ("x-stainless-lang", "python") in first["headers"]
    assert len(first["tools_digest"]) == 32


@captured
def test_captured_payloads_in_every_layout(tmp_path: Path) -> None:
    """Array, lines, lines of arrays, pretty-printed or not, compressed: the same rows."""
    payloads = json.loads(CAPTURED.read_text())
    expected = gather(read_exchanges(CAPTURED)).kept
    one = [json.dumps(p).encode() for p in payloads]
    layouts = {
        "a.json": b"[" + b", ".join(one) + b"]",
        "b.jsonl": b"\n".join(one) + b"\n",
        "c.jsonl": b"[" + b",".join(one[:2]) + b"]\n" + one[2] + b"\n[" + one[3] + b"]\n",
        "d.json": b"\n".join(json.dumps(p, indent=2).encode() for p in payloads),
        "e.json": b"[" + b",\n".join(one) + b"]",
        "f.json.zst": zstandard.compress(json.dumps(payloads, indent=4).encode()),
        "unnamed": b"[" + b"][".join(one) + b"]",
    }
    for name, data in layouts.items():
        path = tmp_path / name
        path.write_bytes(data)
        found = recognise(path)
        assert found is not None, name
        assert found.format == "litellm", name
        assert gather(read_exchanges(path)).kept.equals(expected), name


def test_fields_by_rule(tmp_path: Path) -> None:
    """What each column is taken from."""
    row = row_of(tmp_path)
    expected = {
        "exchange_id": "call-1",
        "account_id": "user-1",
        "key_id": "hash-1",
        "org_id": "team-1",
        "conversation_id": "s-1",
        "model": "m1",
        "system": "S",
        "prompt": "a\n\nb",
        "turns": 4,
        "tools": ["f", "g", "web_search_20250305"],
        "max_tokens": 512,
        "temperature": 0.25,
        "thinking": True,
        "response": "hello",
        "stop_reason": "length",
        "reasoning_tokens": 7,
        "cached_tokens": 3,
        "status": 200,
        "latency_ms": 500,
        "headers": [("host", "h"), ("x-stainless-lang", "python")],
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({"metadata__user_api_key_user_id": "default_user_id"}, "hash-1"),
        ({"metadata__user_api_key_user_id": ""}, "hash-1"),
        ({"metadata__user_api_key_user_id": None, "metadata__user_api_key_hash": ""}, "team-1"),
    ],
)
def test_the_account_is_who_can_be_acted_on(
    tmp_path: Path, changes: dict[str, Any], account: str
) -> None:
    """The key's user, else the key, else its team; the stand-in user is nobody."""
    assert row_of(tmp_path, **changes)["account_id"] == account


def test_nobody_to_act_on(tmp_path: Path) -> None:
    """Without any principal a payload is quarantined, not given to an invented account."""
    got = read_payloads(tmp_path, changed(metadata={}), changed(metadata=None))
    assert got.reasons == {"missing:account_id": 2}


def test_an_id_that_the_client_chose_hides_nothing(tmp_path: Path) -> None:
    """Repeating one x-litellm-call-id doesn't make many exchanges one."""
    chosen = {"metadata__requester_custom_headers": {"X-LiteLLM-Call-Id": "call-1"}}
    got = read_payloads(
        tmp_path, changed(**chosen), changed(**chosen, startTime=1795422050.5), changed()
    )
    ids = [row["exchange_id"] for row in got.rows]
    assert ids == ["call-1@1795422043780889", "call-1@1795422050500000", "call-1"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"error_information": {"error_code": "529"}}, 529),
        ({"error_information": {"error_code": "", "normalized_error": "429_RATE"}}, 429),
        ({"error_str": "403: no"}, 403),
        ({"status_fields": {"guardrail_status": "guardrail_intervened"}}, 400),
        ({}, 500),
    ],
)
def test_status_of_failures(tmp_path: Path, changes: dict[str, Any], status: int) -> None:
    """The error's code, else what a guardrail's block means, else 500."""
    assert row_of(tmp_path, status="failure", **changes)["status"] == status


@pytest.mark.parametrize(
    ("messages", "prompt", "turns"),
    [
        ("plain", "plain", None),
        (None, "", None),
        ([], "", 0),
        ([{"role": "system", "content": "x"}], "", 1),
        (
            [
                {"role": "user", "content": "task"},
                {"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]},
                {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
            ],
            "task",
            3,
        ),
        ([{"role": "user", "content": [{"type": "tool_result", "content": "42"}]}], "42", 1),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {}},
                        {"type": "text", "text": "?"},
                    ],
                }
            ],
            "?",
            1,
        ),
    ],
)
def test_the_prompt_is_the_last_user_turn(
    tmp_path: Path, messages: Any, prompt: str, turns: int | None
) -> None:
    """In every shape of messages; tool results stand in only where no user turn has text."""
    row = row_of(tmp_path, messages=messages)
    assert (row["prompt"], row["turns"]) == (prompt, turns)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}]}, "x"),
        ({"choices": [{"text": "completion"}]}, "completion"),
        ({"output": [{"content": [{"type": "output_text", "text": "r"}]}]}, "r"),
        ("{'choices': [{'message': {'content': 'it\\'s \"so\"', 'n': None}}]}", 'it\'s "so"'),
        ('{"content": "json"}', "json"),
        ("just text", "just text"),
        ("{'broken': ", "{'broken': "),
        ({}, None),
        (None, None),
        (5, None),
    ],
)
def test_response_texts(tmp_path: Path, response: Any, text: str | None) -> None:
    """OpenAI's choices, Anthropic's blocks, printed dictionaries, or text as it stands."""
    assert row_of(tmp_path, response=response)["response"] == text


def test_tools_digest_knows_definitions_not_key_order(tmp_path: Path) -> None:
    """The same definitions give one digest; another schema under the same name gives another."""

    def digest(tool: dict[str, Any]) -> str:
        return row_of(tmp_path, model_parameters={"tools": [tool]})["tools_digest"]

    one = digest({"name": "f", "input_schema": {"a": 1, "b": 2}})
    assert one == digest({"input_schema": {"b": 2, "a": 1}, "name": "f"})
    assert one != digest({"name": "f", "input_schema": {"a": 1, "b": 3}})


@pytest.mark.parametrize(
    ("parameters", "thinking"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning": {"effort": "low"}}, True),
        ({}, None),
    ],
)
def test_thinking(tmp_path: Path, parameters: dict[str, Any], thinking: bool | None) -> None:
    """Asked for, refused, or not said."""
    assert row_of(tmp_path, model_parameters=parameters)["thinking"] is thinking


def test_one_damaged_payload_of_a_pretty_array_costs_one_row(tmp_path: Path) -> None:
    """An unbalanced quote or brace, or a cut, doesn't swallow the payloads after it."""
    payloads = [changed(litellm_call_id=f"c{i}") for i in range(30)]
    text = json.dumps(payloads, indent=1)
    for hurt in (
        text.replace('"c7"', '"c7'),
        text.replace('"c7",', '"c7", {'),
        text.replace('"c7",', '"c7"]}},'),
    ):
        path = tmp_path / "a.json"
        path.write_text(hurt)
        got = gather(read_exchanges(path))
        assert [row["exchange_id"] for row in got.rows] == [f"c{i}" for i in range(30) if i != 7]
        assert got.reasons == {"not_json": 1}
    path.write_text(text[: len(text) - 100])
    got = gather(read_exchanges(path))
    assert (len(got.rows), got.reasons) == (29, {"truncated": 1})


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """After the first n payloads come the rest, in each layout."""
    payloads = [changed(litellm_call_id=f"c{i}", blob="x" * 20_000) for i in range(600)]
    for name, text in (
        ("a.json", json.dumps(payloads)),
        ("b.json", json.dumps(payloads, indent=1)),
        ("c.jsonl", "\n".join(map(json.dumps, payloads))),
    ):
        path = tmp_path / name
        path.write_text(text)
        done = 0
        for chunk in read_exchanges(path):
            assert gather(read_exchanges(path, done)).read == 600 - done
            done += chunk.read
        assert done == 600


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
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


SPOTS = spots(PAYLOAD)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SPOTS), JSON), min_size=1, max_size=5))
def test_mutated_payloads_are_kept_or_refused(mutations: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Whatever stands anywhere in a payload, it becomes one row or one refusal."""
    payload = copy.deepcopy(PAYLOAD)
    for path, value in mutations:
        holder: Any = payload
        try:
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    builder = ChunkBuilder("f", EXCHANGES)
    raw = msgspec.json.encode(payload)
    try:
        builder.add(1, payload_to_row(msgspec.json.decode(raw)), raw)
    except Refused as fault:
        builder.refuse(1, fault.reason, raw)
    assert gather([builder.chunk(0)]).read == 1


def test_damaged_bytes_of_payloads(tmp_path: Path) -> None:
    """Bits flipped anywhere in arrays and lines: no crash, and every row accounted for."""
    rng = random.Random(3)
    payloads = [changed(litellm_call_id=f"c{i}") for i in range(6)]
    texts = (
        json.dumps(payloads),
        json.dumps(payloads, indent=1),
        "\n".join(map(json.dumps, payloads)),
    )
    path = tmp_path / "a.json"
    for _ in range(60):
        for text in texts:
            data = bytearray(text.encode())
            for _ in range(rng.randint(1, 10)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            path.write_bytes(data)
            assert gather(read_exchanges(path, format="litellm")).read >= 1


def test_an_address_that_a_client_may_have_written_says_so(tmp_path: Path) -> None:
    """By a header that no client's own header passes for; of a list the last address is taken."""
    listed = "6.6.6.6, 203.0.113.9"
    given = {
        "requester_ip_address": listed,
        "metadata__requester_custom_headers": {"x-forwarded-for": listed},
    }
    row = row_of(tmp_path, **given)
    assert row["ip"] == "203.0.113.9"
    assert (MARK, FORWARDED) in row["headers"]
    own = {"metadata__requester_custom_headers": {MARK: "nothing"}}
    assert MARK not in dict(row_of(tmp_path, **own)["headers"])


def test_a_system_prompt_that_the_hook_kept(tmp_path: Path) -> None:
    """Stands in where the log has none, as text or as blocks."""
    for kept in ("SYS", [{"type": "text", "text": "SYS"}]):
        about = {"metadata__spend_logs_metadata": {SYSTEM_KEY: kept}}
        assert row_of(tmp_path, **about)["system"] == "S"
        row = row_of(tmp_path, **about, messages=[{"role": "user", "content": "x"}])
        assert row["system"] == "SYS"


def test_a_printed_dictionary_leaves_nothing_behind() -> None:
    """Without a search for cycles: a log may hold millions."""
    gc.collect()
    gc.disable()
    try:
        assert parse_repr("{'a': ['b', \"it's\"]}") == {"a": ["b", "it's"]}
        assert not gc.collect()
    finally:
        gc.enable()
