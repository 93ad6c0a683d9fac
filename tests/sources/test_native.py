"""Bodies of the model APIs: wrapped in each usual way, streamed or whole, and who called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.sources import read_exchanges
from stillwatch.sources.addresses import FORWARDED, MARK
from stillwatch.sources.native import payload_to_row
from stillwatch.sources.reasons import Refused
from tests.sources.reading import gather

Row = dict[str, Any]
SAMPLE = Path(__file__).parent / "samples/native.jsonl"
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_the_sample_field_by_field() -> None:
    """Anthropic's stream as text, OpenAI's chat in HTTP's clothes, responses as events."""
    got = gather(read_exchanges(SAMPLE))
    assert (got.reasons, got.repaired) == ({}, {})
    anthropic, chat, responses = got.rows
    expected = {
        "exchange_id": "req_011",
        "account_id": "org-77",
        "org_id": "org-77",
        "end_user": "claimed",
        "model": "claude-sonnet-4-5",
        "system": "Answer in German.",
        "prompt": "Explain tides.",
        "turns": 1,
        "tools": ["lookup"],
        "max_tokens": 1024,
        "thinking": True,
        "response": "Der Mond.",
        "stop_reason": "end_turn",
        "input_tokens": 25,
        "output_tokens": 15,
        "cached_tokens": 5,
        "status": 200,
        "latency_ms": 1500,
        "ip": "203.0.113.9",
        "user_agent": "Anthropic/Python 2.12.0",
        "headers": [("x-stainless-lang", "python")],
    }
    assert {name: anthropic[name] for name in expected} == expected
    expected = {
        "exchange_id": "req_oai",
        "account_id": "acct-1",
        "system": "Be brief.",
        "prompt": "Name a river.",
        "turns": 2,
        "thinking": True,
        "max_tokens": 300,
        "response": "The Loire.",
        "stop_reason": "stop",
        "input_tokens": 20,
        "reasoning_tokens": 2,
        "cached_tokens": 8,
        "status": 200,
        "ip": "203.0.113.10",
        "user_agent": "OpenAI/Python 3.54.0",
    }
    assert {name: chat[name] for name in expected} == expected
    assert (MARK, FORWARDED) in chat["headers"]
    expected = {
        "exchange_id": "resp_1",
        "account_id": "acct-2",
        "conversation_id": "conv_1",
        "system": "Be kind.",
        "prompt": "Name a prime.",
        "response": "Two is prime.",
        "stop_reason": "completed",
        "reasoning_tokens": 16,
        "max_tokens": 50,
        "thinking": True,
    }
    assert {name: responses[name] for name in expected} == expected
    assert responses["ts"].timestamp() == 1790900000


@pytest.mark.parametrize(
    "record",
    [
        {"request": BODY, "response": {"content": [{"type": "text", "text": "yo"}]}},
        {"request_body": json.dumps(BODY), "response_body": '{"choices": [{"text": "yo"}]}'},
        {
            "requestBody": BODY,
            "responseBody": ['data: {"choices": [{"delta": {"content": "yo"}}]}'],
        },
        {
            "request": {"headers": [["A", "b"]], "body": BODY},
            "response": {"body": {"content": "yo"}},
        },
    ],
)
def test_each_wrapping(record: Row) -> None:
    """Objects, JSON text, a stream's lines, HTTP's own shape: the same exchange."""
    row = payload_to_row(record | {"id": "1", "ts": 1790900000, "account": "a"})
    assert (row["model"], row["prompt"], row["response"]) == ("m", "hi", "yo")
    assert (row["account_id"], row["exchange_id"]) == ("a", "1")


def test_bare_bodies() -> None:
    """A request with who and when beside its own keys; a response, whose prompt nobody knows."""
    row = payload_to_row(BODY | {"timestamp": 1790900000, "user_id": "u", "request_id": "r"})
    assert (row["prompt"], row["account_id"], row["response"]) == ("hi", "u", None)
    row = payload_to_row({"id": "msg", "content": [{"type": "text", "text": "yo"}], "model": "m"})
    assert (row["prompt"], row["response"], row["account_id"]) == ("", "yo", None)


def test_nobody_becomes_an_account_by_claiming_it(tmp_path: Path) -> None:
    """What a body says of its user only makes the end user; without a principal it is refused."""
    claims = BODY | {"user": "admin", "metadata": {"user_id": "admin"}}
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"id": "1", "ts": 1, "request": claims, "response": {}}) + "\n")
    assert gather(read_exchanges(path)).reasons == {"missing:account_id": 1}
    row = payload_to_row({"request": claims, "response": {}, "tenant": "t"}, "tenant")
    assert (row["account_id"], row["end_user"]) == ("t", "admin")


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"status": 429}, 429),
        ({"status": "200"}, "200"),
        ({"response": {"status": 503, "body": {}}}, 503),
        ({"response": {"type": "error", "error": {"type": "overloaded_error"}}}, 500),
        ({"response": {"status": "completed", "output": []}}, 200),
        ({}, None),
    ],
)
def test_status(record: Row, status: Any) -> None:
    """HTTP's status wherever it stands; a body's own `status` is none."""
    assert payload_to_row({"request": BODY} | record)["status"] == status


def test_messages_that_are_none() -> None:
    """Neither text nor a list: refused, with the reason."""
    with pytest.raises(Refused, match="bad_type:prompt"):
        payload_to_row({"request": {"model": "m", "messages": 5}, "response": {}})
    stored = {"model": "m", "prompt": {"id": "pmpt_1", "version": "2"}}
    assert payload_to_row({"request": stored, "response": {}})["prompt"] == ""
    results = {"model": "m", "input": [{"type": "function_call_output", "output": "42"}]}
    assert payload_to_row({"request": results, "response": {}})["prompt"] == "42"
