"""Langfuse: its documented export field by field, in each file type, and the legacy join."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.sources import read_exchanges, recognise
from stillwatch.sources.langfuse import Joiner, observation_to_row
from stillwatch.sources.reasons import Refused
from stillwatch.sources.recognise import find_log
from tests.sources.reading import Reading, gather

Row = dict[str, Any]
SAMPLE = Path(__file__).parent / "samples/langfuse_observations_v2.jsonl"
OBSERVATIONS = [json.loads(line) for line in SAMPLE.read_text().splitlines()]


def test_the_sample_field_by_field() -> None:
    """OpenAI's messages with a tool, Anthropic's body, LangChain's constructors, a failure."""
    got = gather(read_exchanges(SAMPLE))
    assert (got.reasons, got.repaired) == ({"not_an_exchange": 1}, {})
    openai, anthropic, langchain, failed = got.rows
    expected = {
        "exchange_id": "obs-openai",
        "account_id": "user-7",
        "conversation_id": "session-3",
        "model": "gpt-4o",
        "system": "Be brief.",
        "prompt": "What's the weather in Paris?",
        "turns": 2,
        "tools": ["get_weather"],
        "max_tokens": 200,
        "temperature": pytest.approx(0.7),
        "response": None,
        "input_tokens": 52,
        "output_tokens": 47,
        "reasoning_tokens": 0,
        "cached_tokens": 20,
        "status": 200,
        "latency_ms": 1500,
        "ip": "203.0.113.9",
        "user_agent": "acme-app/2.1",
        "org_id": None,
    }
    assert {name: openai[name] for name in expected} == expected
    assert openai["ts"].isoformat() == "2026-10-02T08:15:30.120000+00:00"
    expected = {
        "system": "Answer in German.",
        "prompt": "Explain tides.",
        "turns": 1,
        "thinking": True,
        "response": "Der Mond zieht.",
        "stop_reason": "end_turn",
        "ip": "2001:db8::1",
        "user_agent": "python-requests/2.32",
        "conversation_id": None,
    }
    assert {name: anthropic[name] for name in expected} == expected
    expected = {
        "system": "You grade essays.",
        "prompt": "Grade this one.",
        "turns": 2,
        "response": "B+",
        "stop_reason": "stop",
        "latency_ms": None,
    }
    assert {name: langchain[name] for name in expected} == expected
    assert (failed["prompt"], failed["status"]) == ("Translate: good morning", 429)
    assert (failed["response"], failed["turns"]) == (None, None)


def _cells(row: Row) -> Row:
    """A row as the documented CSV has it: nested values as JSON, null as nothing."""
    return {
        name: json.dumps(value)
        if isinstance(value, dict | list)
        else str(value).lower()
        if isinstance(value, bool)
        else ""
        if value is None
        else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("kind", ["json", "csv", "parquet"])
def test_each_file_type_reads_the_same(tmp_path: Path, kind: str) -> None:
    """JSON, CSV and Parquet as the export writes them, recognised by their columns."""
    path = tmp_path / f"export.{kind}"
    if kind == "json":
        path.write_text(json.dumps(OBSERVATIONS))
    elif kind == "csv":
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, list(OBSERVATIONS[0]))
            writer.writeheader()
            writer.writerows(map(_cells, OBSERVATIONS))
    else:
        maps = {"metadata": str, "usage_details": int, "tool_definitions": str}
        columns: dict[str, Any] = {}
        for name in OBSERVATIONS[0]:
            values = [row[name] for row in OBSERVATIONS]
            if name in maps:
                item = pa.int64() if maps[name] is int else pa.string()
                columns[name] = pa.array([list(v.items()) for v in values], pa.map_("str", item))
            else:
                columns[name] = pa.array(values)
        pq.write_table(pa.table(columns), path)
    found = recognise(path)
    assert found is not None
    assert (found.format, found.told) == ("langfuse", True)
    got = gather(read_exchanges(path))
    assert got.reasons == {"not_an_exchange": 1}
    assert got.kept.equals(gather(read_exchanges(SAMPLE)).kept)


def _legacy(row: Row) -> tuple[Row, Row]:
    """An enriched row as the legacy layout has it: an observation, and its trace."""
    trace = {name: row[name] for name in ("user_id", "session_id", "tags", "release")}
    trace |= {"id": row["trace_id"], "timestamp": row["start_time"], "name": row["trace_name"]}
    trace |= {"bookmarked": False, "public": False, "metadata": {"user_agent": "from-the-trace"}}
    own = ("trace_name", "user_id", "session_id", "tags", "release", "bookmarked", "public")
    return {name: value for name, value in row.items() if name not in own}, trace


LEGACY = [_legacy(row) for row in OBSERVATIONS]


def _read(folder: Path) -> list[Reading]:
    return [gather(read_exchanges(path)) for path in find_log([folder]).exchanges]


@pytest.mark.parametrize("names", [("b", "b"), ("b", "a"), ("a", "b")])
def test_the_legacy_layout_is_joined(tmp_path: Path, names: tuple[str, str]) -> None:
    """Observations meet their traces in the file of the same name, or in one near it."""
    for kind, name, rows in (
        ("observations", names[0], [pair[0] for pair in LEGACY]),
        ("traces", names[1], [pair[1] for pair in LEGACY]),
    ):
        path = tmp_path / "proj" / kind / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    observations, traces = _read(tmp_path)
    assert (observations.reasons, traces.reasons) == (
        {"not_an_exchange": 1},
        {"not_an_exchange": 5},
    )
    rows = {row["exchange_id"]: row for row in observations.rows}
    for was in gather(read_exchanges(SAMPLE)).rows:
        told = {"user_agent": "from-the-trace"} if was["user_agent"] is None else {}
        assert rows[was["exchange_id"]] == was | told


@pytest.mark.parametrize("order", ["observations first", "traces first"])
def test_one_file_of_both(order: str) -> None:
    """In whichever order they come, each comes out once."""
    kinds = [[pair[0] for pair in LEGACY], [pair[1] for pair in LEGACY]]
    if order == "traces first":
        kinds.reverse()
    joiner = Joiner()
    told = [row for kind in kinds for payload in kind for row in joiner.add(payload)]
    assert joiner.finish() == []
    rows = [row for row in told if isinstance(row, dict)]
    assert sorted(row["account_id"] for row in rows) == ["user-7", "user-7", "user-8", "user-9"]
    assert len(told) == 2 * len(LEGACY)


def test_what_finds_no_trace_is_told() -> None:
    """With its number, also where memory runs out before the log does."""
    joiner = Joiner(limit_bytes=30_000)
    told: list[Any] = []
    for number in range(50):
        told += joiner.add(LEGACY[0][0] | {"id": f"o{number}", "trace_id": f"t{number}"})
    assert 0 < len(told) < 50
    told += joiner.finish()
    assert all(isinstance(row, Refused) and row.reason == "unjoined" for row in told)
    assert sum(row.rows for row in told) == 50


def test_another_name_for_the_account() -> None:
    """A key of the metadata, where the operator keeps the tenant there."""
    row = OBSERVATIONS[0] | {"metadata": {"tenant": "t-1"}}
    assert observation_to_row(row, "tenant")["account_id"] == "t-1"
    (got,) = Joiner(account="tenant").add(row)
    assert isinstance(got, dict)
    assert got["account_id"] == "t-1"


@pytest.mark.parametrize(
    ("given", "prompt"),
    [
        ({"question": "Which river?"}, '{"question":"Which river?"}'),
        ("[1, 2]", "[1, 2]"),
        (["first", "second"], "first\n\nsecond"),
        ({"messages": [{"role": "user", "content": "hi"}], "tools": []}, "hi"),
        ({"input": "hi"}, "hi"),
        ({"type": {}}, '{"type":{}}'),
        ({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, "hi"),
        ([{"type": "human", "data": {"content": "hi"}}], "hi"),
        ("", ""),
        (None, ""),
    ],
)
def test_inputs_of_any_shape(given: Any, prompt: str) -> None:
    """Messages of each library, and whatever else a traced function was given: as text."""
    assert observation_to_row({"input": given})["prompt"] == prompt
    if given:
        assert observation_to_row({"input": json.dumps(given)})["prompt"] in (
            prompt,
            json.dumps(given),
        )


@pytest.mark.parametrize(
    ("given", "response"),
    [
        ("plain", "plain"),
        ('{"grade": 5}', '{"grade": 5}'),
        ({"grade": 5}, '{"grade":5}'),
        ({"choices": [{"message": {"content": "hi"}}]}, "hi"),
        ({"generations": [[{"text": "hi"}]]}, "hi"),
        ([{"role": "assistant", "content": "hi"}], "hi"),
        ([{"type": "text", "text": "hi"}], "hi"),
        ({"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}, "hi"),
        ({"role": "assistant", "content": None, "tool_calls": []}, None),
    ],
)
def test_outputs_of_any_shape(given: Any, response: str | None) -> None:
    """Bodies, messages, blocks, and an answer that is JSON itself, which stays as it is."""
    assert observation_to_row({"output": given})["response"] == response
