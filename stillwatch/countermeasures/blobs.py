"""Where requests and answers carry reasoning that only its maker can read.

The same blocks, items and parts stand in an answer, in a piece of a streamed one, and in the
history that a client sends back; so one walk finds them all. Tools' arguments and results are
nobody's reasoning, and aren't looked into.
"""

from __future__ import annotations

from typing import Any

from stillwatch.countermeasures.converse import REASONING, REDACTED, TEXT
from stillwatch.countermeasures.forms import BLOCKS, CHAT_LISTS, SIGNATURES, Body, Change

_INTO = frozenset(
    {
        "candidates",
        "choices",
        "content",
        "contentBlockDelta",
        "content_block",
        "contents",
        "delta",
        "extra_content",
        "google",
        "input",
        "item",
        "message",
        "messages",
        "output",
        "parts",
        "provider_specific_fields",
        "reasoning",
        "response",
        "tool_calls",
        REASONING,
        TEXT,
        *CHAT_LISTS,
    }
)
_TOOLS = ("tool_", "function_", "server_tool_", "mcp_", "web_search", "code_execution")
_HOLDS = {"signature", "data", "encrypted_content"}
_DEEPEST = 12


def with_blobs(body: Body, change: Change, binary: Change | None = None) -> Body:
    """The body with each blob as `change` says; None takes out the block or item that holds it.

    `binary` is the same for one that clients' libraries read as base64: Bedrock's redacted content.
    A signature on a part that is no thought goes alone: the part is the answer itself.

    >>> told = {"content": [{"type": "redacted_thinking", "data": "abc"}]}
    >>> with_blobs(told, str.upper)
    {'content': [{'type': 'redacted_thinking', 'data': 'ABC'}]}
    """
    told = _walked(body, change, binary or change, 0)
    return {} if told is None else told


def _walked(held: Body, change: Change, binary: Change, depth: int, within: bool = False) -> Any:
    kind = held.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind.startswith(_TOOLS) or depth > _DEEPEST:
        return held
    reasons = within or kind in BLOCKS or kind.startswith("reasoning.") or kind == "signature_delta"
    told: Body = {}
    for name, value in held.items():
        bedrocks = name in (REASONING, TEXT)
        signed = name in SIGNATURES
        if (signed or (reasons and name in _HOLDS)) and isinstance(value, str) and value:
            new = change(value)
            if new is not None:
                told[name] = new
            elif not signed or held.get("thought"):
                return None
        elif name in _INTO and isinstance(value, dict):
            inner = _walked(value, change, binary, depth + 1, bedrocks)
            if inner is None and bedrocks:
                return None
            told[name] = {} if inner is None else inner
        elif within and name == REDACTED and isinstance(value, str) and value:
            new = binary(value)
            if new is None:
                return None
            told[name] = new
        elif name in _INTO and isinstance(value, list):
            each = [
                _walked(item, change, binary, depth + 1) if isinstance(item, dict) else item
                for item in value
            ]
            told[name] = [
                new for new, was in zip(each, value, strict=True) if new is not None or was is None
            ]
        else:
            told[name] = value
    return told
