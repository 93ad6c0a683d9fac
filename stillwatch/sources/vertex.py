"""Vertex AI's request-response logging, as exported from its BigQuery table (schemas v1 and v2).

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/request-response-logging and
.../reference/rest/v1beta1/PredictRequestResponseLoggingConfig. What its columns turn out to mean:

- `full_request` and `full_response` are JSON: structures in an export to JSON, text in one to
  Parquet or CSV. Older rows have only `request_payload` and `response_payload`, arrays of text; the
  payloads of a stream are its chunks.
- Claude's rows (`rawPredict`) hold Anthropic's own bodies, told by `anthropic_version`.
- The table names no caller and no address. Labels of the request are what the user's own gateway
  set for its customers; who has none goes by the project, which then is all that can be acted on.
  The project is no customers' organisation, for it is the same in all rows.
- `logging_time` is when the answer was complete: the start is `metadata.request_latency` (in
  milliseconds) before it.
- `request_id` is NUMERIC and unique in the table. With a `sampling_rate` below 1 rows are missing.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.chunks import whole_response
from stillwatch.sources.coerce import time_us
from stillwatch.sources.gemini_bodies import plain_gemini_request, plain_gemini_response
from stillwatch.sources.messages import dig, first, opened_response

KEYS = frozenset(
    {
        b"deployed_model_id",
        b"logging_time",
        b"full_request",
        b"full_response",
        b"request_payload",
        b"response_payload",
        b"api_method",
        b"otel_log",
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
    }
)

ACCOUNTS = ("account_id", "account", "customer_id", "customer", "tenant_id", "tenant", "user_id")
SESSIONS = ("conversation_id", "session_id", "session", "conversation")
_PROJECT = re.compile(r"projects/([^/]+)/")


def payload_to_row(payload: dict[str, Any], account: str | None = None) -> dict[str, Any]:
    """One row of the table as values by contract column, not yet checked against their types.

    `account` is a path such as `full_request.labels.team`. Raises `Refused` where the messages are
    neither text nor a list.
    """
    request = _body(payload, "full_request", "request_payload")
    response = _response(payload)
    labels = dig(request, "labels")
    project = project_of(payload.get("endpoint"), dig(request, "endpoint"), dig(request, "model"))
    opened = {**payload, "full_request": request, "full_response": response}
    who = dig(opened, *account.split(".")) if account else first(labels, *ACCOUNTS)
    latency_ms = _latency_ms(payload)
    plain = request
    if isinstance(request, dict) and "contents" in request:
        plain = plain_gemini_request(request)
    row = request_columns(plain) | response_columns(plain_gemini_response(response))
    return row | {
        "exchange_id": _plain_number(first(payload, "request_id")),
        "ts": start_of(payload.get("logging_time"), latency_ms),
        "account_id": who or project,
        "conversation_id": first(labels, *SESSIONS),
        "surface": "vertex",
        "model": model_of(payload.get("model"), dig(request, "model"), payload.get("endpoint"))
        or first(payload, "deployed_model_id")
        or row["model"],
        "status": _status(response),
        "latency_ms": latency_ms,
    }


def _body(payload: dict[str, Any], whole: str, parts: str) -> Any:
    held = opened_response(payload.get(whole))
    if held in (None, "", {}):
        pieces = _listed(payload.get(parts))
        held = opened_response(pieces[0]) if pieces else None
        instances = dig(held, "instances")
        held = dig(instances, 0) if isinstance(instances, list) else held
    return held


def _response(payload: dict[str, Any]) -> Any:
    held = payload.get("full_response")
    if held in (None, "", {}):
        pieces = _listed(payload.get("response_payload"))
        held = pieces if len(pieces) > 1 else dig(pieces, 0)
    opened = whole_response(held)
    return [opened_response(chunk) for chunk in opened] if isinstance(opened, list) else opened


def _listed(value: Any) -> list[Any]:
    """An array, which an export to CSV or Parquet may have turned into text."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return [value]
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [value]


def _plain_number(value: Any) -> Any:
    """NUMERIC as text, without the zeros that its scale adds.

    >>> _plain_number(Decimal("12.000000000")), _plain_number("8400531")
    ('12', '8400531')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value.is_finite() else None
    return value


def _latency_ms(payload: dict[str, Any]) -> Any:
    found = dig(opened_response(payload.get("metadata")), "request_latency")
    try:
        return None if found is None else max(0, round(float(found)))
    except (TypeError, ValueError, OverflowError):
        return None


def start_of(logged: Any, latency_ms: int | None) -> Any:
    """Microseconds since the epoch; `logged` itself where it is no time. BigQuery writes `UTC`."""
    try:
        moment = time_us(logged.removesuffix(" UTC") if isinstance(logged, str) else logged)
    except Exception:
        return logged
    return moment - 1000 * min(latency_ms or 0, 86_400_000)


def project_of(*names: Any) -> str | None:
    """The project that the first of some resources' names to name one is in."""
    for text in names:
        if isinstance(text, str) and (found := _PROJECT.search(text)):
            return found[1]
    return None


def model_of(*names: Any) -> Any:
    """The model's own name: the last part of a resource's, of the first that isn't an endpoint."""
    for named in names:
        if isinstance(named, str) and named and "/endpoints/" not in named:
            return named.rsplit("/", 1)[1] if "/" in named else named
    return None


def _status(response: Any) -> Any:
    error = dig(response, "error") or dig(response, 0, "error")
    if isinstance(error, dict):
        code = error.get("code")
        return code if isinstance(code, int) and 100 <= code < 600 else 500
    return 200
