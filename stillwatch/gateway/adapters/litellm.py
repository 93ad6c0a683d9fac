"""`POST /beta/litellm_basic_guardrail_api`: LiteLLM's generic guardrail.

A guardrail can refuse with status 400 only, so a throttled request is refused like a denied one,
with when to try again in its words; the hook (`litellm_hook.py`) does it properly. The account is
found as in LiteLLM's logs, for a table is made of what was found in those.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from stillwatch.gateway.adapters.adapter import Adapter, Question
from stillwatch.gateway.adapters.refusal import words_of
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.plain_asgi import Reply
from stillwatch.gateway.request import Request
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.wire import MOST_NAMES, Unreadable, cut, opened
from stillwatch.sources.addresses import FORWARDED, nearest_address
from stillwatch.sources.coerce import SECRET_HEADERS
from stillwatch.sources.litellm import account_of
from stillwatch.sources.messages import (
    BLANK_LINE,
    last_user_text,
    system_text,
    tool_names,
    tools_digest,
)

ACCOUNT_FIELDS = (
    "user_api_key_hash",
    "user_api_key_user_id",
    "user_api_key_team_id",
    "user_api_key_org_id",
    "user_api_key_end_user_id",
)
"""Fields of `request_data` that may be the account, where one is chosen."""


class Sent(msgspec.Struct, gc=False):
    """The part of LiteLLM's question that is read; nothing in it has a type that is sure."""

    request_data: Any = None
    input_type: Any = None
    litellm_call_id: Any = None
    structured_messages: Any = None
    texts: Any = None
    tools: Any = None
    model: Any = None
    request_headers: Any = None


_NOT_SHOWN = "[present]"
"""In place of a header's value that LiteLLM isn't set to pass on (`extra_headers`)."""

_decoder = msgspec.json.Decoder(Sent)


def read(headers: Mapping[str, str], body: bytes, settings: Settings) -> Question:
    """The request; nothing is asked about a response, which was decided on as a request."""
    sent = _sent(body, settings.account_field or "user_api_key_user_id")
    if sent.input_type == "response":
        return Question(None)
    account = _account(sent.request_data, settings.account_field)
    if account is None:
        raise Unreadable("$.request_data", "names no account")
    client = _client_headers(sent.request_headers)
    given = sent.structured_messages
    messages = given if isinstance(given, str | list) else None
    prompt = last_user_text(messages) if messages else _joined(sent.texts)
    return Question(
        Request(
            account_id=account,
            ts=time.time_ns() // 1000,
            call_id=_text(sent.litellm_call_id),
            key_id=_text(_of(sent.request_data, "user_api_key_hash")),
            org_id=_text(_of(sent.request_data, "user_api_key_org_id"))
            or _text(_of(sent.request_data, "user_api_key_team_id")),
            end_user=_text(_of(sent.request_data, "user_api_key_end_user_id")),
            surface="api",
            model=_text(sent.model),
            system=cut(system_text(messages, None)),
            prompt=cut(prompt),
            turns=len(messages) if isinstance(messages, list) else None,
            tools=_names(sent.tools),
            tools_digest=tools_digest(sent.tools),
            ip=nearest_address(client.get(FORWARDED, "")),
            user_agent=client.get("user-agent"),
            headers=client,
        )
    )


def tell(answer: Answer, question: Question, trouble: Unreadable | None) -> Reply:
    """`BLOCKED` with words for the client, or `NONE`."""
    if answer.status == 200:
        return Reply(200, b'{"action":"NONE"}')
    told = {"action": "BLOCKED", "blocked_reason": words_of(answer)}
    return Reply(200, msgspec.json.encode(told))


def _sent(body: bytes, account: str) -> Sent:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return msgspec.convert(opened(body, "request_data", account), Sent)


def _account(data: Any, field: str | None) -> str | None:
    found = _of(data, field) if field else account_of(data)
    return _text(found)


def _of(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _joined(texts: Any) -> str | None:
    if not isinstance(texts, list):
        return None
    return BLANK_LINE.join(text for text in texts if isinstance(text, str)) or None


def _names(tools: Any) -> tuple[str, ...] | None:
    names = tool_names(tools)
    return None if names is None else tuple(names[:MOST_NAMES])


def _client_headers(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    lowered = {str(name).lower(): held for name, held in given.items() if isinstance(held, str)}
    return {
        name: held
        for name, held in lowered.items()
        if name not in SECRET_HEADERS and held != _NOT_SHOWN
    }


ADAPTER = Adapter("litellm", True, read, tell)
