"""OpenTelemetry: what its own SDK writes, older names, and spans and events that meet late."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from stillwatch.sources import read_exchanges, recognise
from stillwatch.sources.formats import Around, format_named
from stillwatch.sources.otel import Joiner
from stillwatch.sources.otlp import attributes, hex_id, plain
from stillwatch.sources.reasons import Refused
from stillwatch.sources.recognise import find_log
from tests.sources.reading import gather

Row = dict[str, Any]
SAMPLES = Path(__file__).parent / "samples"


def telemetry(folder: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Three calls recorded by OpenTelemetry's own GenAI library, and files by its own exporter.

    `mode` says where the content goes: `SPAN_ONLY`, `EVENT_ONLY`, `SPAN_AND_EVENT`, `NO_CONTENT`.
    """
    pytest.importorskip("opentelemetry.exporter.otlp.json.file")
    pytest.importorskip("opentelemetry.util.genai")
    from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
    from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.util.genai.handler import TelemetryHandler
    from opentelemetry.util.genai.types import (
        FunctionToolDefinition,
        InputMessage,
        OutputMessage,
        ReasoningPart,
        TextPart,
        ToolCallResponsePart,
    )

    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", mode)
    spans, logs = folder / "otel_spans.jsonl", folder / "otel_logs.jsonl"
    resource = Resource({"service.name": "gateway", "user.id": "team-of-the-service"})
    tracers, loggers = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(FileSpanExporter(spans)))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(logs)))
    handler = TelemetryHandler(tracer_provider=tracers, logger_provider=loggers)

    with tracers.get_tracer("web").start_as_current_span("POST /chat"):
        call = handler.inference("openai", request_model="gpt-4o")
        call.system_instruction = [TextPart("Be brief.")]
        call.input_messages = [
            InputMessage("user", [TextPart("Name a river."), TextPart("In France.")])
        ]
        call.output_messages = [
            OutputMessage("assistant", [ReasoningPart("hm"), TextPart("The Loire.")], "stop")
        ]
        call.tool_definitions = [FunctionToolDefinition("lookup", "Looks up", {"type": "object"})]
        call.max_tokens, call.temperature = 200, 0.5
        call.input_tokens, call.output_tokens = 20, 4
        call.attributes |= {
            "user.id": "tenant-1",
            "client.address": "203.0.113.9",
            "user_agent.original": "OpenAI/Python 3.54.0",
        }
        call.stop()
    again = handler.inference("anthropic", request_model="claude-sonnet-4-5")
    again.input_messages = [InputMessage("user", [ToolCallResponsePart("rainy, 57°F", "call_1")])]
    again.output_messages = [OutputMessage("assistant", [TextPart("It rains.")], "stop")]
    again.stop()
    failed = handler.inference("openai", request_model="gpt-4o")
    failed.input_messages = [InputMessage("user", [TextPart("fail")])]
    failed.fail(TimeoutError("late"))
    tracers.shutdown()
    loggers.shutdown()
    return spans, logs


@pytest.mark.parametrize("mode", ["SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"])
def test_what_the_sdk_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Wherever the content is, the files read as the same three exchanges, each of them once."""
    telemetry(tmp_path, mode, monkeypatch)
    found = find_log([tmp_path]).exchanges
    told = [recognise(path) for path in found if path.stat().st_size]
    assert {None if one is None else one.format for one in told} == {"otel"}
    rows: list[Row] = []
    for path in found:
        got = gather(read_exchanges(path))
        assert got.reasons.keys() <= {"not_an_exchange"}
        rows += got.rows
    by_prompt = {row["prompt"]: row for row in rows}
    assert (len(rows), set(by_prompt)) == (
        3,
        {"Name a river.\n\nIn France.", "rainy, 57°F", "fail"},
    )
    first = by_prompt["Name a river.\n\nIn France."]
    expected = {
        "account_id": "tenant-1",
        "model": "gpt-4o",
        "system": "Be brief.",
        "turns": 1,
        "tools": ["lookup"],
        "max_tokens": 200,
        "temperature": 0.5,
        "response": "The Loire.",
        "stop_reason": "stop",
        "input_tokens": 20,
        "output_tokens": 4,
        "status": 200,
        "ip": "203.0.113.9",
        "user_agent": "OpenAI/Python 3.54.0",
        "surface": "api",
    }
    assert {name: first[name] for name in expected} == expected
    assert first["latency_ms"] >= 0
    assert by_prompt["rainy, 57°F"]["account_id"] == "team-of-the-service"
    assert by_prompt["fail"]["status"] == 500
    assert len({row["exchange_id"] for row in rows}) == 3


def test_calls_without_content_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content is off by default: the exchanges are there, without a text."""
    spans, _ = telemetry(tmp_path, "NO_CONTENT", monkeypatch)
    got = gather(read_exchanges(spans))
    assert [(row["prompt"], row["model"]) for row in got.rows] == [
        ("", "gpt-4o"),
        ("", "claude-sonnet-4-5"),
        ("", "gpt-4o"),
    ]
    assert got.reasons == {"not_an_exchange": 1}


def test_the_samples_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files kept beside the tests, and that the SDK still writes such files."""
    spans, logs = telemetry(tmp_path, "EVENT_ONLY", monkeypatch)
    for path in (spans, logs):
        kept = [json.loads(line) for line in (SAMPLES / path.name).read_text().splitlines()]
        new = [json.loads(line) for line in path.read_text().splitlines()]
        assert _shape(kept) == _shape(new)
    assert len(gather(read_exchanges(SAMPLES / spans.name)).rows) == 3
    shutil.copy(SAMPLES / spans.name, tmp_path / "alone.jsonl")
    alone = gather(read_exchanges(tmp_path / "alone.jsonl"))
    assert [row["prompt"] for row in alone.rows] == ["", "", ""]


def _shape(value: Any) -> Any:
    """Names and types, without what differs between runs."""
    if isinstance(value, dict):
        return {name: _shape(held) for name, held in value.items()}
    return list(map(_shape, value)) if isinstance(value, list) else type(value).__name__


def span(number: int = 1, **about: Any) -> Row:
    """A span of a call, with attributes by name (`__` stands for a dot)."""
    known = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "user.id": "a"}
    known |= {name.replace("__", "."): value for name, value in about.items()}
    return {
        "traceId": "AB" * 16,
        "spanId": f"{number:016x}",
        "startTimeUnixNano": "1788000000000000000",
        "endTimeUnixNano": "1788000001500000000",
        "attributes": [{"key": k, "value": _any(v)} for k, v in known.items() if v is not None],
    }


def event(name: str, body: Any = None, number: int = 1, **about: Any) -> Row:
    """A log record of the same trace."""
    return {
        "timeUnixNano": "1788000001000000000",
        "eventName": name,
        "traceId": "ab" * 16,
        "spanId": f"{number:016X}",
        "body": _any(body),
        "attributes": [{"key": k.replace("__", "."), "value": _any(v)} for k, v in about.items()],
    }


def _any(value: Any) -> Row:
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": _any(v)} for k, v in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"stringValue": value} if value is not None else {}


def spans_of(*spans: Row) -> Row:
    """A payload of spans."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def logs_of(*records: Row) -> Row:
    """A payload of log records."""
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}


def rows_of(*payloads: Row, **options: Any) -> list[Row]:
    """The rows of payloads in this order; nothing may be refused."""
    joiner = Joiner(**options)
    told = [row for payload in payloads for row in joiner.add(payload)] + joiner.finish()
    assert not [row.reason for row in told if isinstance(row, Refused)]
    return [row for row in told if isinstance(row, dict)]


MESSAGES = [
    event("gen_ai.system.message", {"content": "Be brief."}),
    event("gen_ai.user.message", {"content": "Name a river."}),
    event(
        "gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "The Loire."}}
    ),
]


@pytest.mark.parametrize(
    "payloads",
    [
        [spans_of(span()), logs_of(*MESSAGES)],
        [logs_of(*MESSAGES), spans_of(span())],
        [logs_of(*MESSAGES[:2]), spans_of(span()), logs_of(MESSAGES[2])],
        [spans_of(span()), *map(logs_of, MESSAGES)],
    ],
)
def test_one_event_a_message(payloads: list[Row]) -> None:
    """As instrumentations wrote until v1.36: whichever comes first, one exchange."""
    (row,) = rows_of(*payloads)
    told = {name: row[name] for name in ("system", "prompt", "response", "stop_reason", "turns")}
    assert told == {
        "system": "Be brief.",
        "prompt": "Name a river.",
        "response": "The Loire.",
        "stop_reason": "stop",
        "turns": 2,
    }
    assert row["account_id"] == "a"


@pytest.mark.parametrize(
    ("about", "prompt", "response"),
    [
        ({"gen_ai__prompt": "plain", "gen_ai__completion": "text"}, "plain", "text"),
        (
            {
                "gen_ai__prompt__0__role": "system",
                "gen_ai__prompt__0__content": "S",
                "gen_ai__prompt__1__role": "user",
                "gen_ai__prompt__1__content": "P",
                "gen_ai__completion__0__content": "R",
                "gen_ai__completion__0__finish_reason": "stop",
            },
            "P",
            "R",
        ),
        (
            {
                "gen_ai__input__messages": [
                    {"role": "user", "parts": [{"type": "text", "content": "P"}]}
                ],
                "gen_ai__output__messages": [
                    {"role": "assistant", "parts": [{"type": "text", "content": "R"}]},
                    {"role": "assistant", "parts": [{"type": "text", "content": "other choice"}]},
                ],
            },
            "P",
            "R",
        ),
        ({"gen_ai__input__messages": '[{"role": "user", "parts": [{"ty', **{}}, None, None),
    ],
)
def test_content_on_the_span(about: Row, prompt: str | None, response: str | None) -> None:
    """Older names, structures, and JSON that a limit on attributes has cut: kept as it stands."""
    (row,) = rows_of(spans_of(span(**about)))
    assert row["prompt"] == (about["gen_ai__input__messages"] if prompt is None else prompt)
    assert row["response"] == response


@pytest.mark.parametrize("told", ["[]", "[1]", "[", '[{"role": "assistant"}]', '["R"]'])
def test_an_answer_that_says_nothing_costs_no_other(told: str, tmp_path: Path) -> None:
    """Read many at once, and beside sound ones."""
    asked = '[{"role": "user", "parts": [{"type": "text", "content": "P"}]}]'
    answers = ['[{"role": "assistant", "content": "R"}]'] * 10
    answers[5] = told
    path = tmp_path / "traces.jsonl"
    spans = [
        span(n, gen_ai__input__messages=asked, gen_ai__output__messages=answer)
        for n, answer in enumerate(answers, 1)
    ]
    path.write_text("".join(json.dumps(spans_of(one)) + "\n" for one in spans))
    found = gather(read_exchanges(path, format="otel"))
    assert [row["prompt"] for row in found.rows] == ["P"] * 10
    assert [row["response"] for row in found.rows].count("R") >= 9


def test_content_on_events_inside_the_span() -> None:
    """The oldest way, and the newest where no log pipeline is at hand."""
    inside = span() | {
        "events": [
            {
                "name": "gen_ai.content.prompt",
                "attributes": [
                    {
                        "key": "gen_ai.prompt",
                        "value": {"stringValue": '[{"role": "user", "content": "P"}]'},
                    }
                ],
            },
            {
                "name": "gen_ai.content.completion",
                "attributes": [{"key": "gen_ai.completion", "value": {"stringValue": "R"}}],
            },
        ]
    }
    (row,) = rows_of(spans_of(inside))
    assert (row["prompt"], row["response"]) == ("P", "R")


def test_who_called_is_named_by_whoever_runs_it() -> None:
    """The span's own attribute, another one where told so, and none is invented."""
    about = {"gen_ai__prompt": "P", "user__id": None, "tenant__key": "t-1"}
    assert rows_of(spans_of(span(**about)))[0]["account_id"] is None
    assert rows_of(spans_of(span(**about)), account=("tenant.key",))[0]["account_id"] == "t-1"
    reader = format_named("otel").reader(Around(account="tenant.key"))
    (row,) = reader.add(spans_of(span(**about)))
    assert isinstance(row, dict)
    assert row["account_id"] == "t-1"


def test_what_is_not_an_exchange_is_counted() -> None:
    """Tools, agents, embeddings and other software's spans and logs; one refusal for them all."""
    others = [
        span(2, gen_ai__operation__name="execute_tool"),
        span(3, gen_ai__operation__name="embeddings"),
        span(4, gen_ai__operation__name=None, gen_ai__request__model=None),
    ]
    joiner = Joiner()
    told = joiner.add(spans_of(*others, span(5, gen_ai__prompt="P")) | logs_of(event("other.log")))
    (refused,) = [row for row in told if isinstance(row, Refused)]
    assert (refused.reason, refused.rows, len(told)) == ("not_an_exchange", 4, 2)
    assert joiner.finish() == []
    (empty,) = Joiner().add({"resourceMetrics": [{"scopeMetrics": []}]})
    assert isinstance(empty, Refused)


def test_memory_is_bounded_and_nothing_is_lost() -> None:
    """Spans whose events never come leave in their order, once too many wait."""
    joiner = Joiner(limit_bytes=20_000)
    out: list[int] = []
    rows: list[Any] = []
    for number in range(1, 200):
        told = joiner.add(spans_of(span(number)))
        rows += told
        out.append(number - len(rows))
    assert max(out) <= 20
    rows += joiner.finish()
    assert [row["exchange_id"][-4:] for row in rows] == [f"{n:04x}" for n in range(1, 200)]


def test_ids_of_any_spelling_meet() -> None:
    """Hex in either case, or base64 as protobuf's own JSON has it."""
    assert hex_id("4BF92F3577B34DA6A3CE929D0E0E4736") == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert hex_id("S/kvNXezTaajzpKdDg5HNg==") == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert hex_id("") is None
    assert hex_id(5) is None


def test_snake_case_reads_the_same() -> None:
    """Writers that keep the schema's own names."""
    given = spans_of(span(gen_ai__prompt="P"))

    def snake(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                "".join(f"_{c.lower()}" if c.isupper() else c for c in name): snake(held)
                for name, held in value.items()
            }
        return list(map(snake, value)) if isinstance(value, list) else value

    assert rows_of(snake(given)) == rows_of(given)


@pytest.fixture
def deep() -> Row:
    """An attribute nested far deeper than anything means."""
    value: Row = {"stringValue": "x"}
    for _ in range(5000):
        value = {"arrayValue": {"values": [value]}}
    return value


def test_a_bottomless_attribute_costs_its_span(deep: Row) -> None:
    """The others of the same payload are kept."""
    bottomless = span(1)
    bottomless["attributes"].append({"key": "x", "value": deep})
    told = Joiner().add(spans_of(bottomless, span(2, gen_ai__prompt="P")))
    assert [row.reason if isinstance(row, Refused) else row["prompt"] for row in told] == [
        "too_deep",
        "P",
    ]


def test_values_of_each_kind() -> None:
    """As proto3's JSON writes them, and what is none of them."""
    assert plain({"intValue": "9007199254740993"}) == 9007199254740993
    assert plain({"intValue": 5}) == 5
    assert plain({"doubleValue": 0.5}) == 0.5
    assert plain({"boolValue": False}) is False
    assert plain({"kvlistValue": {"values": [{"key": "a", "value": {}}]}}) == {"a": None}
    assert plain("x") is None
    assert attributes({"attributes": [{"key": 5, "value": {"intValue": "1"}}, "x"]}) == {}
