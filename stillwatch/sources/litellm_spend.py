"""LiteLLM's `LiteLLM_SpendLogs`, the Postgres twin of its log callback, as rows or exports of them.

Schema: `schema.prisma` of LiteLLM 1.106, and the rows that its `get_logging_payload` builds. What
its columns turn out to mean:

- Bodies are there only with `store_prompts_in_spend_logs`. The request stands in
  `proxy_server_request`, as the client sent it, system prompt and tools included; `messages` is
  filled by realtime calls only.
- The client's headers stand among the metadata of the stored request.
- Long strings are cut in the middle (from 2,048 characters on, unless configured), with a note in
  the gap that would look like wording shared by all accounts: an ellipsis takes its place.
- JSON columns may have arrived as strings, and a CSV's empty fields mean null.
- `request_id` is the table's key (the response's id), so no client can fold exchanges into one by
  repeating an id. The callback's rows go by `litellm_call_id`: read one of the two logs, not both.
- `api_key` is a hash. Times are UTC without saying so.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from stillwatch.sources import litellm
from stillwatch.sources.messages import dig

KEYS = frozenset(
    {b"request_id", b"api_key", b"spend", b"team_id", b"proxy_server_request", b"organization_id"}
)
"""Columns that the callback's payload has no keys like."""

COLUMNS = litellm.COLUMNS

_JSON = ("messages", "response", "proxy_server_request", "metadata")
_MESSAGES = ("messages", "input", "prompt")
TEXTS = ("system", "prompt", "response")
CUT = "(litellm_truncated skipped "
GAP = re.compile(r"\.\.\. \(litellm_truncated skipped \d+ chars\..{0,400}?\) \.\.\.", re.S)


def payload_to_row(payload: dict[str, Any]) -> dict[str, Any]:
    """One row of the table as values by contract column, not yet checked against their types.

    Raises `Refused` where the messages are neither text nor a list.
    """
    row = litellm.payload_to_row(_callback(payload))
    for name in TEXTS:
        if isinstance(text := row[name], str):
            row[name] = GAP.sub("…", text)
    return row


def _callback(payload: dict[str, Any]) -> dict[str, Any]:
    """The row in the shape that the log callback would have had."""
    told = {name: value for name, value in payload.items() if value != ""}
    opened = {name: _opened(told.get(name)) for name in _JSON}
    metadata = opened["metadata"]
    request = opened["proxy_server_request"]
    messages = opened["messages"] or next(
        (held for name in _MESSAGES if (held := dig(request, name))), None
    )
    return {
        **told,
        "id": told.get("request_id"),
        "litellm_call_id": None,
        "messages": messages,
        "model_parameters": request,
        "response": opened["response"] or None,
        "error_information": dig(metadata, "error_information"),
        "status": told.get("status") or dig(metadata, "status"),
        "user_agent": dig(metadata, "user_agent"),
        "metadata": {
            "user_api_key_hash": told.get("api_key"),
            "user_api_key_user_id": told.get("user"),
            "user_api_key_team_id": told.get("team_id"),
            "user_api_key_org_id": told.get("organization_id"),
            "requester_ip_address": dig(metadata, "requester_ip_address"),
            "requester_metadata": {"headers": _headers(request)},
            "usage_object": dig(metadata, "usage_object")
            or dig(metadata, "additional_usage_values"),
            "spend_logs_metadata": dig(metadata, "spend_logs_metadata"),
        },
    }


def _headers(request: Any) -> Any:
    """The client's headers, which LiteLLM puts among the request's metadata."""
    return dig(request, "metadata", "headers") or dig(request, "litellm_metadata", "headers")


def _opened(value: Any) -> Any:
    """A JSON column's value; text that was encoded twice is opened twice."""
    for _ in range(2):
        if not isinstance(value, str) or value[:1] not in ('"', "{", "["):
            break
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            break
    return value
