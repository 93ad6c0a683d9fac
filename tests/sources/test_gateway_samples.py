"""LiteLLM's spend logs, Helicone and Envoy AI Gateway, by their samples and their traps."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.sources import envoy, helicone, litellm_spend, read_exchanges, recognise
from stillwatch.sources.addresses import FORWARDED, MARK
from stillwatch.sources.reasons import Refused
from tests.sources.reading import gather

Row = dict[str, Any]
SAMPLES = Path(__file__).parent / "samples"


def records(name: str) -> list[Row]:
    """The sample's objects."""
    return [json.loads(line) for line in (SAMPLES / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("name", "kept", "reasons"),
    [
        ("litellm_spend", 5, {}),
        ("helicone", 3, {"not_an_exchange": 1}),
        ("envoy", 2, {"not_an_exchange": 1}),
        ("native", 3, {}),
    ],
)
@pytest.mark.parametrize("layout", ["lines", "array", "pretty"])
def test_samples_are_told_and_read(
    tmp_path: Path, name: str, kept: int, reasons: dict[str, int], layout: str
) -> None:
    """By their own keys, in each layout."""
    rows = records(name)
    path = tmp_path / "log.json"
    if layout == "lines":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        path.write_text(json.dumps(rows, indent=1 if layout == "pretty" else None))
    found = recognise(path)
    assert found is not None
    assert found.format == name
    got = gather(read_exchanges(path))
    assert (len(got.rows), got.reasons, got.repaired) == (kept, reasons, {})


def test_spend_logs_field_by_field() -> None:
    """Rows that LiteLLM built itself: chat, messages, a cut prompt, a stream, responses."""
    chat, messages, cut, stream, responses = gather(
        read_exchanges(SAMPLES / "litellm_spend.jsonl")
    ).rows
    expected = {
        "exchange_id": "chatcmpl-354979bb-fbac-409c-9502-1319247944db",
        "account_id": "litellm_proxy_master_key",
        "end_user": "u1",
        "model": "m1",
        "system": "You are terse.",
        "prompt": "Write a haiku about rivers.",
        "turns": 2,
        "tools": ["lookup"],
        "max_tokens": 200,
        "temperature": 0.5,
        "thinking": True,
        "response": "hello there",
        "stop_reason": "stop",
        "input_tokens": 10,
        "output_tokens": 20,
        "status": 200,
        "latency_ms": 43,
        "ip": "203.0.113.9",
        "user_agent": "OpenAI/Python 3.5",
    }
    assert {name: chat[name] for name in expected} == expected
    assert chat["ts"].isoformat() == "2026-11-28T21:17:32.631544+00:00"
    assert (MARK, FORWARDED) in chat["headers"]
    assert (messages["system"], messages["prompt"]) == ("Answer in German.", "Explain tides.")
    assert (messages["end_user"], messages["max_tokens"]) == ("u9", 100)
    assert "litellm_truncated" not in cut["prompt"]
    assert cut["prompt"].count("…") == 1
    assert len(cut["prompt"]) < 2100
    assert (stream["prompt"], stream["response"]) == ("stream this", "hello there")
    assert (responses["system"], responses["prompt"]) == ("Be kind.", "Name a prime.")


def test_spend_logs_as_csv(tmp_path: Path) -> None:
    """As `COPY ... WITH CSV HEADER` writes them: the same rows."""
    rows = records("litellm_spend")
    path = tmp_path / "spend.csv"
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    found = recognise(path)
    assert found is not None
    assert (found.format, found.layout) == ("litellm_spend", "csv")
    expected = gather(read_exchanges(SAMPLES / "litellm_spend.jsonl")).kept
    assert gather(read_exchanges(path)).kept.equals(expected)


def test_spend_logs_with_json_opened_once_or_twice() -> None:
    """A driver may hand over JSON columns as values; a loader may have quoted them again."""
    row = records("litellm_spend")[0]
    columns = ("messages", "response", "proxy_server_request", "metadata")
    expected = litellm_spend.payload_to_row(row)
    opened = row | {name: json.loads(row[name]) for name in columns}
    twice = row | {name: json.dumps(row[name]) for name in columns}
    assert litellm_spend.payload_to_row(opened) == expected
    assert litellm_spend.payload_to_row(twice) == expected


def test_spend_logs_without_bodies() -> None:
    """As they are unless told otherwise: the exchange is kept without a text."""
    bare = {"messages": "{}", "response": "{}", "proxy_server_request": "{}"}
    row = litellm_spend.payload_to_row(records("litellm_spend")[0] | bare)
    assert (row["prompt"], row["response"], row["status"]) == ("", None, 200)
    failed = {"status": "failure", "metadata": '{"error_information": {"error_code": "429"}}'}
    assert litellm_spend.payload_to_row(records("litellm_spend")[0] | failed)["status"] == 429


def test_helicone_field_by_field() -> None:
    """OpenAI by its user, Anthropic by its key, and one that only Helicone's reading is left of."""
    openai, anthropic, mapped = gather(read_exchanges(SAMPLES / "helicone.jsonl")).rows
    expected = {
        "exchange_id": "req-1",
        "account_id": "user-7",
        "conversation_id": "session-3",
        "model": "gpt-4o",
        "system": "Be brief.",
        "prompt": "Name a river.",
        "response": "The Loire.",
        "stop_reason": "stop",
        "input_tokens": 20,
        "output_tokens": 4,
        "reasoning_tokens": 0,
        "cached_tokens": 8,
        "status": 200,
        "latency_ms": 1500,
        "country": "FR",
    }
    assert {name: openai[name] for name in expected} == expected
    expected = {"account_id": "batch-key", "key_id": "batch-key", "end_user": "claimed"}
    assert {name: anthropic[name] for name in expected} == expected
    assert (mapped["prompt"], mapped["response"], mapped["status"]) == (
        "Are you there?",
        None,
        None,
    )
    first = records("helicone")[0]
    assert helicone.payload_to_row(first, "team")["account_id"] == "blue"
    mapped_only = first | {
        "request_body": "",
        "response_body": {},
        "llmSchema": {
            "request": {"messages": [{"role": "user", "content": "P"}]},
            "response": {"messages": [{"role": "assistant", "content": "R"}]},
        },
    }
    row = helicone.payload_to_row(mapped_only)
    assert (row["prompt"], row["response"]) == ("P", "R")


def test_envoy_field_by_field() -> None:
    """Both generations of names; dashes are nothing; one request id twice is two exchanges."""
    old, new = gather(read_exchanges(SAMPLES / "envoy.jsonl")).rows
    expected = {
        "exchange_id": "83b63da3-45a9-4196-98b8-1a7f697d6d8d@1790928930120000",
        "account_id": "tenant-1",
        "model": "gpt-4o-mini",
        "prompt": "",
        "input_tokens": 15,
        "output_tokens": 7,
        "status": 200,
        "latency_ms": 1526,
        "ip": "203.0.113.9",
        "user_agent": "curl/8.7.1",
    }
    assert {name: old[name] for name in expected} == expected
    assert old["headers"] == [(FORWARDED, "6.6.6.6, 203.0.113.9"), (MARK, FORWARDED)]
    expected = {
        "exchange_id": "83b63da3-45a9-4196-98b8-1a7f697d6d8d@1790928990000000",
        "account_id": "tenant-2",
        "conversation_id": "session-3",
        "model": "claude-sonnet-4-5",
        "input_tokens": None,
        "status": 429,
        "latency_ms": 40,
        "ip": "2001:db8::1",
        "user_agent": None,
    }
    assert {name: new[name] for name in expected} == expected
    assert MARK not in dict(new["headers"])


def test_envoy_by_the_operators_own_header() -> None:
    """The key is named by whoever runs the gateway, and then no other is taken."""
    line = records("envoy")[0] | {"x-subject": "s-1"}
    assert envoy.payload_to_row(line, "x-subject")["account_id"] == "s-1"
    assert envoy.payload_to_row(line, "x-nothing")["account_id"] is None
    with pytest.raises(Refused, match="not_an_exchange"):
        envoy.payload_to_row(line | {"method": "GET", "genai_model_name": "-"})


def test_marks_are_no_clients_to_write() -> None:
    """A header by the name of our own mark is dropped, wherever it came from."""
    forged = records("envoy")[1] | {MARK: "nothing"}
    assert MARK not in (envoy.payload_to_row(forged)["headers"] or {})
