"""Request and response bodies of the model APIs -> the contract's columns.

One place for what every gateway logs in the end: bodies of OpenAI (chat, responses, completions)
and Anthropic (messages), and of Gemini where they differ by names only.
"""

from __future__ import annotations

from typing import Any

from stillwatch.sources.chunks import whole_response
from stillwatch.sources.messages import (
    BLANK_LINE,
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

REQUEST_COLUMNS = frozenset(
    {
        "end_user",
        "model",
        "system",
        "prompt",
        "turns",
        "tools",
        "tools_digest",
        "max_tokens",
        "temperature",
        "thinking",
    }
)
RESPONSE_COLUMNS = frozenset(
    {
        "response",
        "stop_reason",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "cached_tokens",
    }
)

_SHAPES = {"choices", "content", "output", "candidates", "usage", "error", "completion", "type"}
_MESSAGES = ("messages", "input", "contents", "prompt")


def request_columns(request: Any) -> dict[str, Any]:
    """`REQUEST_COLUMNS` of a request's body, which may be JSON text; unlogged ones give no text.

    Raises `Refused` where the messages are neither text nor a list.
    """
    body = opened_response(request)
    messages = first(body, *_MESSAGES)
    if isinstance(messages, dict) and dig(body, "prompt") is messages:
        messages = None  # a prompt stored at OpenAI, named by its id
    if messages is not None and not isinstance(messages, str | list):
        raise Refused("bad_type:prompt")
    tools = dig(body, "tools") or dig(body, "functions")
    generation = dig(body, "generationConfig")
    return {
        "end_user": first(body, "user", "safety_identifier")
        or dig(body, "metadata", "user_id")
        or None,
        "model": first(body, "model"),
        "system": system_text(messages, body)
        or text_of(dig(body, "systemInstruction", "parts"))
        or None,
        "prompt": prompt_text(messages),
        "turns": len(messages) if isinstance(messages, list) else None,
        "tools": tool_names(tools),
        "tools_digest": tools_digest(tools),
        "max_tokens": first(
            body, "max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample"
        )
        or dig(generation, "maxOutputTokens"),
        "temperature": first(body, "temperature")
        if generation is None
        else dig(generation, "temperature"),
        "thinking": thinking_asked(body),
    }


def prompt_text(messages: Any) -> str:
    """Text of the last user turn; several prompts of one completion are joined by a blank line."""
    if not messages:
        return ""
    if isinstance(messages, list) and all(isinstance(item, str) for item in messages):
        return BLANK_LINE.join(messages)
    return last_user_text(messages)


def response_columns(response: Any) -> dict[str, Any]:
    """`RESPONSE_COLUMNS` of a response's body: whole, as JSON text, or as a stream's chunks."""
    body = whole_response(response)
    if isinstance(response, str) and not (isinstance(body, dict) and _SHAPES & body.keys()):
        body = response  # an answer that is JSON itself, and no body
    elif isinstance(body, list):
        body = {"content": body}
    return {
        "response": response_text(body),
        "stop_reason": stop_reason(body),
        **usage_tokens(dig(body, "usage"), dig(body, "usageMetadata")),
    }
