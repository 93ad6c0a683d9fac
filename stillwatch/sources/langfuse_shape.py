"""Langfuse's enriched observations, many at once; what they mean: `langfuse.py`.

Usual are bodies or messages of OpenAI's or Anthropic's shape, as objects or JSON text, and plain
text. The legacy layout's rows wait for their trace and go the general way.
"""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from stillwatch.sources import langfuse
from stillwatch.sources.addresses import nearest_address
from stillwatch.sources.body_shapes import (
    NO_RESPONSE,
    NO_TOOLS,
    NOT_SENT,
    Message,
    Request,
    Response,
    Thinking,
    ToolSets,
    request_columns,
    response_text,
    said,
    stop_reason,
)
from stillwatch.sources.shapes import ByField, Columns, Shape, Used, decoded, field, objects
from stillwatch.sources.times import gaps_ms, moments


class Turn(Message):
    """A message with a role of its own."""

    role: str  # pyright: ignore[reportGeneralTypeIssues]
    kwargs: None = None
    data: None = None


class Asked(Request):
    """A request's body, which is no message itself."""

    messages: str | Sequence[Turn] | None = None
    input: str | Sequence[Turn] | None = None
    contents: str | Sequence[Turn] | None = None
    prompt: str | Sequence[Turn] | None = None
    type: None = None
    role: None = None
    content: None = None
    parts: None = None
    kwargs: None = None


class Settings(Used):
    """`model_parameters`; what else of a request stands there is not usual."""

    max_tokens: int | None = None
    maxTokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    thinking: Thinking | None = None
    reasoning_effort: str | None = None
    model: str | None = None
    user: str | None = None
    safety_identifier: None = None
    metadata: None = None
    system: None = None
    instructions: None = None
    tools: None = None
    functions: None = None
    max_output_tokens: None = None
    max_tokens_to_sample: None = None
    extra_body: None = None
    reasoning: None = None
    messages: None = None
    input: None = None
    contents: None = None
    prompt: None = None
    generationConfig: None = None
    systemInstruction: None = None


class Told(Response):
    """A response's body, or the message of one."""

    generations: None = None
    message: None = None
    kwargs: None = None
    type: Any = None
    parts: None = None
    text: None = None
    response: None = None
    completion: None = None
    finish_reason: Any = None
    finishReason: Any = None
    response_metadata: None = None
    candidates: None = None


class Tokens(Used):
    """`usage_details`."""

    input: int | None = None
    prompt_tokens: int | None = None
    output: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    output_reasoning_tokens: int | None = None
    input_cached_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    input_cache_read: int | None = None


def _named(names: Sequence[str]) -> list[Any]:
    return [
        (f"field_{place}", str | None, msgspec.field(default=None, name=name))
        for place, name in enumerate(names)
    ]


_CLIENT = (*langfuse.ADDRESSES, *langfuse.AGENTS)
Attributes = msgspec.defstruct("Attributes", _named(_CLIENT), bases=(Used,), gc=False)
Metadata = msgspec.defstruct(
    "Metadata", [("attributes", Attributes | None, None)], bases=(Attributes,), gc=False
)


class Observation(Used):
    """One generation."""

    type: Literal["GENERATION"]
    id: str | None = None
    user_id: str | UnsetType | None = UNSET
    userId: str | UnsetType | None = UNSET
    session_id: str | None = None
    sessionId: str | None = None
    start_time: str | None = None
    startTime: str | None = None
    end_time: str | None = None
    endTime: str | None = None
    provided_model_name: str | None = None
    model: str | None = None
    input: str | Asked | None = None
    output: str | Told | None = None
    model_parameters: str | Settings | None = None
    modelParameters: None = None
    usage_details: Tokens | None = None
    usageDetails: Tokens | None = None
    tool_definitions: Raw = NOT_SENT
    toolDefinitions: Raw = NOT_SENT
    level: str | None = None
    status_message: str | None = None
    statusMessage: str | None = None
    metadata: Metadata | None = None  # type: ignore[valid-type]


_asked, _turns = msgspec.json.Decoder(Asked), msgspec.json.Decoder(list[Turn])
_told, _settings = msgspec.json.Decoder(Told), msgspec.json.Decoder(Settings)
_NOT_ASKED, _NOT_TOLD, _NO_SETTINGS = Asked(), Told(), Settings()
_NO_TOKENS, _NO_METADATA, _NO_CLIENT = Tokens(), Metadata(), Attributes()
_OPEN = ("{", "[", "data:", "event:")
_own_tools, _tool_sets = ToolSets(), ToolSets(langfuse.tools_of)


Opened = tuple[Observation, Asked, Response]
"""An observation with its bodies decoded."""


def _opened(observations: list[Observation]) -> list[Opened | None]:
    asked = field("input", observations)
    told = field("output", observations)
    return list(
        map(
            _with_bodies,
            observations,
            map(_request, asked, objects(_asked, asked, _NOT_ASKED)),
            map(_response, told, objects(_told, told, _NOT_TOLD)),
            objects(_settings, field("model_parameters", observations), _NO_SETTINGS),
        )
    )


def _with_bodies(
    one: Observation, asked: Asked | None, told: Response | None, settings: Settings | None
) -> Opened | None:
    if asked is None or told is None or settings is None:
        return None
    if one.user_id is UNSET and one.userId is UNSET:
        return None
    if settings is not _NO_SETTINGS:
        asked = Asked() if asked is _NOT_ASKED else asked
        if not _set(asked, settings):
            return None
    return one, asked, told


def _request(held: str | Asked | None, body: Asked | None) -> Asked | None:
    """What is no object, is the messages; `None` where it isn't usual."""
    if body is None:
        return _messages(held)
    if body is not _NOT_ASKED and (
        not (body.messages or body.input or body.contents or body.prompt)
        or body.generationConfig
        or body.systemInstruction
        or body.functions is not NOT_SENT
    ):
        return None
    return body


def _messages(held: Any) -> Asked | None:
    if not held.startswith("["):
        return None if held.lstrip().startswith(_OPEN) else Asked(messages=held)
    turns = decoded(_turns, [held])[0]
    return Asked(messages=turns) if turns else None


def _set(asked: Asked, settings: Settings) -> bool:
    """Parameters beside the request outrank those inside; false where they aren't usual."""
    told = False
    for most in (settings.max_tokens, settings.maxTokens, settings.max_completion_tokens):
        if most is not None:
            if told:
                return False
            told, asked.max_tokens = True, most
    if settings.temperature is not None:
        asked.temperature = settings.temperature
    asked.thinking = settings.thinking or asked.thinking
    if settings.reasoning_effort is not None:
        asked.reasoning_effort = settings.reasoning_effort
    if settings.model is not None:
        asked.model = settings.model
    if settings.user is not None:
        asked.user = settings.user
    return True


def _response(held: Any, body: Told | None) -> Response | None:
    """A message of itself is the answer, and so is plain text; `None` where it isn't usual."""
    if body is None:
        plain = isinstance(held, str) and not held.lstrip().startswith(_OPEN)
        return Response(content=held) if plain else None
    if body is _NOT_TOLD:
        return NO_RESPONSE
    if body.choices or body.output or body.usage:
        return body
    if body.content is None or body.content == "":
        return None
    for finish in (body.finish_reason, body.finishReason, body.stop_reason):
        if finish is not None and finish != "":
            return Response(content=body.content, stop_reason=finish)
    return Response(content=body.content)


def _columns(opened: list[Opened]) -> Columns:
    observations, asked, told = zip(*opened, strict=True)
    held = ByField(observations)
    made: dict[str, Any] = request_columns(asked)
    usage = ByField(
        [
            mine or other or _NO_TOKENS
            for mine, other in zip(held["usage_details"], held["usageDetails"], strict=True)
        ]
    )
    starts = moments(said(held["start_time"], held["startTime"]))
    return Columns(
        made
        | _tools(asked, held["tool_definitions"], held["toolDefinitions"])
        | _client(held["metadata"])
        | {
            "response": list(map(response_text, told)),
            "stop_reason": list(map(stop_reason, told)),
            "exchange_id": said(held["id"]),
            "ts": starts,
            "account_id": said(_set_ones(held["user_id"]), _set_ones(held["userId"])),
            "conversation_id": said(held["session_id"], held["sessionId"]),
            "surface": ["api"] * len(opened),
            "model": said(held["provided_model_name"], held["model"], made["model"]),
            "input_tokens": said(usage["input"], usage["prompt_tokens"]),
            "output_tokens": said(usage["output"], usage["completion_tokens"]),
            "reasoning_tokens": said(usage["reasoning_tokens"], usage["output_reasoning_tokens"]),
            "cached_tokens": said(
                usage["input_cached_tokens"],
                usage["cache_read_input_tokens"],
                usage["input_cache_read"],
            ),
            "status": [
                200
                if one.level != "ERROR"
                else langfuse.status_of(one.level, one.status_message or one.statusMessage)
                for one in observations
            ],
            "latency_ms": gaps_ms(starts, said(held["end_time"], held["endTime"])),
        },
        len(opened),
    )


def _set_ones(values: Sequence[Any]) -> list[Any]:
    return [None if value is UNSET else value for value in values]


def _tools(asked: Sequence[Asked], given: Sequence[Raw], others: Sequence[Raw]) -> dict[str, Any]:
    """Of definitions beside the request where it has no list of tools itself."""
    found = [
        _own_tools.of(own)
        if body.tools is not NOT_SENT and (own := bytes(body.tools)).startswith(b"[")
        else _tool_sets.of(bytes(mine) or bytes(other))
        for body, mine, other in zip(asked, given, others, strict=True)
    ]
    pairs = [one or NO_TOOLS for one in found]
    return {"tools": [names for names, _ in pairs], "tools_digest": [digest for _, digest in pairs]}


def _client(metadata: Sequence[Any]) -> dict[str, Any]:
    if not any(metadata):
        return {}
    about = [one or _NO_METADATA for one in metadata]
    places = [ByField(about)]
    if any(inside := places[0]["attributes"]):
        places.append(ByField([one or _NO_CLIENT for one in inside]))
    names = [f"field_{place}" for place in range(len(_CLIENT))]
    cut = len(langfuse.ADDRESSES)
    addresses = said(*(held[name] for held in places for name in names[:cut]))
    agents = said(*(held[name] for held in places for name in names[cut:]))
    return {"ip": [one and nearest_address(one) for one in addresses], "user_agent": agents}


class Joiner(langfuse.Joiner):
    """A joiner that takes enriched rows many at a time, unless `account` names something else."""

    @property
    def shape(self) -> Shape | None:
        """Made anew for who asks."""
        return None if self._account else Shape(Observation, _columns, _opened)
