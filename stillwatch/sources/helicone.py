"""Helicone's requests, as its query API and its exporter write them, one object each.

Schema: `HeliconeRequest` in https://github.com/Helicone/helicone, packages/llm-mapper/types.ts
(2026), and the exporter `@helicone/export`. What its fields turn out to mean:

- The account is the user whom the operator's application names by the `Helicone-User-Id` header
  (`request_user_id`), else the key's name. Another property may be named instead.
- Bodies are the provider's own, kept in an object store and left out unless asked for
  (`--include-body`); without them `llmSchema` may still hold Helicone's own reading of them.
- `request_body._type` marks tools, vector searches and data, which are no exchanges.
- A status below zero is Helicone's own (cancelled, timed out, pending) and no HTTP status.
- There is no address: only `country_code`.
"""

from __future__ import annotations

from typing import Any

from stillwatch.sources import reasons
from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.messages import dig, first, opened_response
from stillwatch.sources.reasons import Refused

KEYS = frozenset(
    {
        b"request_created_at",
        b"request_user_id",
        b"request_path",
        b"response_status",
        b"helicone_user",
    }
)

COLUMNS = (
    REQUEST_COLUMNS
    | RESPONSE_COLUMNS
    | {
        "exchange_id",
        "ts",
        "account_id",
        "key_id",
        "conversation_id",
        "surface",
        "status",
        "latency_ms",
        "country",
    }
)

SESSION = "Helicone-Session-Id"
_OTHER_EVENTS = ("tool", "vector_db", "data")


def payload_to_row(payload: dict[str, Any], account: str | None = None) -> dict[str, Any]:
    """One request as values by contract column, not yet checked against the columns' types.

    `account` names the property that says who called. Raises `Refused` for what is no exchange, or
    where the messages are neither text nor a list.
    """
    request = opened_response(payload.get("request_body"))
    if dig(request, "_type") in _OTHER_EVENTS:
        raise Refused(reasons.NOT_AN_EXCHANGE)
    response = payload.get("response_body")
    schema = payload.get("llmSchema")
    if not request:
        request = dig(schema, "request")
    if not response:
        response = _mapped_response(dig(schema, "response"))
    properties = opened_response(payload.get("properties") or payload.get("request_properties"))
    row = request_columns(request) | response_columns(response)
    key = first(payload, "key_name")
    user = first(payload, "request_user_id", "helicone_user")
    status = payload.get("response_status")
    return row | {
        "exchange_id": first(payload, "request_id", "response_id"),
        "ts": payload.get("request_created_at"),
        "account_id": first(properties, account) if account else user or key,
        "key_id": key,
        "conversation_id": first(properties, SESSION),
        "surface": "api",
        "model": first(payload, "request_model", "model_override")
        or row["model"]
        or first(payload, "model", "response_model"),
        "input_tokens": _known(payload.get("prompt_tokens"), row["input_tokens"]),
        "output_tokens": _known(payload.get("completion_tokens"), row["output_tokens"]),
        "cached_tokens": _known(payload.get("prompt_cache_read_tokens"), row["cached_tokens"]),
        "status": None if isinstance(status, int) and status < 100 else status,
        "latency_ms": payload.get("delay_ms"),
        "country": first(payload, "country_code"),
    }


def _known(told: Any, counted: Any) -> Any:
    """Helicone's own count, and the body's where it has none (it writes 0 for unknown, too)."""
    return told or (told if counted is None else counted)


def _mapped_response(response: Any) -> Any:
    """Helicone's own reading of a response as the body that it was read from."""
    for names in (("messages", 0), ("responses", 0)):
        if isinstance(message := dig(response, *names), dict):
            return {"choices": [{"message": {"content": first(message, "content", "text")}}]}
    return None
