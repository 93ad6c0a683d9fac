"""Exchanges of the contract written out as the gateways' own logs would have them.

`WRITERS[format]` turns rows (of `EXCHANGES`, as `to_pylist` gives them) into records of that
format, one JSON object each. What a format has no place for is left out; what comes back is
`COLUMNS` of the format's module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]


def to_litellm(rows: Iterable[Row]) -> Iterator[Row]:
    """LiteLLM's log callback."""
    for row in rows:
        body = _request(row)
        yield {
            "id": row["exchange_id"],
            "litellm_call_id": row["exchange_id"],
            "call_type": "acompletion",
            "session_id": row["conversation_id"] or "",
            "startTime": _seconds(row["ts"]),
            "endTime": _seconds(_end(row)),
            "model": f"openai/{row['model']}",
            "model_group": row["model"],
            "end_user": row["end_user"] or "",
            "requester_ip_address": row["ip"],
            "user_agent": row["user_agent"],
            "messages": body.pop("messages", body.pop("prompt", None)),
            "model_parameters": body,
            "response": _response(row),
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
            **_litellm_outcome(row),
            "metadata": {
                "user_api_key_user_id": row["account_id"],
                "user_api_key_hash": row["key_id"],
                "user_api_key_org_id": row["org_id"],
                "requester_custom_headers": _headers(row),
                "usage_object": _usage(row),
            },
        }


def _litellm_outcome(row: Row) -> Row:
    status = row["status"]
    if status in (None, 200):
        return {"status": None if status is None else "success"}
    return {"status": "failure", "error_information": {"error_code": str(status)}}


def to_litellm_spend(rows: Iterable[Row]) -> Iterator[Row]:
    """LiteLLM's table, with its JSON columns as text."""
    for row in rows:
        outcome = _litellm_outcome(row)
        metadata = {
            "user_agent": row["user_agent"],
            "usage_object": _usage(row),
            "error_information": outcome.get("error_information"),
        }
        request = _request(row) | {"metadata": {"headers": _headers(row)}}
        yield {
            "request_id": row["exchange_id"],
            "call_type": "acompletion",
            "api_key": row["key_id"] or "",
            "spend": 0.0,
            "startTime": row["ts"].isoformat(),
            "endTime": _end(row).isoformat(),
            "model": f"openai/{row['model']}",
            "model_group": row["model"],
            "user": row["account_id"],
            "team_id": "",
            "organization_id": row["org_id"] or "",
            "end_user": row["end_user"] or "",
            "requester_ip_address": row["ip"],
            "session_id": row["conversation_id"],
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
            "status": outcome["status"],
            "messages": "{}",
            "response": json.dumps(_response(row) or {}),
            "proxy_server_request": json.dumps(request),
            "metadata": json.dumps(metadata),
        }


def to_langfuse(rows: Iterable[Row]) -> Iterator[Row]:
    """Langfuse's enriched observations."""
    for row in rows:
        body = _request(row)
        body.pop("user", None)
        tools = body.pop("tools", None)
        yield {
            "id": row["exchange_id"],
            "trace_id": f"trace-{row['exchange_id']}",
            "type": "GENERATION",
            "parent_observation_id": "",
            "start_time": _spaced(row["ts"]),
            "end_time": _spaced(_end(row)),
            "user_id": row["account_id"],
            "session_id": row["conversation_id"] or "",
            "trace_name": "",
            "provided_model_name": row["model"],
            "input": json.dumps(_only(body, "messages", "prompt", "system") | _user(row)),
            "output": json.dumps(_response(row)),
            "model_parameters": json.dumps(_without(body, "messages", "prompt", "system")),
            "usage_details": _only(
                {
                    "input": row["input_tokens"],
                    "output": row["output_tokens"],
                    "output_reasoning_tokens": row["reasoning_tokens"],
                    "input_cached_tokens": row["cached_tokens"],
                }
            ),
            "tool_definitions": {tool["name"]: json.dumps(tool) for tool in tools or ()},
            "level": "DEFAULT" if row["status"] in (None, 200) else "ERROR",
            "status_message": "" if row["status"] in (None, 200) else f"{row['status']} no",
            "metadata": _only({"ip": row["ip"], "user_agent": row["user_agent"]}),
        }


def to_helicone(rows: Iterable[Row]) -> Iterator[Row]:
    """Helicone's requests."""
    for row in rows:
        yield {
            "request_id": row["exchange_id"],
            "request_created_at": row["ts"].isoformat(),
            "request_user_id": row["account_id"],
            "key_name": row["key_id"],
            "request_path": "https://api.openai.com/v1/chat/completions",
            "request_model": row["model"],
            "helicone_user": None,
            "request_body": _request(row),
            "response_body": _response(row),
            "response_status": row["status"],
            "delay_ms": row["latency_ms"],
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
            "prompt_cache_read_tokens": row["cached_tokens"],
            "country_code": row["country"],
            "properties": _only({"Helicone-Session-Id": row["conversation_id"]}),
        }


def to_otel(rows: Iterable[Row], a_payload: int = 20) -> Iterator[Row]:
    """OTLP JSON: spans with their content as JSON text, some of them a payload."""
    spans = [_span(number, row) for number, row in enumerate(rows, 1)]
    for at in range(0, len(spans), a_payload):
        scope = {"scope": {"name": "writer"}, "spans": spans[at : at + a_payload]}
        yield {"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]}


def _span(number: int, row: Row) -> Row:
    body = _request(row)
    messages = body.get("messages")
    if messages is not None:
        messages = [{"role": m["role"], "parts": _parts(m["content"])} for m in messages]
    answer = None
    if row["response"] is not None:
        answer = {"role": "assistant", "parts": _parts(row["response"])}
    known: Row = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": row["model"],
        "gen_ai.input.messages": messages and json.dumps(messages),
        "gen_ai.prompt": body.get("prompt"),
        "gen_ai.output.messages": None if answer is None else json.dumps([answer]),
        "gen_ai.system_instructions": row["system"] and json.dumps(_parts(row["system"])),
        "gen_ai.tool.definitions": body.get("tools") and json.dumps(body["tools"]),
        "gen_ai.request.max_tokens": row["max_tokens"],
        "gen_ai.request.temperature": row["temperature"],
        "gen_ai.request.reasoning.level": {True: "high", False: "none", None: None}[
            row["thinking"]
        ],
        "gen_ai.response.finish_reasons": row["stop_reason"] and [row["stop_reason"]],
        "gen_ai.usage.input_tokens": row["input_tokens"],
        "gen_ai.usage.output_tokens": row["output_tokens"],
        "gen_ai.usage.reasoning.output_tokens": row["reasoning_tokens"],
        "gen_ai.usage.cache_read.input_tokens": row["cached_tokens"],
        "gen_ai.conversation.id": row["conversation_id"],
        "user.id": row["account_id"],
        "client.address": row["ip"],
        "user_agent.original": row["user_agent"],
        "device.id": row["device_id"],
        "client.geo.country.iso_code": row["country"],
        "http.response.status_code": row["status"],
        **{f"http.request.header.{k}": [v] for k, v in _headers(row).items() if v is not None},
    }
    start = round(_seconds(row["ts"]) * 1_000_000) * 1000
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + (row["latency_ms"] or 0) * 1_000_000),
        "attributes": [{"key": k, "value": _any(v)} for k, v in known.items() if v is not None],
    }


def _parts(text: str) -> list[Row]:
    return [{"type": "text", "content": text}] if text else []


def _any(value: Any) -> Row:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    return {"stringValue": value}


def to_envoy(rows: Iterable[Row]) -> Iterator[Row]:
    """Envoy AI Gateway's access logs, with the account in a header."""
    for row in rows:
        yield {
            "start_time": row["ts"].isoformat(),
            "x-request-id": row["exchange_id"],
            "x-account-id": row["account_id"],
            "session.id": row["conversation_id"],
            "method": "POST",
            "response_code": row["status"],
            "response_flags": "-",
            "duration": row["latency_ms"],
            "gen_ai.request.model": row["model"],
            "gen_ai.usage.input_tokens": row["input_tokens"],
            "gen_ai.usage.output_tokens": row["output_tokens"],
            "gen_ai.usage.reasoning_tokens": row["reasoning_tokens"],
            "gen_ai.usage.cached_input_tokens": row["cached_tokens"],
            "downstream_remote_address": row["ip"] and f"[{row['ip']}]:44321",
            "user-agent": row["user_agent"],
            "ja4": row["ja4"],
            **{k: v for k, v in _headers(row).items() if k.startswith("x-")},
        }


def to_native(rows: Iterable[Row]) -> Iterator[Row]:
    """Both bodies, with who and when beside them."""
    beside = ("account_id", "org_id", "key_id", "conversation_id", "surface", "status")
    beside += ("latency_ms", "ip", "country", "user_agent", "device_id")
    for row in rows:
        yield {
            "request_id": row["exchange_id"],
            "timestamp": row["ts"].isoformat(),
            "request": _request(row),
            "response": _response(row),
            "headers": _headers(row),
            **{
                {"account_id": "customer_id"}.get(name, name): row[name]
                for name in beside
                if row[name] is not None
            },
        }


WRITERS: dict[str, Callable[[Iterable[Row]], Iterator[Row]]] = {
    "litellm": to_litellm,
    "litellm_spend": to_litellm_spend,
    "langfuse": to_langfuse,
    "helicone": to_helicone,
    "otel": to_otel,
    "envoy": to_envoy,
    "native": to_native,
}


def _request(row: Row) -> Row:
    """The body of the request: turns before the last say nothing, for no log has kept them."""
    asked: Row = {"model": row["model"]}
    if row["turns"]:
        before = [{"role": "assistant", "content": ""} for _ in range(row["turns"] - 1)]
        asked["messages"] = [*before, {"role": "user", "content": row["prompt"]}]
    else:
        asked["prompt"] = row["prompt"]
    tools = [
        {"name": name, "description": row["tools_digest"] or ""} for name in row["tools"] or ()
    ]
    thinking = {True: {"type": "enabled"}, False: {"type": "disabled"}, None: None}
    return asked | _only(
        {
            "system": row["system"],
            "tools": tools or None,
            "max_tokens": row["max_tokens"],
            "temperature": row["temperature"],
            "thinking": thinking[row["thinking"]],
            **_user(row),
        }
    )


def _user(row: Row) -> Row:
    return _only({"user": row["end_user"]})


def _response(row: Row) -> Row | None:
    held = _only({"stop_reason": row["stop_reason"], "usage": _usage(row) or None})
    if row["response"] is not None:
        held["content"] = [{"type": "text", "text": row["response"]}]
    return held or None


def _usage(row: Row) -> Row:
    return _only(
        {
            "input_tokens": row["input_tokens"],
            "output_tokens": row["output_tokens"],
            "output_tokens_details": None
            if row["reasoning_tokens"] is None
            else {"reasoning_tokens": row["reasoning_tokens"]},
            "cache_read_input_tokens": row["cached_tokens"],
        }
    )


def _headers(row: Row) -> Row:
    return dict(row["headers"] or ())


def _only(held: Row, *names: str) -> Row:
    """What is there of `held`, or of `names` in it."""
    return {k: v for k, v in held.items() if v is not None and (not names or k in names)}


def _without(held: Row, *names: str) -> Row:
    return {k: v for k, v in held.items() if k not in names}


def _end(row: Row) -> datetime:
    return row["ts"] + timedelta(milliseconds=row["latency_ms"] or 0)


def _seconds(time: datetime) -> float:
    return time.timestamp()


def _spaced(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")
