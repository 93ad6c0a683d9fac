"""What a tracer recorded as a call's input and output -> a request's and a response's body.

Tracers keep what the instrumented library handed them: OpenAI's or Anthropic's bodies or only
their messages, LangChain's messages (plain, serialised by constructor, in batches), OpenTelemetry's
messages of parts, or bare text. Here all become what `messages.py` reads.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stillwatch.sources.chunks import whole_response
from stillwatch.sources.messages import dig, first

_HOLDERS = ("messages", "input", "contents", "prompt", "prompts", "text")
_LANGCHAIN_ROLES = {
    "human": "user",
    "ai": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "HumanMessage": "user",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "ChatMessage": "user",
}
_ANSWERS = ("content", "parts", "text", "response", "completion")
_FINISHES = ("finish_reason", "finishReason", "stop_reason")


def recorded_request(value: Any) -> dict[str, Any]:
    """`value` as a request's body: with `messages`, and whatever else of a body it held.

    >>> recorded_request('[[{"type": "human", "content": "hi"}]]')
    {'messages': [{'type': 'human', 'content': 'hi', 'role': 'user'}]}
    """
    opened = whole_response(value)
    body = dict(opened) if isinstance(opened, dict) else {}
    if isinstance(opened, dict) and not _is_message(opened):
        held = first(opened, *_HOLDERS)
        if held is None and any(name in opened for name in _HOLDERS):
            return body | {"messages": None}
        opened = held
    while isinstance(opened, list) and len(opened) == 1 and isinstance(opened[0], list):
        opened = opened[0]
    if isinstance(opened, dict):
        opened = [opened]
    if isinstance(opened, list) and any(map(_is_message, opened)):
        return body | {"messages": [_message(item) for item in opened]}
    return body | {"messages": opened if isinstance(opened, str) else _text(value, opened)}


def recorded_response(value: Any) -> Any:
    """`value` as a response's body, or as text."""
    opened = whole_response(value)
    if isinstance(opened, dict) and "generations" in opened:
        opened = opened["generations"]
    while isinstance(opened, list) and opened and isinstance(opened[0], list):
        opened = opened[0]
    if isinstance(opened, list):
        outs = [item for item in opened if isinstance(item, dict)]
        opened = outs[0] if outs and _is_message(outs[0]) else {"content": opened}
    if not isinstance(opened, dict) or any(k in opened for k in ("choices", "output", "usage")):
        return opened
    if not any(name in opened for name in (*_ANSWERS, *_FINISHES, "message", "role", "kwargs")):
        return _text(value, opened)
    message = _message(opened.get("message") if "message" in opened else opened)
    content = first(message, *_ANSWERS)
    if isinstance(content, dict):
        content = content.get("parts", _text(value, opened))
    finish = first(opened, *_FINISHES) or first(
        dig(message, "response_metadata"), "finish_reason", "stop_reason"
    )
    return {"choices": [{"message": {"content": content}, "finish_reason": finish}]}


def _text(value: Any, opened: Any) -> Any:
    """What a function took or gave that was no call's body: as JSON, as it would be shown."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(opened, list) and all(isinstance(i, str) for i in opened)):
        return opened
    return msgspec.json.encode(value).decode()


def _is_message(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    return any(name in value for name in ("role", "content", "parts", "kwargs")) or (
        isinstance(kind, str) and kind in _LANGCHAIN_ROLES
    )


def _message(item: Any) -> Any:
    """One message with a `role`; what LangChain serialised by constructor is unwrapped."""
    if not isinstance(item, dict):
        return {"role": "user", "content": item} if isinstance(item, str) else item
    kind = item.get("type")
    if isinstance(inner := item.get("kwargs"), dict):
        kind, item = dig(item, "id", -1), inner
    elif kind in ("human", "ai", "system", "tool") and isinstance(inner := item.get("data"), dict):
        item = inner
    if "role" in item or not isinstance(kind, str):
        return item
    role = _LANGCHAIN_ROLES.get(kind, kind if kind in ("system", "tool") else None)
    return item if role is None else item | {"role": role}
