"""The clouds' logs: samples field by field, worlds written out and read back, anything unharmed."""

from __future__ import annotations

import copy
import gzip
import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.sources import (
    azure_apim,
    bedrock,
    find_log,
    read_exchanges,
    recognise,
    streams,
    vertex,
)
from stillwatch.sources.batch import rows_to_batch
from stillwatch.sources.bedrock_bodies import plain_request, plain_response
from stillwatch.sources.beside import beside
from stillwatch.sources.bodies import RESPONSE_COLUMNS, request_columns, response_columns
from stillwatch.sources.cloudtrail import TRAIL
from stillwatch.sources.coerce import Plan
from stillwatch.sources.formats import format_named
from stillwatch.sources.reasons import Mended, Refused
from stillwatch.sources.spilled import find_spilled
from stillwatch.tables import EXCHANGES
from tests.sources.cloud_writers import write_azure, write_bedrock, write_vertex
from tests.sources.logs import make_exchanges, to_lines
from tests.sources.reading import Reading, gather

SAMPLES = Path(__file__).parent / "samples"


def read_folder(folder: Path, **asked: Any) -> list[Reading]:
    """What each file of a log holds."""
    return [gather(read_exchanges(path, **asked)) for path in find_log([folder]).exchanges]


def rows_of(folder: Path, **asked: Any) -> dict[str, dict[str, Any]]:
    """Rows by id of all files in `folder`."""
    return {
        row["exchange_id"]: row for reading in read_folder(folder, **asked) for row in reading.rows
    }


def test_bedrock_sample_field_by_field() -> None:
    """A Converse record with its trail: every column that the format can fill."""
    row = rows_of(SAMPLES / "bedrock" / "AWSLogs")["br-1"]
    filled = {name: value for name, value in row.items() if value is not None}
    digest = filled.pop("tools_digest")
    assert filled == {
        "exchange_id": "br-1",
        "ts": datetime(2026, 11, 23, 10, 0, 1, tzinfo=UTC),
        "account_id": "arn:aws:iam::111122223333:user/harriet",
        "org_id": "111122223333",
        "key_id": "arn:aws:iam::111122223333:user/harriet",
        "conversation_id": "s-7",
        "surface": "bedrock",
        "model": "us.anthropic.claude-sonnet-5-v1:0",
        "system": "You are terse.",
        "prompt": "What is\nnew?",
        "turns": 3,
        "tools": ["search"],
        "max_tokens": 512,
        "temperature": 0.25,
        "thinking": True,
        "response": "Nothing.",
        "stop_reason": "end_turn",
        "input_tokens": 21,
        "output_tokens": 3,
        "cached_tokens": 5,
        "status": 200,
        "latency_ms": 950,
        "ip": "203.0.113.9",
        "user_agent": "Boto3/1.44 md/Botocore#1.44",
    }
    assert set(filled) | {"tools_digest"} <= bedrock.COLUMNS
    tools = [{"name": "search", "description": "Searches.", "input_schema": {"type": "object"}}]
    assert digest == request_columns({"messages": [], "tools": tools})["tools_digest"]


@pytest.mark.parametrize(
    ("key", "prompt", "response", "output_tokens"),
    [
        ("br-2", "Run it.", "It is 42.", 4),
        ("br-3", "Hello", "Hi there", 2),
        ("br-4", "Name a river.", "The Rhine.", 4),
        ("br-5", "Name a lake.", "Lake Garda.", 3),
        ("br-6", "Name a hill.", "Primrose Hill.", 4),
        ("br-7", "Name a sea.", "The North Sea.", 4),
        ("br-8", "Name a town.", "Lucca", 2),
        ("br-10", "A long question", "Long.", 2),
        ("br-11", "", "Gone.", 2),
    ],
)
def test_bedrock_bodies(key: str, prompt: str, response: str, output_tokens: int) -> None:
    """Each model's own body and each stream; a body in an object of its own, and one that isn't
    there."""
    row = rows_of(SAMPLES / "bedrock" / "AWSLogs")[key]
    assert (row["prompt"], row["response"], row["output_tokens"]) == (
        prompt,
        response,
        output_tokens,
    )


def test_what_could_not_be_found_is_counted() -> None:
    """The missing body is a repair, spilled bodies are no logs, and a trail is no exchange."""
    readings = read_folder(SAMPLES / "bedrock" / "AWSLogs")
    assert len(readings) == 2
    assert sum(reading.repaired.get("input_body", 0) for reading in readings) == 1
    assert [reading.reasons for reading in readings] == [{}, {"not_an_exchange": 3}]


def test_who_a_caller_of_bedrock_is() -> None:
    """A role without its session, a person of SSO with it; or whatever the user names."""
    rows = rows_of(SAMPLES / "bedrock" / "AWSLogs")
    assert rows["br-2"]["account_id"] == "arn:aws:sts::111122223333:assumed-role/BatchRole"
    assert rows["br-3"]["account_id"].endswith("/ana@example.com")
    named = rows_of(SAMPLES / "bedrock" / "AWSLogs", account="accountId")
    assert {row["account_id"] for row in named.values()} == {"111122223333"}
    inside = rows_of(SAMPLES / "bedrock" / "AWSLogs", account="requestMetadata.session_id")
    assert (inside["br-1"]["account_id"], inside["br-1"]["org_id"]) == ("s-7", None)


def test_cloudwatch_says_the_same() -> None:
    """A subscription's document and filtered events hold the records that S3 holds; the trail of
    another folder is none of theirs."""
    whole = rows_of(SAMPLES / "bedrock" / "AWSLogs")
    wrapped = {
        row["exchange_id"]: row
        for name in ("cloudwatch.json", "filtered.jsonl")
        for row in gather(read_exchanges(SAMPLES / "bedrock" / name)).rows
    }
    assert wrapped.keys() == {"br-1", "br-3", "br-4"}
    for key, row in wrapped.items():
        assert row == whole[key] | {"ip": None, "user_agent": None}


def test_vertex_samples() -> None:
    """Structures, text, a stream's payloads and Claude's own body."""
    rows = rows_of(SAMPLES / "vertex")
    first = rows["84005311"]
    assert first["ts"] == datetime(2026, 11, 23, 10, 0, 1, tzinfo=UTC)
    assert (first["account_id"], first["conversation_id"]) == ("team-a", "v-1")
    assert (first["prompt"], first["system"], first["response"]) == (
        "Name a\n\nbird.",
        "Be brief.",
        "A wren.",
    )
    assert (first["tools"], first["thinking"]) == (["look", "googleSearch"], False)
    counts = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")
    assert [first[name] for name in counts] == [9, 4, 2, 1]
    assert (rows["84005312"]["status"], rows["84005312"]["account_id"]) == (429, "p-1")
    assert (rows["84005313"]["response"], rows["84005313"]["stop_reason"]) == ("A lark.", "STOP")
    claude = rows["84005314"]
    assert (claude["model"], claude["prompt"], claude["response"]) == (
        "claude-sonnet-5",
        "Name a tree.",
        "An oak.",
    )


def test_vertex_from_parquet(tmp_path: Path) -> None:
    """BigQuery's export to Parquet: JSON as text, NUMERIC as decimals, times as times."""
    lines = (SAMPLES / "vertex" / "bq-000000000000.json").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    for place, record in enumerate(records):
        for name in ("full_request", "full_response", "metadata"):
            if isinstance(record.get(name), dict):
                record[name] = json.dumps(record[name])
        record["request_id"] = place + 5
        record["logging_time"] = datetime(2026, 11, 23, 10, 0, place, tzinfo=UTC)
    table = pa.Table.from_pylist(records)
    numeric = pa.decimal128(38, 9)
    table = table.set_column(
        table.schema.get_field_index("request_id"), "request_id", table["request_id"].cast(numeric)
    )
    path = tmp_path / "bq.parquet"
    pq.write_table(table, path)
    found = recognise(path)
    assert found is not None
    assert found.format == "vertex"
    rows = gather(read_exchanges(path)).rows
    assert [row["exchange_id"] for row in rows] == ["5", "6", "7", "8"]
    assert [row["response"] for row in rows] == ["A wren.", None, "A lark.", "An oak."]


def test_azure_samples() -> None:
    """Messages cut between and inside records are whole again; who called comes from the gateway's
    log in its own folder; what no call goes with is refused, not guessed at."""
    readings = read_folder(SAMPLES / "azure_apim")
    rows = {row["exchange_id"]: row for reading in readings for row in reading.rows}
    first = rows["c-1"]
    assert (first["prompt"], first["system"], first["response"], first["turns"]) == (
        "Name a flower, please.",
        "Be brief.",
        "A daisy.",
        2,
    )
    assert (first["account_id"], first["ip"], first["status"], first["latency_ms"]) == (
        "team-a",
        "203.0.113.40",
        200,
        812,
    )
    assert (first["max_tokens"], first["input_tokens"], first["output_tokens"]) == (99, 20, 6)
    assert first["user_agent"] == "OpenAI/Python 3.5"
    assert not first["headers"], "a subscription's key was kept"
    assert (rows["c-2"]["prompt"], rows["c-2"]["account_id"]) == ("cut in the middle", "team-b")
    assert (rows["t-1"]["prompt"], rows["t-1"]["account_id"]) == ("Hi", "team-c")
    reasons: dict[str, int] = {}
    for reading in readings:
        for reason, n in reading.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + n
    assert reasons == {"unjoined": 1, "not_an_exchange": 4}


def test_azure_rows_in_any_order() -> None:
    """The order in which records come decides nothing but the order of rows."""
    lines = (SAMPLES / "azure_apim").rglob("PT1H.json")
    records = [json.loads(line) for path in lines for line in path.read_text().splitlines()]

    def read(given: list[Any]) -> dict[str, Any]:
        reader = azure_apim.Reader()
        made: list[Any] = [row for record in given for row in reader.add(record)]
        made += reader.finish()
        return {row["exchange_id"]: row for row in made if isinstance(row, dict)}

    forward = read(records)
    assert forward.keys() == {"c-1", "c-2"}
    assert read(records[::-1]) == forward


def test_azure_lets_go_of_what_waits_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded: the oldest come out, and what comes later for them is told."""
    monkeypatch.setattr(azure_apim.Waiting.__init__, "__defaults__", (10_000,))
    reader = azure_apim.Reader()
    made: list[Any] = []
    for n in range(100):
        made += reader.add({"CorrelationId": f"c-{n}", "ApimSubscriptionId": "a"})
        made += reader.add({"CorrelationId": f"c-{n}", "SequenceNumber": 0, "ModelName": "m"})
    out = [row["exchange_id"] for row in made if isinstance(row, dict)]
    assert out == [f"c-{n}" for n in range(len(out))]
    assert 85 <= len(out) < 100
    late = reader.add({"CorrelationId": "c-0", "SequenceNumber": 1, "RequestMessages": "[]"})
    assert [fault.reason for fault in late if isinstance(fault, Refused)] == ["unjoined"]
    made += reader.finish()
    assert sum(isinstance(row, dict) for row in made) == 100


def test_azure_makes_room_many_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What has to make room comes out of a run of records as it does one by one, cut texts and
    records of other spelling among them; no exchange is lost, and what comes later is told."""
    lines: list[dict[str, Any]] = []
    for n in range(300):
        key = {"category": "GatewayLogs", "correlationId": f"c-{n}"}
        text = json.dumps([{"role": "user", "content": f"Task {n} " * 50}])
        answer = json.dumps([{"role": "assistant", "content": "Done", "finish_reason": "stop"}])
        parts = [
            {"sequenceNumber": 0, "deploymentName": "m", "promptTokens": n % 3},
            {"sequenceNumber": 2, "requestMessages": text[200:]},
            {"sequenceNumber": 1, "requestMessages": text[:200]},
            {"sequenceNumber": 3, "responseMessages": answer},
        ]
        lines.append({**key, "time": "2026-11-23T10:00:00Z", "properties": {"responseCode": 200}})
        lines[-1]["properties"] |= {"apimSubscriptionId": f"team-{n % 7}" if n % 11 else ""}
        lines += [{**key, "properties": part} for part in parts]
        if n % 13 == 0:
            lines[-1] = {"CorrelationId": f"c-{n}", "SequenceNumber": 3, "ResponseMessages": answer}
    late = {"correlationId": "c-1", "properties": {"sequenceNumber": 9, "requestMessages": "[]"}}
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, late]))
    monkeypatch.setattr(azure_apim.Waiting.__init__, "__defaults__", (20_000,))
    monkeypatch.setattr(streams.pieces, "__defaults__", (20_000,))
    fast = gather(read_exchanges(path, format="azure_apim"))
    general = replace(
        format_named("azure_apim"), reader=lambda around: azure_apim.Reader(around.path)
    )
    slow = gather(read_exchanges(path, format=general))
    assert {row["exchange_id"]: row for row in fast.rows} == {
        row["exchange_id"]: row for row in slow.rows
    }
    assert fast.reasons == slow.reasons
    assert fast.reasons["unjoined"] == 1
    assert fast.kept.num_rows + fast.reasons["missing:account_id"] == 300
    assert {row["response"] for row in fast.rows} == {"Done"}
    assert max(len(row["prompt"]) for row in fast.rows) == len("Task 100 " * 50)


def test_azure_exchanges_that_are_logged_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Records of many exchanges among each other, over parts of a file, in any spelling; what is
    said of an exchange after its answer belongs to it, too."""
    records: list[list[dict[str, Any]]] = []
    for n in range(400):
        key = {"correlationId": f"c-{n}", "time": "2026-11-23T10:00:00Z"}
        asked = json.dumps([{"role": "user", "content": f"Äufgabe {n} " * 20}])
        answer = json.dumps([{"role": "assistant", "content": f"Done {n}"}])
        parts: list[dict[str, Any]] = [
            {"sequenceNumber": 0, "deploymentName": "m", "completionTokens": n % 2},
            {"sequenceNumber": 1, "requestMessages": asked[:100]},
            {"sequenceNumber": 2, "requestMessages": asked[100:]},
            {"sequenceNumber": 3, "responseMessages": answer},
        ]
        if n % 7 == 0:
            parts.append({"sequenceNumber": 4, "responseMessages": answer})
        if n % 11 == 0:
            parts[2]["promptTokens"] = n
        mine = [
            key | {"properties": part} for part in parts if n % 17 or "responseMessages" not in part
        ]
        call = {"apimSubscriptionId": f"team-{n % 7}", "responseCode": 200}
        mine.insert(n % 3, key | {"properties": call})
        if n % 13 == 0:
            mine.append({"CorrelationId": f"c-{n}", "SequenceNumber": 5, "RequestMessages": "[]"})
        records.append(mine)
    rng = random.Random(5)
    lines: list[dict[str, Any]] = []
    underway: list[list[dict[str, Any]]] = []
    while records or underway:
        while records and len(underway) < 20:
            underway.append(records.pop(0))
        chosen = rng.choice(underway)
        lines.append(chosen.pop(0))
        underway = [some for some in underway if some]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setattr(streams.pieces, "__defaults__", (10_000,))
    general = replace(
        format_named("azure_apim"), reader=lambda around: azure_apim.Reader(around.path)
    )
    fast = gather(read_exchanges(path, format="azure_apim"))
    slow = gather(read_exchanges(path, format=general))
    assert fast.kept.sort_by("exchange_id").equals(slow.kept.sort_by("exchange_id"))
    assert fast.kept.num_rows == 400
    assert fast.reasons == slow.reasons


Write = Callable[[Any, Path], Callable[[str], str]]
BACK: list[tuple[str, Write, dict[str, Any], frozenset[str]]] = [
    ("bedrock", partial(write_bedrock, spill_chars=2000), {}, bedrock.COLUMNS),
    ("vertex", write_vertex, {}, vertex.COLUMNS),
    ("azure", write_azure, {}, azure_apim.COLUMNS),
]
NOT_WRITTEN = {
    "bedrock": {"tools_digest", "end_user", "reasoning_tokens", "org_id", "key_id"},
    "vertex": {"tools_digest", "end_user"},
    "azure": {"tools_digest", "end_user", "key_id", "headers"},
}
"""What the format can't hold as the contract does, or the writer doesn't know."""


@pytest.mark.parametrize(("surface", "write", "asked", "columns"), BACK, ids=lambda v: str(v)[:9])
def test_written_out_and_read_back(
    surface: str, write: Write, asked: dict[str, Any], columns: frozenset[str], tmp_path: Path
) -> None:
    """Exchanges of all sorts come back as they were, in every column that the format can fill."""
    rows = make_exchanges(300, seed=7).to_pylist()
    renamed = write(rows, tmp_path)
    back = rows_of(tmp_path, **asked)
    assert len(back) == len(rows)
    compared = columns - NOT_WRITTEN[surface]
    assert len(compared) > 12
    for row in rows:
        failed = surface == "vertex" and (row["status"] or 200) != 200
        want = row | {
            "account_id": renamed(row["account_id"]),
            "surface": surface,
            "turns": row["turns"] or 1,
            "status": row["status"] or (None if surface == "azure" else 200),
        }
        got = back[row["exchange_id"]]
        for name in compared:
            if failed and name in RESPONSE_COLUMNS:
                assert got[name] is None
            elif name == "turns" and row["system"] and surface == "azure":
                assert got[name] == want[name] + 1
            else:
                assert (got[name] or None) == (want[name] or None) or got[name] == want[name], name


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "content", "role", "type", "messages", "parts", "x"])
            | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
TEXT = st.text(max_size=40)
COUNT = st.integers(0, 2**31 - 1)
BLOCKS = st.lists(
    st.fixed_dictionaries({"text": TEXT})
    | st.fixed_dictionaries({"toolUse": JSON})
    | st.fixed_dictionaries({"toolResult": st.fixed_dictionaries({"content": JSON})})
    | st.fixed_dictionaries({"image": JSON}),
    max_size=4,
)
CONVERSE = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["user", "assistant"]), "content": BLOCKS}
            ),
            max_size=4,
        )
    },
    optional={
        "system": st.lists(st.fixed_dictionaries({"text": TEXT}), max_size=2),
        "inferenceConfig": st.fixed_dictionaries({}, optional={"maxTokens": COUNT}),
        "toolConfig": st.fixed_dictionaries(
            {
                "tools": st.lists(
                    st.fixed_dictionaries({"toolSpec": st.fixed_dictionaries({"name": TEXT})}),
                    max_size=3,
                )
            }
        ),
        "additionalModelRequestFields": JSON,
    },
)
NATIVE = (
    st.fixed_dictionaries({"prompt": TEXT}, optional={"max_gen_len": COUNT})
    | st.fixed_dictionaries({"inputText": TEXT})
    | st.fixed_dictionaries(
        {
            "anthropic_version": st.just("bedrock-2023-05-31"),
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.just("user"), "content": TEXT}), max_size=3
            ),
        }
    )
)
ANSWERS = (
    st.none()
    | st.fixed_dictionaries(
        {"output": st.fixed_dictionaries({"message": st.fixed_dictionaries({"content": BLOCKS})})}
    )
    | st.fixed_dictionaries({"generation": TEXT, "stop_reason": TEXT})
    | st.lists(st.fixed_dictionaries({"generation": TEXT}), max_size=4)
    | st.lists(
        st.fixed_dictionaries({"contentBlockDelta": st.fixed_dictionaries({"delta": JSON})}),
        max_size=4,
    )
    | st.just({})
)


@given(body=CONVERSE | NATIVE, answer=ANSWERS, count=COUNT)
@settings(max_examples=150, deadline=None)
def test_any_invocation_that_bedrock_allows_is_kept(body: Any, answer: Any, count: int) -> None:
    """Whatever blocks, tools and streams: one row, with the required columns filled."""
    record = {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-23T10:00:01Z",
        "accountId": "111122223333",
        "requestId": "r",
        "modelId": "m",
        "input": {"inputBodyJson": body, "inputTokenCount": count},
        "output": {"outputBodyJson": answer},
    }
    (row,) = bedrock.Reader().add(record)
    assert isinstance(row, dict)
    batch = rows_to_batch([row], Plan(EXCHANGES))
    assert batch.kept.num_rows == 1
    (kept,) = batch.kept.to_pylist()
    assert kept["input_tokens"] == count


SAMPLE_RECORDS = {
    "bedrock": next((SAMPLES / "bedrock").rglob("*ab12.json")),
    "vertex": SAMPLES / "vertex" / "bq-000000000000.json",
    "azure_apim": next((SAMPLES / "azure_apim").rglob("insights-logs-gatewayllmlogs/**/PT1H.json")),
    "gateway": next((SAMPLES / "azure_apim").rglob("insights-logs-gatewaylogs/**/PT1H.json")),
    "cloudtrail": next((SAMPLES / "bedrock").rglob("*CloudTrail*.json")),
}


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(spot for key, held in inner for spot in spots(held, (*path, key)))]


@pytest.mark.parametrize("name", SAMPLE_RECORDS)
@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_anything_in_any_place_is_kept_or_refused_with_a_reason(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A value of any kind anywhere in a sample: no failure of our own, and nothing is lost."""
    text = SAMPLE_RECORDS[name].read_text()
    records = [json.loads(line) for line in text.splitlines()] if name != "cloudtrail" else None
    records = records or json.loads(text)["Records"]
    records = copy.deepcopy(data.draw(st.permutations(records)))[:4]
    for _ in range(data.draw(st.integers(1, 3))):
        record = data.draw(st.sampled_from(records))
        where = data.draw(st.sampled_from(spots(record)[1:]))
        holder = record
        try:
            for step in where[:-1]:
                holder = holder[step]
            holder[where[-1]] = data.draw(JSON)
        except (KeyError, IndexError, TypeError):
            continue
    folder = tmp_path_factory.mktemp("any")
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    asked = "azure_apim" if name == "gateway" else name
    reading = gather(read_exchanges(path, format=asked))
    assert "failed" not in reading.reasons
    if name in ("bedrock", "vertex", "cloudtrail", "gateway"):
        assert reading.read >= len(records)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "address",
    [
        "s3://b/../../etc/passwd",
        "s3://b//etc/passwd",
        "s3://b/secret.json",
        "s3://b/" + "x" * 5000,
        "s3://b/nul\x00.json",
        "s3://",
        "/etc/passwd",
    ],
)
def test_no_body_is_taken_from_elsewhere(address: str, tmp_path: Path) -> None:
    """Neither dots nor links lead out of the log's folder."""
    log = tmp_path / "logs" / "log.json"
    log.parent.mkdir()
    log.touch()
    (tmp_path / "secret.json").write_text("{}")
    (log.parent / "secret.json").symlink_to(tmp_path / "secret.json")
    assert find_spilled(log, address) is None


def test_a_spilled_bomb_is_no_body(tmp_path: Path) -> None:
    """A body beyond the limit of a record is left alone, and told as missing."""
    record = json.loads(SAMPLE_RECORDS["bedrock"].read_text().splitlines()[9])
    log = tmp_path / "log.json"
    log.write_text(json.dumps(record))
    (tmp_path / "data").mkdir()
    body = b'{"prompt": "' + b"x" * (20 << 20) + b'"}'
    (tmp_path / "data" / "br-10_input.json.gz").write_bytes(gzip.compress(body, 1))
    reading = gather(read_exchanges(log))
    assert [row["prompt"] for row in reading.rows] == [""]
    assert reading.repaired == {"input_body": 1}


def test_a_trail_that_comes_later_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is followed: the index takes in files that were not there before."""
    monkeypatch.setattr("stillwatch.sources.beside.REFRESH_S", 0.0)
    log = tmp_path / "log.json"
    log.touch()
    index = beside(log, TRAIL)
    assert index.said_of("r-1") is None
    call = {"eventSource": "bedrock.amazonaws.com", "requestID": "r-1", "sourceIPAddress": "::1"}
    (tmp_path / "trail.json").write_text(json.dumps({"Records": [call]}, indent=1))
    said = beside(log, TRAIL).said_of("r-1")
    assert said is not None
    assert said["ip"] == "::1"


def test_a_long_document_streams(tmp_path: Path) -> None:
    """One array around more records than one record may be long: each is read by itself."""
    line = SAMPLE_RECORDS["gateway"].read_text().splitlines()[0]
    path = tmp_path / "one.json"
    many = 17 * (1 << 20) // len(line) + 1
    path.write_text('{ "records": [' + ",".join([line] * many) + "]}")
    reading = gather(read_exchanges(path))
    assert reading.reasons == {"not_an_exchange": many}


def test_the_contract_in_a_wrapper(tmp_path: Path) -> None:
    """`records` around rows of the contract, where the contract is insisted on."""
    path = tmp_path / "wrapped.json"
    path.write_bytes(
        b'{"records": [' + to_lines(make_exchanges(3)).strip().replace(b"\n", b",") + b"]}"
    )
    assert len(gather(read_exchanges(path, format="contract")).rows) == 3


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_bodies_of_any_shape(body: Any) -> None:
    """Bodies are the client's: whatever they are, columns come out or a reason does."""
    assert response_columns(plain_response(body)).keys() == RESPONSE_COLUMNS
    plain = plain_request(body)
    with suppress(Refused):
        assert isinstance(request_columns(plain)["prompt"], str)


def test_mended_is_told_before_its_row() -> None:
    """A record whose body can't be found gives what is missing, then its row."""
    record = json.loads(SAMPLE_RECORDS["bedrock"].read_text().splitlines()[10])
    made = bedrock.Reader().add(record)
    assert made[0] == Mended("input_body")
    assert isinstance(made[1], dict)
    assert msgspec.json.encode(made[1]["exchange_id"]) == b'"br-11"'
