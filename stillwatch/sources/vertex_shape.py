"""Vertex's rows, many at once; what they mean: `vertex.py`.

Usual are Gemini's bodies, as objects or text. Streams and bodies of other models' go the general
way.
"""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Meta, Raw, UnsetType

from stillwatch.sources import gemini_bodies, vertex
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import (
    NO_TOOLS,
    NOT_SENT,
    Block,
    Message,
    ToolSets,
    messages_columns,
    said,
)
from stillwatch.sources.messages import last_user_text
from stillwatch.sources.shapes import UNFIT, ByField, Columns, Shape, Used, field
from stillwatch.sources.times import times_us

_DAY_MS = 86_400_000
_PLAINLY_US = 10**14
"""Below it a bare number might be of another unit."""


class Part(Block):
    """A part of Gemini's content."""

    type: None = None
    thought: Any = None
    functionResponse: Any = UNSET
    function_response: Any = UNSET


class Turn(Message, kw_only=True):
    """A turn of such parts."""

    role: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    content: None = None
    parts: Sequence[str | Part]  # pyright: ignore[reportGeneralTypeIssues]


class System(Used):
    """A system prompt."""

    parts: Annotated[Sequence[str | Part], Meta(min_length=1)]


class Thinking(Used):
    """How much reasoning is asked for."""

    thinkingBudget: int | None = None
    thinkingLevel: str | None = None
    includeThoughts: bool | None = None
    thinking_budget: None = None
    thinking_level: None = None
    include_thoughts: None = None


class Settings(Used):
    """A request's parameters."""

    maxOutputTokens: int | None = None
    temperature: float | None = None
    thinkingConfig: Thinking | None = None
    max_output_tokens: None = None
    thinking_config: None = None


class Asked(Used):
    """A request's body."""

    contents: Sequence[Turn]
    systemInstruction: System | None = None
    system_instruction: None = None
    tools: Raw = NOT_SENT
    generationConfig: Settings | None = None
    generation_config: None = None
    labels: dict[str, str] | None = None
    endpoint: str | None = None
    model: str | None = None


class Answer(Used):
    """What a candidate holds."""

    parts: list[Part] | None = None


class Candidate(Used):
    """An answer."""

    content: Answer | None = None
    finishReason: str | None = None
    finish_reason: None = None


class Tokens(Used):
    """What was counted."""

    promptTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    thoughtsTokenCount: int | None = None
    cachedContentTokenCount: int | None = None
    prompt_token_count: None = None
    candidates_token_count: None = None
    thoughts_token_count: None = None
    cached_content_token_count: None = None


class Told(Used):
    """A response's body."""

    candidates: list[Candidate]
    promptFeedback: None = None
    usageMetadata: Tokens | None = None
    usage_metadata: None = None
    error: None = None


class Metadata(Used):
    """How long it took."""

    request_latency: float | None = None


class Row(Used):
    """One row of the table."""

    full_request: Asked | str
    full_response: Told | str | None = None
    response_payload: None = None
    request_id: str | None = None
    logging_time: str | None = None
    endpoint: str | None = None
    model: str | None = None
    deployed_model_id: str | None = None
    metadata: Metadata | None = None


_NOTHING_TOLD, _NO_SETTINGS, _NO_TOKENS = Told([]), Settings(), Tokens()
_tool_sets = ToolSets(gemini_bodies.plain_tools)


_asked, _told = msgspec.json.Decoder(Asked), msgspec.json.Decoder(Told)


def _opened(rows: list[Row]) -> list[Row | None]:
    return list(map(_with_bodies, rows))


def _with_bodies(row: Row) -> Row | None:
    """A row whose bodies are no text any more."""
    request, response = row.full_request, row.full_response
    try:
        if isinstance(request, str):
            if not request.startswith("{"):
                return None
            row.full_request = _asked.decode(request)
        if isinstance(response, str):
            if not response.startswith("{"):
                return None
            row.full_response = _told.decode(response)
    except UNFIT:
        return None
    return row


def _columns(account: str | None, rows: list[Row]) -> Columns:
    held = ByField(rows)
    asked = held["full_request"]
    told = [body or _NOTHING_TOLD for body in held["full_response"]]
    labels = [known or {} for known in field("labels", asked)]
    latencies = [
        None if about is None or about.request_latency is None else _ms(about.request_latency)
        for about in held["metadata"]
    ]
    names = (account,) if account else vertex.ACCOUNTS
    who = _label(labels, names)
    projects: dict[str | None, str | None] = {}
    return Columns(
        _request_columns(asked)
        | _response_columns(told)
        | {
            "exchange_id": said(held["request_id"]),
            "ts": _starts(held["logging_time"], latencies),
            "account_id": [
                one or _project(row, projects) for one, row in zip(who, rows, strict=True)
            ],
            "conversation_id": _label(labels, vertex.SESSIONS),
            "surface": ["vertex"] * len(rows),
            "model": [
                vertex.model_of(row.model, row.full_request.model, row.endpoint)
                or row.deployed_model_id
                or None
                for row in rows
            ],
            "status": [200] * len(rows),
            "latency_ms": latencies,
        },
        len(rows),
    )


def _ms(latency: float) -> int:
    return max(0, round(latency))


def _label(labels: Sequence[dict[str, str]], names: Sequence[str]) -> list[str | None]:
    known = set().union(*labels)
    found = [[held.get(name) for held in labels] for name in names if name in known]
    return said(*found) if found else [None] * len(labels)


def _starts(logged: Sequence[str | None], latencies: Sequence[int | None]) -> Values:
    moments = times_us([one and one.removesuffix(" UTC") for one in logged])
    if moments is None or moments.null_count or pc.min(moments).as_py() < _PLAINLY_US + _DAY_MS:
        return list(map(vertex.start_of, logged, latencies))
    if not any(latencies):
        return moments
    before = [1000 * min(latency or 0, _DAY_MS) for latency in latencies]
    return pc.subtract(moments, pa.array(before, pa.int64()))


def _project(row: Row, known: dict[str | None, str | None]) -> str | None:
    """Projects by the names of endpoints, which are few."""
    asked = row.full_request
    if asked.endpoint is None and asked.model is None:
        if row.endpoint not in known:
            known[row.endpoint] = vertex.project_of(row.endpoint)
        return known[row.endpoint]
    return vertex.project_of(row.endpoint, asked.endpoint, asked.model)


def _request_columns(asked: Sequence[Asked]) -> dict[str, Values]:
    systems = [body.systemInstruction and body.systemInstruction.parts for body in asked]
    made: dict[str, Any] = messages_columns(field("contents", asked), systems)
    if "" in made["prompt"]:
        made["prompt"] = [
            text or _task(body) for text, body in zip(made["prompt"], asked, strict=True)
        ]
    tools = [_tool_sets.of(bytes(raw)) or NO_TOOLS for raw in field("tools", asked)]
    settings = [one or _NO_SETTINGS for one in field("generationConfig", asked)]
    return made | {
        "tools": [names for names, _ in tools],
        "tools_digest": [digest for _, digest in tools],
        "max_tokens": [most or None for most in field("maxOutputTokens", settings)],
        "temperature": field("temperature", settings),
        "thinking": list(map(_thinking_asked, field("thinkingConfig", settings))),
    }


def _task(body: Asked) -> str:
    """Results of functions stand in where no turn of a user's has text."""
    if not body.contents:
        return ""
    turns = msgspec.to_builtins(body.contents)
    return last_user_text(list(map(gemini_bodies.plain_message, turns)))


def _thinking_asked(config: Thinking | None) -> bool | None:
    if config is None:
        return None
    said_so = config.thinkingBudget, config.thinkingLevel or None, config.includeThoughts
    return None if said_so == (None, None, None) else config.thinkingBudget != 0


def _response_columns(told: Sequence[Told]) -> dict[str, Values]:
    firsts = [body.candidates[0] if body.candidates else None for body in told]
    usages = ByField([usage or _NO_TOKENS for usage in field("usageMetadata", told)])
    return {
        "response": [
            None if body is _NOTHING_TOLD else _text(one)
            for body, one in zip(told, firsts, strict=True)
        ],
        "stop_reason": [(one and one.finishReason) or None for one in firsts],
        "input_tokens": usages["promptTokenCount"],
        "output_tokens": usages["candidatesTokenCount"],
        "reasoning_tokens": usages["thoughtsTokenCount"],
        "cached_tokens": usages["cachedContentTokenCount"],
    }


def _text(one: Candidate | None) -> str:
    """Thoughts are no part of the answer."""
    if one is None or one.content is None or one.content.parts is None:
        return ""
    parts = one.content.parts
    return "".join([p.text for p in parts if isinstance(p.text, str) and not p.thought])


def vertex_shape(account: str | None) -> Shape | None:
    """Rows of Gemini's; `account` may name a label of the request."""
    *holders, name = (account or "full_request.labels.").split(".")
    if holders != ["full_request", "labels"]:
        return None
    return Shape(Row, partial(_columns, name or None), _opened)
