"""Langfuse's blob storage export: enriched observations, and the legacy observations and traces.

Schema: https://langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields (2026),
as JSON, JSON lines, CSV (nested values as JSON text) or Parquet; the public API's names in camel
case are read too. What its fields turn out to mean:

- Only observations of type `GENERATION` are exchanges; the others, traces and scores are told as
  no exchanges.
- The account is the user whom the operator's application names, of the trace. Enriched rows
  (`observations_v2/`) carry it; legacy rows (`observations/`) are joined with `traces/` by
  `trace_id`, in whichever order they come. The project is the operator's own: no organisation.
- `input` and `output` are what the instrumented library was given and gave: bodies or messages of
  OpenAI, Anthropic, LangChain, or anything else, which then stands as text.
- `latency` is in seconds or milliseconds, by the integration's age: the times tell instead.
- Addresses and user agents have no column; where the application puts them among the metadata
  under a usual name they are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stillwatch.sources import reasons
from stillwatch.sources.addresses import nearest_address
from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.coerce import time_us
from stillwatch.sources.counterparts import files_beside, payloads_of
from stillwatch.sources.joining import LIMIT_BYTES, Waiting
from stillwatch.sources.messages import dig, first, opened_response
from stillwatch.sources.reasons import Refused
from stillwatch.sources.recorded import recorded_request, recorded_response
from stillwatch.sources.shapes import Shape

KEYS = frozenset(
    {
        b"provided_model_name",
        b"usage_details",
        b"parent_observation_id",
        b"tool_call_names",
        b"trace_name",
        b"bookmarked",
        b"release",
        b"traceId",
        b"parentObservationId",
        b"usageDetails",
    }
)

COLUMNS = (
    REQUEST_COLUMNS
    | RESPONSE_COLUMNS
    | {
        "exchange_id",
        "ts",
        "account_id",
        "conversation_id",
        "surface",
        "status",
        "latency_ms",
        "ip",
        "user_agent",
    }
)

_PARAMETERS = {"maxTokens": "max_tokens", "max_completion_tokens": "max_tokens"}
AGENTS = ("user_agent", "user-agent", "user_agent.original", "http.user_agent", "userAgent")
ADDRESSES = ("ip", "ip_address", "client_ip", "client.address", "http.client_ip", "ipAddress")


_OBSERVATIONS, _TRACES = ("observations",), ("traces",)
"""Folders of the legacy layout."""


class Joiner:
    """Observations in, rows out; those of the legacy layout once their trace is known.

    `path` is the file that they are in: traces are looked for in the files beside it, too.
    `account` names a key of the metadata that says who called, in place of the trace's user.
    """

    def __init__(
        self,
        path: Path = Path(),
        account: str | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._path, self._account = path, account
        self._traces: Waiting[dict[str, Any]] = Waiting(limit_bytes // 2)
        self._rows: Waiting[list[dict[str, Any]]] = Waiting(limit_bytes // 2)

    @property
    def shape(self) -> Shape | None:
        """None: all are added."""
        return None

    def add(self, payload: dict[str, Any]) -> list[dict[str, Any] | Refused]:
        """Rows by contract column that `payload` completes, and what is no exchange or was lost."""
        if _is_trace(payload):
            return [*self._trace(payload), Refused(reasons.NOT_AN_EXCHANGE)]
        if payload.get("type") != "GENERATION":
            return [Refused(reasons.NOT_AN_EXCHANGE)]
        row = observation_to_row(payload, self._account)
        if row["account_id"] is not None or "user_id" in payload or "userId" in payload:
            return [row]
        trace_id = first(payload, "trace_id", "traceId")
        if not isinstance(trace_id, str):
            return [row]
        if (trace := self._traces.get(trace_id)) is not None:
            return [_completed(row, trace)]
        rows = [*(self._rows.get(trace_id) or ()), row]
        return list(_unjoined(self._rows.put(trace_id, rows, sum(map(_size, rows)))))

    def finish(self) -> list[dict[str, Any] | Refused]:
        """Rows whose trace is in a file beside, and what never found its trace."""
        rows: list[dict[str, Any] | Refused] = []
        for path in files_beside(self._path, _OBSERVATIONS, _TRACES) if self._rows else ():
            for payload in payloads_of(path):
                if _is_trace(payload):
                    rows += self._trace(payload)
            if not self._rows:
                break
        return [*rows, *_unjoined(self._rows.drain())]

    def _trace(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        trace_id = payload.get("id")
        if not isinstance(trace_id, str):
            return []
        metadata = opened_response(payload.get("metadata"))
        trace = {
            "account_id": _about(metadata, self._account)
            if self._account
            else first(payload, "user_id", "userId"),
            "conversation_id": first(payload, "session_id", "sessionId"),
            **_client(metadata),
        }
        self._traces.put(trace_id, trace)  # the oldest traces are forgotten
        return [_completed(row, trace) for row in self._rows.take(trace_id) or ()]


def _is_trace(payload: dict[str, Any]) -> bool:
    return "type" not in payload and "trace_id" not in payload and "timestamp" in payload


def observation_to_row(payload: dict[str, Any], account: str | None = None) -> dict[str, Any]:
    """One observation as values by contract column, not yet checked against the columns' types.

    Raises `Refused` where the messages are neither text nor a list.
    """
    metadata = opened_response(payload.get("metadata"))
    body = recorded_request(first(payload, "input"))
    parameters = _mapping(first(payload, "model_parameters", "modelParameters"))
    body |= {_PARAMETERS.get(name, name): value for name, value in parameters.items()}
    if not isinstance(body.get("tools"), list):
        body["tools"] = tools_of(first(payload, "tool_definitions", "toolDefinitions"))
    usage = _mapping(first(payload, "usage_details", "usageDetails"))
    row = request_columns(body)
    answer = response_columns(recorded_response(first(payload, "output")))
    return (
        row
        | answer
        | {
            "exchange_id": first(payload, "id"),
            "ts": first(payload, "start_time", "startTime"),
            "account_id": _about(metadata, account)
            if account
            else first(payload, "user_id", "userId"),
            "conversation_id": first(payload, "session_id", "sessionId"),
            "surface": "api",
            "model": first(payload, "provided_model_name", "model") or row["model"],
            "input_tokens": first(usage, "input", "prompt_tokens"),
            "output_tokens": first(usage, "output", "completion_tokens"),
            "reasoning_tokens": first(usage, "reasoning_tokens", "output_reasoning_tokens"),
            "cached_tokens": first(
                usage, "input_cached_tokens", "cache_read_input_tokens", "input_cache_read"
            ),
            "status": status_of(
                payload.get("level"), first(payload, "status_message", "statusMessage")
            ),
            "latency_ms": _latency_ms(payload),
            **_client(metadata),
        }
    )


def _mapping(value: Any) -> dict[str, Any]:
    """An object, as one or as JSON text."""
    opened = opened_response(value)
    return opened if isinstance(opened, dict) else {}


def tools_of(definitions: Any) -> list[Any]:
    """Definitions by name, each an object or JSON text, as a list of tools."""
    tools = []
    for name, definition in _mapping(definitions).items():
        opened = opened_response(definition)
        tools.append({"name": name} | (opened if isinstance(opened, dict) else {"is": opened}))
    return tools


def _about(metadata: Any, *names: str) -> Any:
    """The first of `names` in the metadata, or among the attributes that OpenTelemetry sent."""
    found = first(metadata, *names)
    return first(opened_response(dig(metadata, "attributes")), *names) if found is None else found


def _client(metadata: Any) -> dict[str, Any]:
    address = _about(metadata, *ADDRESSES)
    return {
        "ip": nearest_address(address) if isinstance(address, str) else address,
        "user_agent": _about(metadata, *AGENTS),
    }


def status_of(level: Any, told: Any) -> int:
    """The HTTP status that an error's message begins with."""
    if level != "ERROR":
        return 200
    message = str(told or "")
    code = message.lstrip()[:3]
    return int(code) if code.isascii() and code.isdecimal() and code >= "100" else 500


def _latency_ms(payload: dict[str, Any]) -> int | None:
    try:
        end = time_us(first(payload, "end_time", "endTime"))
        gap_us = end - time_us(first(payload, "start_time", "startTime"))
    except Exception:
        return None
    return gap_us // 1000 if gap_us >= 0 else None


def _completed(row: dict[str, Any], trace: dict[str, Any]) -> dict[str, Any]:
    return row | {name: value for name, value in trace.items() if row[name] is None}


def _unjoined(lost: Iterable[list[dict[str, Any]]]) -> Iterator[Refused]:
    for rows in lost:
        yield Refused(reasons.UNJOINED, len(rows))


def _size(row: dict[str, Any]) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str))
