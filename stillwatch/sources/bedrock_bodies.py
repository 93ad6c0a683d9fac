"""Bodies that models on Bedrock take and give -> the shapes that `bodies.py` reads.

Converse and Amazon Nova share one shape; Claude's and OpenAI's own bodies pass unchanged; Llama,
Mistral, Titan, Cohere, AI21 and DeepSeek have text under names of their own. Field names:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
.../API_runtime_ConverseStream.html and .../userguide/model-parameters.html.

Tools become Anthropic's, so that the digest of one set of tools is the same on Bedrock and on
Anthropic's own API.
"""

from __future__ import annotations

from typing import Any

from stillwatch.sources.chunks import whole_response
from stillwatch.sources.messages import dig, first, opened_response
from stillwatch.sources.templates import template_to_messages

_PROMPTS = ("prompt", "inputText", "message")
_MAX_TOKENS = ("max_tokens", "max_gen_len", "maxTokens", "max_new_tokens", "maxTokenCount")
_TEXTS = ("generation", "outputText", "completion", "text")
_STOPS = ("stop_reason", "stopReason", "completionReason", "finish_reason", "finishReason")
_THINKING = ("thinking", "reasoning_config", "reasoningConfig")
METRICS = "amazon-bedrock-invocationMetrics"
"""What Bedrock adds to the last chunk of a stream of native bodies."""


def plain_request(body: Any) -> Any:
    """A request's body with `messages`, `system`, `tools` and parameters under the usual names.

    >>> plain_request({"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 9}})
    {'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 9, 'temperature': None}
    """
    body = opened_response(body)
    if not isinstance(body, dict):
        return body
    messages = body.get("messages")
    if isinstance(messages, list) and (_is_converse(body) or not body.get("anthropic_version")):
        plain = {**body, "messages": [plain_message(message) for message in messages]}
        return plain | _converse_parameters(body)
    text = first(body, *_PROMPTS)
    if messages is None and isinstance(text, str):
        earlier = body.get("chat_history")
        turns = [*map(_cohere_turn, earlier)] if isinstance(earlier, list) else []
        if preamble := body.get("preamble"):
            turns.insert(0, {"role": "system", "content": preamble})
        settings = body.get("textGenerationConfig") or body
        return {
            "messages": turns + template_to_messages(text),
            "max_tokens": first(settings, *_MAX_TOKENS, "max_tokens_to_sample"),
            "temperature": first(settings, "temperature"),
        }
    return body


def _is_converse(body: dict[str, Any]) -> bool:
    return any(name in body for name in ("inferenceConfig", "toolConfig", "schemaVersion"))


def _converse_parameters(body: dict[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    settings = body.get("inferenceConfig")
    if isinstance(settings, dict):
        held["max_tokens"] = first(settings, *_MAX_TOKENS)
        held["temperature"] = first(settings, "temperature")
    tools = dig(body, "toolConfig", "tools")
    if isinstance(tools, list):
        held["tools"] = plain_tools(tools)
    more = body.get("additionalModelRequestFields")
    for holder in (more, body, settings):
        if (asked := first(holder, *_THINKING)) is not None:
            held["thinking"] = _thinking(asked)
            break
    return held


def _thinking(asked: Any) -> Any:
    """Nova's `{type: enabled}`, Claude's own, or an effort or a budget without a type."""
    if isinstance(asked, dict) and "type" not in asked:
        return {"type": "enabled"}
    return asked


def plain_tools(tools: Any) -> list[Any] | None:
    """Converse's tools in Anthropic's shape; `None` where they are no list."""
    if not isinstance(tools, list):
        return None
    return [_tool(tool) for tool in tools if not _is_only(tool, "cachePoint")]


def _is_only(block: Any, name: str) -> bool:
    return isinstance(block, dict) and list(block) == [name]


def _tool(tool: Any) -> Any:
    spec = dig(tool, "toolSpec")
    if not isinstance(spec, dict):
        system = dig(tool, "systemTool")
        return system if isinstance(system, dict) else tool
    plain = {name: spec[name] for name in ("name", "description") if name in spec}
    schema = spec.get("inputSchema")
    return plain if schema is None else plain | {"input_schema": dig(schema, "json") or schema}


def plain_message(message: Any) -> Any:
    """A message with tool results in Anthropic's shape; most have none and stay as they are."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    if not any("toolResult" in block for block in content if isinstance(block, dict)):
        return message
    return {**message, "content": [_block(block) for block in content]}


def _block(block: Any) -> Any:
    """A block of Converse as one of Anthropic's; others as they are."""
    result = dig(block, "toolResult")
    if isinstance(result, dict):
        return {"type": "tool_result", "content": result.get("content")}
    return block


def _cohere_turn(turn: Any) -> dict[str, Any]:
    role = {"CHATBOT": "assistant", "SYSTEM": "system"}.get(str(dig(turn, "role")), "user")
    return {"role": role, "content": dig(turn, "message")}


def plain_response(body: Any) -> Any:
    """A response's body in Anthropic's shape, streams put together; unknown ones as they are."""
    body = whole_response(body)
    if isinstance(body, list):
        events = [event for event in body if isinstance(event, dict)]
        body = _converse_stream(events) or _text_stream(events) or body
    if not isinstance(body, dict):
        return body
    content = dig(body, "output", "message", "content")
    if content is None and "content" in body:
        return body
    if content is not None:
        usage = body.get("usage")
        return {
            "content": content,
            "stop_reason": first(body, *_STOPS),
            "usage": _usage(usage),
        }
    for held in (body, *(dig(body, name, 0) for name in ("results", "outputs", "generations"))):
        if isinstance(text := first(held, *_TEXTS), str):
            return {
                "content": text,
                "stop_reason": first(held, *_STOPS) or first(body, *_STOPS),
                "usage": _usage(body.get("usage") or body),
            }
    return _choices_with_own_stop(body)


def _usage(usage: Any) -> dict[str, Any]:
    return {
        "input_tokens": first(usage, "inputTokens", "prompt_token_count", "inputTextTokenCount"),
        "output_tokens": first(usage, "outputTokens", "generation_token_count")
        or dig(usage, "results", 0, "tokenCount"),
        "cache_read_input_tokens": first(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"),
    }


def _choices_with_own_stop(body: dict[str, Any]) -> dict[str, Any]:
    """DeepSeek's and Mistral's choices call their finish reason `stop_reason`."""
    choice = dig(body, "choices", 0)
    if isinstance(choice, dict) and "finish_reason" not in choice:
        return {**body, "choices": [{**choice, "finish_reason": first(choice, *_STOPS)}]}
    return body


def _converse_stream(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    texts: dict[int, list[str]] = {}
    whole: dict[str, Any] = {}
    seen = False
    for event in events:
        if isinstance(event.get("messageStart"), dict):
            seen = True
        if isinstance(delta := event.get("contentBlockDelta"), dict):
            seen = True
            place = delta.get("contentBlockIndex")
            if isinstance(text := dig(delta, "delta", "text"), str):
                texts.setdefault(place if isinstance(place, int) else 0, []).append(text)
        if isinstance(stop := event.get("messageStop"), dict):
            whole["stopReason"] = stop.get("stopReason")
        if isinstance(told := event.get("metadata"), dict):
            whole |= {name: told[name] for name in ("usage", "metrics") if name in told}
    if not seen:
        return None
    content = [{"text": "".join(texts[place])} for place in sorted(texts)]
    return {"output": {"message": {"content": content}}, **whole}


def _text_stream(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Chunks of a model that gives text: each has some, the last one the reason why it stopped."""
    texts: list[str] = []
    whole: dict[str, Any] = {}
    for event in events:
        held = next(
            (
                part
                for part in (event, dig(event, "outputs", 0), dig(event, "generations", 0))
                if isinstance(first(part, *_TEXTS), str)
            ),
            None,
        )
        if held is not None:
            texts.append(first(held, *_TEXTS))
        for part in (event, held, event.get(METRICS)):
            if isinstance(part, dict):
                whole |= {k: v for k, v in part.items() if v is not None and k not in _TEXTS}
    return {**whole, "text": "".join(texts)} if texts else None
