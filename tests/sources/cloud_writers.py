"""Exchanges of the contract written out as the clouds log them, for what reads them back.

Each writer takes rows as `to_pylist` gives them, writes a folder laid out as the cloud would, and
says what accounts are called there. What a format has no place for is left out.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

Row = dict[str, Any]
Renamed = Callable[[str], str]
"""From an account's name in the contract to its name in the format."""

CUT_CHARS = 32 << 10
"""Azure cuts what is longer."""
AWS = "111122223333"


def _lines(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


def _said(**values: Any) -> Row:
    return {name: value for name, value in values.items() if value is not None}


def _turns(row: Row) -> list[tuple[str, str]]:
    """Roles and texts, ending in the row's prompt; what was said before is not known."""
    before = max(0, (row["turns"] or 1) - 1)
    roles = ["user" if (before - i) % 2 == 0 else "assistant" for i in range(before)]
    return [(role, "") for role in roles] + [("user", row["prompt"])]


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def write_bedrock(rows: Iterable[Row], folder: Path, spill_chars: int = 20_000) -> Renamed:
    """Converse with its CloudTrail; bodies longer than `spill_chars` in objects of their own."""
    log = folder / f"AWSLogs/{AWS}/BedrockModelInvocationLogs/us-east-1/2026/11/23/10"
    records, trail = [], []
    for row in rows:
        body = _converse(row)
        given: Row = {"inputContentType": "application/json"}
        if len(row["prompt"]) > spill_chars:
            spilled = log / "data" / f"{row['exchange_id']}_input.json.gz"
            _lines(spilled, [body])
            given["inputBodyS3Path"] = f"s3://bucket/{spilled.relative_to(folder)}"
        else:
            given["inputBodyJson"] = body
        given |= _said(
            inputTokenCount=row["input_tokens"], cacheReadInputTokenCount=row["cached_tokens"]
        )
        records.append(
            {
                "schemaType": "ModelInvocationLog",
                "schemaVersion": "1.0",
                "timestamp": _time(row["ts"]),
                "accountId": row["org_id"] or _aws(row["account_id"]),
                "identity": {"arn": _arn(row["account_id"])},
                "requestId": row["exchange_id"],
                "operation": "Converse",
                "modelId": row["model"],
                "input": given,
                "output": {
                    "outputContentType": "application/json",
                    **_said(outputBodyJson=_converse_answer(row)),
                    **_said(outputTokenCount=row["output_tokens"]),
                },
                **({"errorCode": "ThrottlingException"} if row["status"] == 429 else {}),
                **_said(status=row["status"]),
                **_said(
                    requestMetadata=row["conversation_id"]
                    and {"session_id": row["conversation_id"]}
                ),
            }
        )
        trail.append(
            {
                "eventSource": "bedrock.amazonaws.com",
                "eventName": "Converse",
                "requestID": row["exchange_id"],
                **_said(sourceIPAddress=row["ip"], userAgent=row["user_agent"]),
            }
        )
    _lines(log / "20261123T100000000Z_ab.json.gz", records)
    beside = folder / f"AWSLogs/{AWS}/CloudTrail/us-east-1/2026/11/23"
    _lines(beside / f"{AWS}_CloudTrail_us-east-1_x.json.gz", [{"Records": trail}])
    return _arn


def _arn(account: str) -> str:
    """Each customer has an AWS account of its own, with one user."""
    return f"arn:aws:iam::{_aws(account)}:user/{account}"


def _aws(account: str) -> str:
    return str(10**11 + int.from_bytes(blake2b(account.encode(), digest_size=4).digest()))


def _converse(row: Row) -> Row:
    settings = _said(maxTokens=row["max_tokens"], temperature=row["temperature"])
    kind = {True: "enabled", False: "disabled"}.get(row["thinking"])
    return _said(
        system=row["system"] and [{"text": row["system"]}],
        messages=[{"role": role, "content": [{"text": text}]} for role, text in _turns(row)],
        inferenceConfig=settings or None,
        toolConfig=row["tools"]
        and {"tools": [{"toolSpec": {"name": tool}} for tool in row["tools"]]},
        additionalModelRequestFields=kind and {"thinking": {"type": kind}},
    )


def _converse_answer(row: Row) -> Row | None:
    if row["response"] is None and row["stop_reason"] is None and row["latency_ms"] is None:
        return None
    content = [] if row["response"] is None else [{"text": row["response"]}]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        **_said(stopReason=row["stop_reason"]),
        "metrics": _said(latencyMs=row["latency_ms"]),
    }


def write_vertex(rows: Iterable[Row], folder: Path, project: str = "p-1") -> Renamed:
    """Gemini's rows as BigQuery exports them to JSON lines; every second one as text."""
    _lines(
        folder / "bq-000000000000.json", (_vertex(i, row, project) for i, row in enumerate(rows))
    )
    return lambda account: account


def _vertex(place: int, row: Row, project: str) -> Row:
    kinds = {True: -1, False: 0}
    settings = _said(
        maxOutputTokens=row["max_tokens"],
        temperature=row["temperature"],
        thinkingConfig=_said(thinkingBudget=kinds.get(row["thinking"])) or None,
    )
    roles = {"user": "user", "assistant": "model"}
    asked = _said(
        contents=[{"role": roles[r], "parts": [{"text": text}]} for r, text in _turns(row)],
        systemInstruction=row["system"] and {"parts": [{"text": row["system"]}]},
        generationConfig=settings or None,
        tools=row["tools"] and [{"functionDeclarations": [{"name": t} for t in row["tools"]]}],
        labels=_said(account_id=row["account_id"], session_id=row["conversation_id"]),
    )
    candidate = {"content": {"role": "model", "parts": [{"text": row["response"] or ""}]}}
    told = {
        "candidates": [candidate | _said(finishReason=row["stop_reason"])],
        "usageMetadata": _said(
            promptTokenCount=row["input_tokens"],
            candidatesTokenCount=row["output_tokens"],
            thoughtsTokenCount=row["reasoning_tokens"],
            cachedContentTokenCount=row["cached_tokens"],
        ),
    }
    if (row["status"] or 200) != 200:
        told = {"error": {"code": row["status"]}}
    logged = row["ts"] + timedelta(milliseconds=row["latency_ms"] or 0)
    text = place % 2 == 1
    return {
        "endpoint": f"projects/{project}/locations/us/publishers/google/models/{row['model']}",
        "logging_time": logged.strftime("%Y-%m-%d %H:%M:%S.%f UTC"),
        "request_id": row["exchange_id"],
        "model": row["model"],
        "api_method": "generateContent",
        "full_request": msgspec.json.encode(asked).decode() if text else asked,
        "full_response": msgspec.json.encode(told).decode() if text else told,
        "metadata": _said(request_latency=row["latency_ms"]),
    }


def write_azure(rows: Iterable[Row], folder: Path) -> Renamed:
    """Resource logs of the messages, cut where they are long, and of the gateway."""
    llm: list[Row] = []
    gateway: list[Row] = []
    for row in rows:
        llm += _llm(row)
        headers = dict(row["headers"] or ()) | _said(**{"User-Agent": row["user_agent"]})
        body = _said(
            max_tokens=row["max_tokens"],
            temperature=row["temperature"],
            tools=row["tools"] and [{"name": tool} for tool in row["tools"]],
            thinking=None
            if row["thinking"] is None
            else {"type": "enabled" if row["thinking"] else "disabled"},
        )
        gateway.append(
            {
                "time": _time(row["ts"]),
                "category": "GatewayLogs",
                "correlationId": row["exchange_id"],
                **_said(callerIpAddress=row["ip"], durationMs=row["latency_ms"]),
                "properties": _said(
                    apimSubscriptionId=row["account_id"],
                    responseCode=row["status"],
                    requestHeaders=headers or None,
                    requestBody=msgspec.json.encode(body).decode(),
                ),
            }
        )
    _lines(folder / "insights-logs-gatewayllmlogs/y=2026/PT1H.json", llm)
    _lines(folder / "insights-logs-gatewaylogs/y=2026/PT1H.json", gateway)
    return lambda account: account


def _llm(row: Row) -> list[Row]:
    sent = [{"role": role, "content": text} for role, text in _turns(row)]
    if row["system"]:
        sent.insert(0, {"role": "system", "content": row["system"]})
    got = [{"role": "assistant", "content": row["response"] or ""}]
    got[0] |= _said(finish_reason=row["stop_reason"])
    parts: list[Row] = [
        _said(
            deploymentName=row["model"],
            promptTokens=row["input_tokens"],
            completionTokens=row["output_tokens"],
        )
    ]
    for name, messages in (("requestMessages", sent), ("responseMessages", got)):
        text = msgspec.json.encode(messages).decode()
        parts += [{name: text[i : i + CUT_CHARS]} for i in range(0, len(text), CUT_CHARS)]
    return [
        {
            "time": _time(row["ts"]),
            "category": "GatewayLlmLogs",
            "correlationId": row["exchange_id"],
            "properties": {"sequenceNumber": number, **part},
        }
        for number, part in enumerate(parts)
    ]
