"""Bodies of the model APIs themselves, as a provider's or a proxy's own logger writes them.

Anthropic (messages) and OpenAI (chat, responses, completions), as of the SDKs 2.12 and 3.54:
https://platform.claude.com/docs/en/api/messages, https://platform.openai.com/docs/api-reference.

- A record holds both bodies under one of the usual pairs of names, each as an object, as JSON text,
  or inside what HTTP loggers write (`{"headers": ..., "body": ...}`); the response may be a
  stream's chunks. Or it is a bare body with time and account beside the body's own keys, which
  isn't told from other JSON: there the format has to be named.
- Who called is said beside the bodies or by the response's headers (`anthropic-organization-id`,
  `openai-organization`), which the provider writes. `user` and `metadata.user_id` in a body are the
  client's claims and only become the end user.
- A time is looked for beside the bodies, then in the response (`created`, of whole seconds).
- Of `x-forwarded-for` the last address is taken, and the row says so (`addresses.MARK`).
"""

from __future__ import annotations

from typing import Any

from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.chunks import whole_response
from stillwatch.sources.coerce import time_us
from stillwatch.sources.messages import dig, first, opened_response

KEYS = frozenset(
    {b"request", b"response", b"request_body", b"response_body", b"requestBody", b"responseBody"}
)
"""Two of them tell, but other loggers use such names too: theirs are to be asked first."""

COLUMNS = (
    REQUEST_COLUMNS
    | RESPONSE_COLUMNS
    | {
        "exchange_id",
        "ts",
        "account_id",
        "org_id",
        "key_id",
        "conversation_id",
        "surface",
        "status",
        "latency_ms",
        "ip",
        "country",
        "user_agent",
        "device_id",
        "headers",
    }
)

_REQUESTS = ("request", "request_body", "requestBody")
_RESPONSES = ("response", "response_body", "responseBody")
_REQUEST_SIGNS = ("messages", "input", "contents", "prompt", "max_tokens")
_RESPONSE_SIGNS = ("choices", "content", "output", "stop_reason", "candidates", "usage")
TIMES = ("ts", "timestamp", "time", "start_time", "startTime", "request_time", "created_at")
ENDS = ("end_time", "endTime", "response_time")
IDS = ("request_id", "requestId", "id")
ACCOUNTS = (
    "account_id",
    "account",
    "customer_id",
    "customer",
    "tenant_id",
    "tenant",
    "user_id",
    "user",
)
ORGS = ("org_id", "organization_id", "organization", "workspace_id")
ORG_HEADERS = ("anthropic-organization-id", "openai-organization")
API_KEYS = ("key_id", "api_key_id", "apiKeyId")
ADDRESSES = ("ip", "client_ip", "ip_address", "remote_addr", "source_ip")


def payload_to_row(payload: dict[str, Any], account: str | None = None) -> dict[str, Any]:
    """One record as values by contract column, not yet checked against the columns' types.

    `account` names the key beside the bodies that says who called. Raises `Refused` where the
    messages are neither text nor a list.
    """
    request, asked = _part(payload, _REQUESTS, _REQUEST_SIGNS)
    response, told = _part(payload, _RESPONSES, _RESPONSE_SIGNS)
    response = whole_response(response)
    headers = asked | _headers(payload.get("headers") or payload.get("request_headers"))
    told |= _headers(payload.get("response_headers"))
    org = first(payload, *ORGS) or first(told, *ORG_HEADERS)
    key = first(payload, *API_KEYS)
    row = request_columns(request) | response_columns(response)
    who = first(payload, account) if account else first(payload, *ACCOUNTS)
    return row | {
        "exchange_id": first(payload, "exchange_id", *IDS)
        or first(told, "request-id", "x-request-id")
        or first(response, "id"),
        "ts": first(payload, *TIMES) or first(response, "created", "created_at"),
        "account_id": who or org or key,
        "org_id": org,
        "key_id": key,
        "conversation_id": first(payload, "conversation_id", "session_id")
        or conversation_of(first(opened_response(request), "conversation")),
        "surface": first(payload, "surface") or "api",
        "model": row["model"] or first(payload, "model") or first(response, "model"),
        "status": _status(payload, response),
        "latency_ms": _latency_ms(payload),
        "country": first(payload, "country", "country_code"),
        "user_agent": first(payload, "user_agent", "userAgent") or headers.get("user-agent"),
        "device_id": first(payload, "device_id"),
        **_address(payload, headers),
    }


def _part(
    payload: dict[str, Any], names: tuple[str, ...], signs: tuple[str, ...]
) -> tuple[Any, dict[str, Any]]:
    """A body and the headers around it: of one of `names`, or bare with some of `signs`."""
    held = opened_response(first(payload, *names))
    if held is None:
        bare = not any(name in payload for name in _REQUESTS + _RESPONSES)
        return (payload if bare and any(sign in payload for sign in signs) else None), {}
    if isinstance(held, dict) and not any(sign in held for sign in signs):
        for name in ("body", "content", "json"):
            if name in held:
                return opened_response(held[name]), _headers(held.get("headers"))
    return held, {}


def _headers(held: Any) -> dict[str, Any]:
    """Headers as an object, as pairs, or as the `{name, value}` of HTTP archives."""
    if isinstance(held, dict):
        return {str(name).lower(): value for name, value in held.items()}
    pairs: dict[str, Any] = {}
    for item in held if isinstance(held, list) else ():
        name, value = (
            (dig(item, "name"), dig(item, "value"))
            if isinstance(item, dict)
            else (dig(item, 0), dig(item, 1))
        )
        if isinstance(name, str):
            pairs[name.lower()] = value
    return pairs


def conversation_of(held: Any) -> Any:
    """The id of what a request calls its conversation."""
    return dig(held, "id") if isinstance(held, dict) else held


def _status(payload: dict[str, Any], response: Any) -> Any:
    spots = (("status",), ("status_code",), ("response_status",))
    spots += (("response", "status"), ("response", "status_code"))
    for spot in spots:
        found = dig(payload, *spot)
        if isinstance(found, int) or (isinstance(found, str) and found.isdecimal()):
            return found
    if dig(response, "type") == "error" or isinstance(dig(response, "error"), dict):
        return 500
    return None if response is None else 200


def _latency_ms(payload: dict[str, Any]) -> Any:
    told = first(payload, "latency_ms", "duration_ms")
    if told is not None:
        return told
    try:
        gap_us = time_us(first(payload, *ENDS)) - time_us(first(payload, *TIMES))
    except Exception:
        return None
    return gap_us // 1000 if gap_us >= 0 else None


def _address(payload: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    kept = {name: held for name, held in headers.items() if name not in ("user-agent", MARK)}
    address = first(payload, *ADDRESSES)
    if address is None and isinstance(listed := headers.get(FORWARDED), str):
        address = nearest_address(listed)
        kept[MARK] = FORWARDED
    return {"ip": address, "headers": kept or None}
