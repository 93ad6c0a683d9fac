"""Chat messages, tools and responses in the shapes of OpenAI and Anthropic -> plain columns.

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
_TEXT_BLOCKS = (None, "text", "input_text", "output_text")


def dig(value: Any, *path: str | int) -> Any:
    """The value at `path` inside nested dictionaries and lists, or `None`.

    >>> dig({"a": [{"b": 1}]}, "a", 0, "b")
    1
    """
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


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
        elif dig(block, "type") in _TEXT_BLOCKS and isinstance(text := dig(block, "text"), str):
            yield text


def _results(content: Any) -> Iterator[str]:
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_result":
            yield text_of(block.get("content"))


def last_user_text(messages: Any) -> str:
    """Text of the last user turn that says something.

    Anthropic carries tool results in user turns, OpenAI in turns of their own; a user turn without
    text of its own is passed over, so that both give the task that is being worked on. Where no
    user turn has text, the last tool result stands in.
    """
    if isinstance(messages, str):
        return messages
    users = [m for m in messages if isinstance(m, dict) and m.get("role", "user") == "user"]
    for message in reversed(users):
        if text := text_of(message.get("content")):
            return text
    for message in reversed(users):
        if text := BLANK_LINE.join(_results(message.get("content"))):
            return text
    return ""


def system_text(messages: Any, parameters: Any) -> str | None:
    """System and developer messages, and a system prompt given as a parameter; `None` if none."""
    texts = [text_of(dig(parameters, name)) for name in ("system", "instructions")]
    if isinstance(messages, list):
        texts += [text_of(dig(m, "content")) for m in messages if dig(m, "role") in _SYSTEM]
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
    ):
        if content is not None:
            return text_of(content)
    outputs = dig(response, "output")
    if isinstance(outputs, list):
        texts = (text_of(dig(item, "content")) for item in outputs)
        return BLANK_LINE.join(text for text in texts if text)
    return None


def stop_reason(response: Any) -> str | None:
    """`finish_reason` of the first choice, or Anthropic's `stop_reason`."""
    for path in (("choices", 0, "finish_reason"), ("stop_reason",), ("status",)):
        if isinstance(found := dig(response, *path), str) and found:
            return found
    return None


def thinking_asked(parameters: Any) -> bool | None:
    """Whether reasoning output was asked for; `None` where the request doesn't say."""
    for spot in (("thinking",), ("extra_body", "thinking")):
        kind = dig(parameters, *spot, "type")
        if isinstance(kind, str):
            return kind != "disabled"
    for spot in (("reasoning_effort",), ("reasoning", "effort")):
        effort = dig(parameters, *spot)
        if isinstance(effort, str):
            return effort not in ("none", "disable")
    return None
