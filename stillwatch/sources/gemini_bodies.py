"""Bodies of Gemini on Vertex, whole or streamed -> what `bodies.py` reads of them.

https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference. Names come in
camel case (JSON) or in snake case (from protocol buffers). Function declarations become tools of
Anthropic's shape, so that a set of tools has one digest wherever it is used. Thoughts are no part
of the answer.
"""

from __future__ import annotations

from typing import Any

from stillwatch.sources.messages import dig, first, opened_response

_HOSTED = ("googleSearch", "googleSearchRetrieval", "codeExecution", "retrieval", "urlContext")


def plain_gemini_request(body: dict[str, Any]) -> dict[str, Any]:
    """A request of `generateContent` with `messages`, `system`, `tools` and parameters."""
    contents = first(body, "contents")
    if isinstance(contents, dict):
        contents = [contents]
    if isinstance(contents, list):
        contents = [plain_message(message) for message in contents]
    system = first(body, "systemInstruction", "system_instruction")
    settings = first(body, "generationConfig", "generation_config")
    thinking = first(settings, "thinkingConfig", "thinking_config")
    return {
        "messages": contents,
        "system": dig(system, "parts") or system,
        "tools": plain_tools(body.get("tools")),
        "max_tokens": first(settings, "maxOutputTokens", "max_output_tokens"),
        "temperature": first(settings, "temperature"),
        "thinking": _thinking(thinking),
        "metadata": {},
    }


def plain_message(message: Any) -> Any:
    """A turn with `content`, results of functions as results of tools."""
    parts = dig(message, "parts")
    if isinstance(parts, dict):
        parts = [parts]
    if not isinstance(parts, list):
        return message
    return {"role": dig(message, "role") or "user", "content": [_part(part) for part in parts]}


def _part(part: Any) -> Any:
    answer = first(part, "functionResponse", "function_response")
    if isinstance(answer, dict):
        held = answer.get("response")
        text = first(held, "output", "result", "content") or held
        return {"type": "tool_result", "content": text if isinstance(text, str) else [held]}
    return part


def plain_tools(tools: Any) -> list[Any] | None:
    """Declared functions in Anthropic's shape, and hosted tools by their type."""
    if not isinstance(tools, list):
        return None
    plain: list[Any] = []
    for tool in tools:
        declared = first(tool, "functionDeclarations", "function_declarations")
        for one in declared if isinstance(declared, list) else ():
            kept = {name: dig(one, name) for name in ("name", "description") if dig(one, name)}
            schema = first(one, "parameters", "parametersJsonSchema")
            plain.append(kept if schema is None else kept | {"input_schema": schema})
        plain += [{"type": name} for name in _HOSTED if isinstance(tool, dict) and name in tool]
    return plain or None


def _thinking(config: Any) -> dict[str, str] | None:
    budget = first(config, "thinkingBudget", "thinking_budget")
    level = first(config, "thinkingLevel", "thinking_level")
    shown = first(config, "includeThoughts", "include_thoughts")
    if budget is None and level is None and shown is None:
        return None
    return {"type": "disabled" if budget == 0 else "enabled"}


def plain_gemini_response(body: Any) -> Any:
    """A response's body in Anthropic's shape; a stream's chunks put together, others unchanged."""
    chunks = [opened_response(chunk) for chunk in body] if isinstance(body, list) else [body]
    chunks = [chunk for chunk in chunks if isinstance(chunk, dict)]
    if not any("candidates" in chunk or "promptFeedback" in chunk for chunk in chunks):
        return body
    texts: list[str] = []
    whole: dict[str, Any] = {"stop_reason": None, "usage": {}}
    for chunk in chunks:
        candidate = dig(chunk, "candidates", 0)
        texts += _texts(dig(candidate, "content", "parts"))
        reason = first(candidate, "finishReason", "finish_reason")
        reason = reason or dig(chunk, "promptFeedback", "blockReason")
        whole["stop_reason"] = reason or whole["stop_reason"]
        usage = first(chunk, "usageMetadata", "usage_metadata")
        whole["usage"] = usage if isinstance(usage, dict) else whole["usage"]
    return {
        "content": "".join(texts),
        "stop_reason": whole["stop_reason"],
        "usage": _usage(whole["usage"]),
    }


def _texts(parts: Any) -> list[str]:
    found = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return [p["text"] for p in found if isinstance(p.get("text"), str) and not p.get("thought")]


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Thoughts are billed as output, and counted beside it."""
    return {
        "input_tokens": first(usage, "promptTokenCount", "prompt_token_count"),
        "output_tokens": first(usage, "candidatesTokenCount", "candidates_token_count"),
        "output_tokens_details": {
            "reasoning_tokens": first(usage, "thoughtsTokenCount", "thoughts_token_count")
        },
        "cache_read_input_tokens": first(
            usage, "cachedContentTokenCount", "cached_content_token_count"
        ),
    }
