"""Chat messages, tools and responses in the shapes that clients and tracers know -> plain columns.

Shapes: OpenAI (chat, responses), Anthropic, and messages of `parts` (OpenTelemetry, Gemini).

Everything here is given what a client sent, so nothing is trusted to have its documented type:
what doesn't fit is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from stillwatch.sources.python_repr import parse_repr

BLANK_LINE = "\n\n"

# Tuples, not sets: what a client sent in place of a name may not be hashable.
_SYSTEM = ("system", "developer")
_USER = ("user", "human")
_TEXT_BLOCKS = (None, "text", "input_text", "output_text")


def dig(value: Any, *path: str | int) -> Any:
    """The value at `path` inside nested dictionaries and lists, or `None`.

    >>> dig({"a": [{"b": 1}]}, "a", 0, "b")
    1
    """
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def first(holder: Any, *names: str) -> Any:
    """The first of `names` in `holder` that says something.

    >>> first({"a": "", "b": 0}, "a", "b")
    0
    """
    if isinstance(holder, dict):
        for name in names:
            value = holder.get(name)
            if value is not None and value != "":
                return value
    return None


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or its text blocks joined by a blank line."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    return BLANK_LINE.join(_texts(content)) if isinstance(content, list) else ""


def _texts(blocks: list[Any]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, str):
            yield block
        elif isinstance(block, dict) and block.get("type") in _TEXT_BLOCKS:
            text = block["text"] if "text" in block else block.get("content")
            if isinstance(text, str):
                yield text


def content_of(message: Any) -> Any:
    """What a message holds, under whichever name its shape has for it."""
    held = dig(message, "content")
    return dig(message, "parts") if held is None else held


def _results(message: dict[str, Any]) -> Iterator[str]:
    content = content_of(message)
    if message.get("role") == "tool":
        yield text_of(content)
    elif message.get("type") == "function_call_output":
        yield text_of(message.get("output"))
    for block in content if isinstance(content, list) else ():
        kind = dig(block, "type")
        if kind == "tool_result":
            yield text_of(block.get("content"))
        elif kind == "tool_call_response":
            yield text_of(block.get("result", block.get("response")))


def last_user_text(messages: Any) -> str:
    """Text of the last user turn that says something.

    Anthropic carries tool results in user turns, OpenAI in turns of their own; a user turn without
    text of its own is passed over, so that both give the task that is being worked on. Where no
    user turn has text, the last tool result stands in.
    """
    if isinstance(messages, str):
        return messages
    turns = [m for m in reversed(messages) if isinstance(m, dict)]
    for message in turns:
        if message.get("role", "user") in _USER and (text := text_of(content_of(message))):
            return text
    for message in turns:
        if text := BLANK_LINE.join(text for text in _results(message) if text):
            return text
    return ""


def system_text(messages: Any, parameters: Any) -> str | None:
    """System and developer messages, and a system prompt given as a parameter; `None` if none."""
    texts = [text_of(dig(parameters, name)) for name in ("system", "instructions")]
    if isinstance(messages, list):
        texts += [text_of(content_of(m)) for m in messages if dig(m, "role") in _SYSTEM]
    return BLANK_LINE.join(text for text in texts if text) or None


def tool_names(tools: Any) -> list[str] | None:
    """Names in the order sent; a hosted tool without a name goes by its type."""
    if not isinstance(tools, list) or not tools:
        return None
    names = []
    for tool in tools:
        spots = (("function", "name"), ("name",), ("server_label",), ("type",))
        found = (dig(tool, *spot) for spot in spots)
        names.append(next((name for name in found if isinstance(name, str) and name), "unnamed"))
    return names


def tools_digest(tools: Any) -> str | None:
    """128-bit BLAKE2b, in hex, of the definitions as JSON with sorted keys."""
    if not isinstance(tools, list) or not tools:
        return None
    canonical = msgspec.json.encode(tools, order="deterministic")
    return blake2b(canonical, digest_size=16).hexdigest()


def opened_response(response: Any) -> Any:
    """A response that was logged as text, taken apart where it is a printed dictionary or JSON."""
    if not isinstance(response, str) or not response.startswith("{"):
        return response
    for parse in (msgspec.json.decode, parse_repr):
        try:
            return parse(response)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return response


def response_text(response: Any) -> str | None:
    """Text of the first choice (OpenAI), of the content blocks (Anthropic), or of the output."""
    if isinstance(response, str):
        return response or None
    for content in (
        dig(response, "choices", 0, "message", "content"),
        dig(response, "choices", 0, "text"),
        dig(response, "content"),
        dig(response, "candidates", 0, "content", "parts"),
    ):
        if content is not None:
            return text_of(content)
    outputs = dig(response, "output")
    if isinstance(outputs, list):
        texts = (text_of(dig(item, "content")) for item in outputs)
        return BLANK_LINE.join(text for text in texts if text)
    return None


def stop_reason(response: Any) -> str | None:
    """`finish_reason` of the first choice, `stop_reason`, or why or whether it is complete."""
    for path in (
        ("choices", 0, "finish_reason"),
        ("stop_reason",),
        ("candidates", 0, "finishReason"),
        ("incomplete_details", "reason"),
        ("status",),
    ):
        if isinstance(found := dig(response, *path), str) and found:
            return found
    return None


def thinking_asked(parameters: Any) -> bool | None:
    """Whether reasoning output was asked for; `None` where the request doesn't say."""
    if not isinstance(parameters, dict):
        return None
    for holder in (parameters, parameters.get("extra_body")):
        kind = dig(holder, "thinking", "type")
        if isinstance(kind, str):
            return kind != "disabled"
    for effort in (parameters.get("reasoning_effort"), dig(parameters, "reasoning", "effort")):
        if isinstance(effort, str):
            return effort not in ("none", "disable")
    return None
