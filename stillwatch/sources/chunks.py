"""Streamed responses -> whole ones: the server-sent events of Anthropic and OpenAI put together.

Loggers keep a stream as its text, as a list of lines or as a list of decoded events, some with the
event's name around the data. What isn't of any known stream is handed back as it stands.

Event shapes: https://platform.claude.com/docs/en/build-with-claude/streaming and
https://platform.openai.com/docs/api-reference/chat-streaming, .../responses-streaming.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from stillwatch.sources.messages import dig, opened_response

_DATA = "data:"
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_BLOCK_TEXTS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
}
"""By an Anthropic delta's type: the field that it carries, and the block's that it adds to."""


def whole_response(value: Any) -> Any:
    """`value` taken apart where it is text, and put together where it is a stream.

    >>> whole_response('data: {"choices": [{"delta": {"content": "hi"}}]}\\n\\ndata: [DONE]\\n')
    {'choices': [{'message': {'role': 'assistant', 'content': 'hi'}, 'finish_reason': None}]}
    """
    if isinstance(value, str):
        if value.lstrip().startswith((_DATA, "event:")):
            return joined(list(_events(value))) or value
        if value.lstrip()[:1] == "[":
            opened = _decoded(value)
            return value if opened is None else whole_response(opened)
        return opened_response(value)
    if isinstance(value, list):
        return joined([event for chunk in value for event in _events(chunk)]) or value
    return value


def _events(chunk: Any) -> Iterator[dict[str, Any]]:
    """The decoded events in one logged chunk; what can't be decoded is passed over."""
    if isinstance(chunk, str):
        for line in chunk.split("\n"):
            bare = line.strip()
            event = _decoded(bare.removeprefix(_DATA).strip())
            if isinstance(event, dict):
                yield event
    elif isinstance(chunk, dict):
        inner = chunk.get("data")
        if isinstance(inner, str):
            yield from _events(inner)
        else:
            yield inner if isinstance(inner, dict) else chunk


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def joined(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The response that a stream's events add up to; `None` where they are of no known stream."""
    for join in (_anthropic, _responses, _chat):
        if (whole := join(events)) is not None:
            return whole
    return None


def _index(event: Any, name: str = "index") -> int:
    found = dig(event, name)
    return found if isinstance(found, int) else 0


def _anthropic(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    message: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    usage: dict[str, Any] = {}
    seen = False
    for event in events:
        kind = event.get("type")
        if kind == "message_start" and isinstance(start := event.get("message"), dict):
            seen, message = True, dict(start)
            usage |= _mapping(start.get("usage"))
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            seen = True
            blocks[_index(event)] = {**event["content_block"]}
        elif kind == "content_block_delta":
            seen = True
            _extend(blocks.setdefault(_index(event), {"type": "text"}), event.get("delta"))
        elif kind == "message_delta":
            seen = True
            message |= _mapping(event.get("delta"))
            usage |= {k: v for k, v in _mapping(event.get("usage")).items() if v is not None}
    if not seen:
        return None
    content = [blocks[place] for place in sorted(blocks)]
    return message | {"content": content} | ({"usage": usage} if usage else {})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _extend(block: dict[str, Any], delta: Any) -> None:
    kind = dig(delta, "type")
    for name, (given, grown) in _BLOCK_TEXTS.items():
        if kind == name and isinstance(more := delta.get(given), str):
            so_far = block.get(grown)
            block[grown] = (so_far if isinstance(so_far, str) else "") + more


def _responses(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    texts: dict[tuple[int, int], list[str]] = {}
    response: dict[str, Any] | None = None
    for event in events:
        kind = event.get("type")
        if kind in _ENDS and isinstance(event.get("response"), dict):
            return event["response"]
        if kind == "response.created" and isinstance(event.get("response"), dict):
            response = event["response"]
        elif kind == "response.output_text.delta" and isinstance(event.get("delta"), str):
            place = _index(event, "output_index"), _index(event, "content_index")
            texts.setdefault(place, []).append(event["delta"])
    if response is None and not texts:
        return None
    parts = [{"type": "output_text", "text": "".join(texts[place])} for place in sorted(texts)]
    return (response or {}) | {"output": [{"type": "message", "content": parts}]}


def _chat(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Chat and text completions; the first choice, as of whole responses, is all that is read."""
    whole: dict[str, Any] = {}
    texts: list[str] = []
    finish: Any = None
    seen = False
    for event in events:
        choices = event.get("choices")
        if not isinstance(choices, list):
            continue
        whole |= {k: v for k, v in event.items() if k != "choices" and v is not None}
        for choice in choices:
            if _index(choice) != 0 or not isinstance(choice, dict):
                continue
            seen = True
            text = dig(choice, "delta", "content")
            text = choice.get("text") if text is None else text
            if isinstance(text, str):
                texts.append(text)
            finish = choice.get("finish_reason") or finish
    if not seen:
        return None
    message = {"role": "assistant", "content": "".join(texts)}
    return whole | {"choices": [{"message": message, "finish_reason": finish}]}
