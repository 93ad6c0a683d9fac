"""LiteLLM's standard logging payload (as of 1.106 to 1.109), as arrays or lines.

What its fields turn out to mean, seen in captured payloads:

- The account is who can be acted on: the key's user, else the key, else the team, else the
  organisation. `default_user_id` is LiteLLM's stand-in for no user.
- `litellm_call_id` joins with decisions at the gateway, and a client may choose it by a header of
  that name. Where the client did, the start time is appended: or else a client could fold all its
  exchanges into one by repeating an id.
- `/v1/messages` loses the system prompt and the parameters, and prints its response as Python.
  Where our hook is at work, it puts the system prompt among the metadata, and it is found there.
- A blocked or failed call is an exchange too; its status is the error's code.
- With message logging turned off `messages` is null: the exchange is kept with an empty prompt.
- The address is the client's own `x-forwarded-for` where the proxy trusts it: spoofable, so the row
  says so in a header (`addresses.MARK`). Of a list the last is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.bodies import REQUEST_COLUMNS, RESPONSE_COLUMNS
from stillwatch.sources.coerce import time_us
from stillwatch.sources.messages import (
    dig,
    first,
    last_user_text,
    opened_response,
    response_text,
    stop_reason,
    system_text,
    text_of,
    thinking_asked,
    tool_names,
    tools_digest,
)
from stillwatch.sources.reasons import Refused
from stillwatch.sources.usage import usage_tokens

KEYS = frozenset(
    {b"litellm_call_id", b"model_group", b"call_type", b"startTime", b"model_parameters"}
)
"""Keys that a payload has and a contract row hasn't."""

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
        "user_agent",
        "headers",
    }
)

NO_USER = ("default_user_id", "litellm-proxy-budget")
CALL_ID_HEADER = "x-litellm-call-id"
SYSTEM_KEY = "stillwatch_system"
"""Where `gateway/litellm_hook.py` keeps a system prompt that would be lost."""

_BLOCKED = "guardrail_intervened"
_CODE = re.compile(r"\s*([1-5]\d\d)(?!\d)")


def payload_to_row(payload: dict[str, Any]) -> dict[str, Any]:
    """One payload as values by contract column, not yet checked against the columns' types.

    Raises `Refused` where the messages are neither text nor a list.
    """
    metadata = payload.get("metadata")
    parameters = payload.get("model_parameters")
    messages = payload.get("messages")
    if messages is not None and not isinstance(messages, str | list):
        raise Refused("bad_type:prompt")
    response = opened_response(payload.get("response"))
    tools = dig(parameters, "tools") or dig(parameters, "functions")
    headers = _headers(metadata)
    given = payload.get("requester_ip_address") or first(metadata, "requester_ip_address")
    address = nearest_address(given) if isinstance(given, str) else given
    return {
        "exchange_id": exchange_id(
            payload.get("litellm_call_id") or payload.get("id"),
            payload.get("startTime"),
            CALL_ID_HEADER in headers,
        ),
        "ts": payload.get("startTime"),
        "account_id": account_of(metadata),
        "org_id": first(metadata, "user_api_key_org_id", "user_api_key_team_id"),
        "key_id": first(metadata, "user_api_key_hash"),
        "conversation_id": payload.get("session_id") or None,
        "end_user": payload.get("end_user")
        or first(metadata, "user_api_key_end_user_id")
        or dig(parameters, "user")
        or dig(parameters, "metadata", "user_id")
        or None,
        "surface": "api",
        "model": payload.get("model_group") or payload.get("model"),
        "system": system_text(messages, parameters) or _kept_system(metadata),
        "prompt": "" if messages is None else last_user_text(messages),
        "turns": len(messages) if isinstance(messages, list) else None,
        "tools": tool_names(tools),
        "tools_digest": tools_digest(tools),
        "max_tokens": first(parameters, "max_tokens", "max_completion_tokens", "max_output_tokens"),
        "temperature": dig(parameters, "temperature"),
        "thinking": thinking_asked(parameters),
        "response": response_text(response),
        "stop_reason": stop_reason(response),
        **_tokens(payload, metadata, response),
        "status": _status(payload),
        "latency_ms": _latency_ms(payload),
        "ip": address,
        "user_agent": payload.get("user_agent")
        or first(metadata, "user_agent")
        or headers.get("user-agent"),
        "headers": _kept(headers, given) or None,
    }


def _headers(metadata: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for held in (
        dig(metadata, "requester_metadata", "headers"),
        first(metadata, "requester_custom_headers"),
    ):
        if isinstance(held, dict):
            merged |= {str(name).lower(): value for name, value in held.items()}
    return merged


def _kept_system(metadata: Any) -> str | None:
    return text_of(dig(metadata, "spend_logs_metadata", SYSTEM_KEY)) or None


def _kept(headers: dict[str, Any], address: Any) -> dict[str, Any]:
    kept = {name: held for name, held in headers.items() if name not in ("user-agent", MARK)}
    if address is not None and headers.get(FORWARDED) == address:
        kept[MARK] = FORWARDED
    return kept


def exchange_id(found: Any, start: Any, chosen: bool) -> Any:
    """The id `found`; with the start where a client has `chosen` it."""
    if chosen and isinstance(found, str):
        try:
            return f"{found}@{time_us(start)}"
        except Exception:
            return found
    return found


def account_of(metadata: Any) -> Any:
    """Who can be acted on, from what LiteLLM knows of a key; `None` where it names nobody."""
    user = first(metadata, "user_api_key_user_id")
    if user is not None and user not in NO_USER:
        return user
    return first(
        metadata,
        "user_api_key_hash",
        "user_api_key_team_id",
        "user_api_key_org_id",
        "user_api_key_user_id",
    )


def _tokens(payload: dict[str, Any], metadata: Any, response: Any) -> dict[str, Any]:
    told = usage_tokens(dig(metadata, "usage_object"), dig(response, "usage"))
    given = payload.get("prompt_tokens"), payload.get("completion_tokens")
    return told | {
        "input_tokens": given[0] or told["input_tokens"] or given[0],
        "output_tokens": given[1] or told["output_tokens"] or given[1],
    }


def _status(payload: dict[str, Any]) -> int | None:
    error = payload.get("error_information")
    return status_of(
        payload.get("status"),
        (dig(error, "error_code"), dig(error, "normalized_error"), payload.get("error_str")),
        dig(payload, "status_fields", "guardrail_status"),
    )


def status_of(status: Any, told: Iterable[Any], guardrail: Any) -> int | None:
    """The HTTP status of a call, from how it ended and what is `told` of its error."""
    if status == "success":
        return 200
    for text in told:
        if found := _CODE.match(str(text or "")):
            return int(found[1])
    if guardrail == _BLOCKED:
        return 400
    return 500 if status == "failure" else None


def _latency_ms(payload: dict[str, Any]) -> int | None:
    try:
        gap_us = time_us(payload.get("endTime")) - time_us(payload.get("startTime"))
    except Exception:
        return None
    return gap_us // 1000 if gap_us >= 0 else None
