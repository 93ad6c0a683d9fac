"""Bedrock's records with whole bodies, many at once; what they mean: `bedrock.py`.

Usual are Converse and bodies of Claude's; streams, spilled bodies, other models' bodies and what
CloudWatch wraps go the general way.
"""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from stillwatch.sources import bedrock, bedrock_bodies
from stillwatch.sources.body_shapes import (
    NO_TOOLS,
    Block,
    Content,
    Message,
    Request,
    Response,
    Thinking,
    ToolSets,
    Usage,
    request_columns,
    said,
    text_of,
    thinking_asked,
    usage_columns,
)
from stillwatch.sources.messages import last_user_text
from stillwatch.sources.shapes import ByField, Columns, Shape, Used, field


class Part(Block):
    """A block of Converse or of Claude's."""

    toolResult: Any = UNSET


class Turn(Message):
    """A message of such blocks."""

    content: str | Sequence[str | Part] | None = None


class Settings(Used):
    """Converse's parameters."""

    max_tokens: int | None = None
    max_gen_len: int | None = None
    maxTokens: int | None = None
    max_new_tokens: int | None = None
    maxTokenCount: int | None = None
    temperature: float | None = None
    thinking: Thinking | None = None
    reasoning_config: Thinking | None = None
    reasoningConfig: Thinking | None = None


class More(Used):
    """What Converse hands on to the model."""

    thinking: Thinking | None = None
    reasoning_config: Thinking | None = None
    reasoningConfig: Thinking | None = None


class ToolConfig(Used):
    """Converse's tools."""

    tools: Raw = Raw()


class Asked(Request):
    """A request's body."""

    messages: Sequence[Turn] | None = None
    thinking: Thinking | None = None
    reasoning_config: Thinking | None = None
    reasoningConfig: Thinking | None = None
    anthropic_version: str | None = None
    schemaVersion: Any = UNSET
    inferenceConfig: Settings | None = None
    toolConfig: ToolConfig | None = None
    additionalModelRequestFields: More | None = None
    inputText: None = None
    message: None = None


class Tokens(Usage):
    """Tokens, under Converse's names, too."""

    inputTokens: int | None = None
    prompt_token_count: int | None = None
    inputTextTokenCount: int | None = None
    outputTokens: int | None = None
    generation_token_count: int | None = None
    results: None = None
    cacheReadInputTokens: int | None = None
    cacheReadInputTokenCount: int | None = None


class Answer(Used):
    """Converse's message."""

    content: Content = None


class Output(Used):
    """What Converse has around its message."""

    message: Answer | None = None


class Metrics(Used):
    """How long it took."""

    latencyMs: int | None = None


class Invocation(Used):
    """How long it took, in native bodies."""

    invocationLatency: int | None = None


class Metadata(Used):
    """How long it took, in a stream's last event."""

    metrics: Metrics | None = None


class Told(Response):
    """A response's body."""

    choices: None = None
    candidates: None = None
    output: Output | None = None
    usage: Tokens | None = None
    incomplete_details: None = None
    status: None = None
    model: str | None = None
    stopReason: Any = None
    completionReason: Any = None
    finish_reason: Any = None
    finishReason: Any = None
    metrics: Metrics | None = None
    metadata: Metadata | None = None
    invoked: Invocation | None = msgspec.field(default=None, name=bedrock_bodies.METRICS)


class Input(Used):
    """What was asked."""

    inputBodyJson: Asked | None = None
    inputBodyS3Path: Any = None
    inputTokenCount: int | None = None
    cacheReadInputTokenCount: int | None = None


class Answered(Used):
    """What was answered."""

    outputBodyJson: Told | None = None
    outputBodyS3Path: Any = None
    outputTokenCount: int | None = None


class Identity(Used):
    """Who called."""

    arn: str | None = None


class Invoked(Used):
    """One record."""

    schemaType: Literal["ModelInvocationLog"] = "ModelInvocationLog"
    messageType: None = None
    events: None = None
    logEvents: None = None
    message: None = None
    timestamp: str | int | float | None = None
    accountId: str | None = None
    identity: Identity | None = None
    requestId: str | None = None
    requestMetadata: dict[str, str] | None = None
    modelId: str | None = None
    errorCode: str | None = None
    status: int | None = None
    input: Input | None = None
    output: Answered | None = None


_NOBODY, _NO_INPUT, _NO_OUTPUT = Identity(), Input(), Answered()
_NOT_ASKED, _NOT_TOLD, _NO_TOKENS = Asked(), Told(), Tokens()
_tool_sets = ToolSets(bedrock_bodies.plain_tools)


def _opened(records: list[Invoked]) -> list[Invoked | None]:
    return list(map(_usual, records))


def _usual(record: Invoked) -> Invoked | None:
    given, got = record.input or _NO_INPUT, record.output or _NO_OUTPUT
    body, answer = given.inputBodyJson, got.outputBodyJson
    if body is None:
        if given.inputBodyS3Path is not None:
            return None
    elif (body.messages is None and (body.prompt or body.input or body.contents)) or (
        body.toolConfig is not None and (bytes(body.tools) or bytes(body.functions))
    ):
        return None
    if answer is None:
        return None if got.outputBodyS3Path is not None else record
    return record if _message(answer) or answer.content is not None else None


Trail = Callable[[Sequence[str | None]], list[dict[str, Any] | None]]
"""What CloudTrail says of calls, by their ids."""


def _columns(account: str | None, trail: Trail, records: list[Invoked]) -> Columns:
    held = ByField(records)
    given = [one or _NO_INPUT for one in held["input"]]
    got = [one or _NO_OUTPUT for one in held["output"]]
    asked = [body or _NOT_ASKED for body in field("inputBodyJson", given)]
    told = [body or _NOT_TOLD for body in field("outputBodyJson", got)]
    said_of = trail(held["requestId"])
    arns: list[Any] = field("arn", [who or _NOBODY for who in held["identity"]])
    if any(said_of):
        arns = [arn or (known and known["arn"]) for arn, known in zip(arns, said_of, strict=True)]
    about = [known or {} for known in held["requestMetadata"]]
    who = [known.get(account) for known in about] if account else map(_account_of, arns)
    made = _request_columns(asked) | _response_columns(told)
    return Columns(
        made
        | {
            "input_tokens": said(field("inputTokenCount", given), made["input_tokens"]),
            "output_tokens": said(field("outputTokenCount", got), made["output_tokens"]),
            "cached_tokens": said(field("cacheReadInputTokenCount", given), made["cached_tokens"]),
            "exchange_id": held["requestId"],
            "ts": held["timestamp"],
            "account_id": [
                found or other for found, other in zip(who, held["accountId"], strict=True)
            ],
            "org_id": [None] * len(records) if account else held["accountId"],
            "key_id": arns,
            "conversation_id": said(*([k.get(n) for k in about] for n in bedrock.SESSIONS))
            if any(about)
            else [None] * len(records),
            "surface": ["bedrock"] * len(records),
            "model": list(map(_model_of, held["modelId"], told)),
            "status": [
                bedrock.status_of(error or (said and said["error"]), status)
                for error, said, status in zip(
                    held["errorCode"], said_of, held["status"], strict=True
                )
            ],
            "latency_ms": list(map(_latency_ms, told)),
            "ip": [said and said["ip"] for said in said_of],
            "user_agent": [said and said["user_agent"] for said in said_of],
        },
        len(records),
    )


def _account_of(arn: str | None) -> str | None:
    return bedrock.account_of(arn) if arn and ":assumed-role/" in arn else arn


def _model_of(model: str | None, told: Told) -> str | None:
    if model is None or "/" not in model:
        return model
    return bedrock.model_of(model, None if _message(told) else {"model": told.model})


def _request_columns(asked: Sequence[Asked]) -> dict[str, Any]:
    made: dict[str, Any] = request_columns(asked)
    if "" in made["prompt"]:
        made["prompt"] = [
            text or _task(body) for text, body in zip(made["prompt"], asked, strict=True)
        ]
    mapped = [body if _is_mapped(body) else _NOT_ASKED for body in asked]
    if any(settings := field("inferenceConfig", mapped)):
        made["max_tokens"] = [
            (one and _most(one)) or (None if one else most)
            for one, most in zip(settings, made["max_tokens"], strict=True)
        ]
        made["temperature"] = [
            one.temperature if one else given
            for one, given in zip(settings, made["temperature"], strict=True)
        ]
    if any(configs := field("toolConfig", mapped)):
        none = [None] * len(asked)
        others = zip(made.get("tools", none), made.get("tools_digest", none), strict=True)
        found = [
            (_tool_sets.of(bytes(one.tools)) or NO_TOOLS) if one else other
            for one, other in zip(configs, others, strict=True)
        ]
        made["tools"], made["tools_digest"] = zip(*found, strict=True)
    if any(map(_thinking, mapped)):
        made["thinking"] = list(map(_thinking_asked, asked))
    return made


def _is_mapped(body: Asked) -> bool:
    """Whether `bedrock_bodies` makes something else of a body with messages."""
    if body.messages is None:
        return False
    converse = body.inferenceConfig or body.toolConfig or body.schemaVersion is not UNSET
    return bool(converse) or not body.anthropic_version


def _task(body: Asked) -> str:
    """Results of tools stand in where no turn of a user's has text."""
    if not body.messages:
        return ""
    messages = msgspec.to_builtins(body.messages)
    if _is_mapped(body):
        messages = list(map(bedrock_bodies.plain_message, messages))
    return last_user_text(messages)


def _most(settings: Settings) -> int | None:
    names = ("max_tokens", "max_gen_len", "maxTokens", "max_new_tokens", "maxTokenCount")
    counts = (getattr(settings, name) for name in names)
    return next((count for count in counts if count is not None), None)


def _thinking(body: Asked) -> Thinking | None:
    for holder in (body.additionalModelRequestFields, body, body.inferenceConfig):
        if holder:
            asked = holder.thinking or holder.reasoning_config or holder.reasoningConfig
            if asked:
                return asked
    return None


def _thinking_asked(body: Asked) -> bool | None:
    asked = _thinking(body) if _is_mapped(body) else None
    if asked is None:
        return thinking_asked(body)
    kind = "enabled" if asked.type is UNSET else asked.type
    return thinking_asked(replace(body, thinking=Thinking(kind)))


def _message(told: Told) -> Answer | None:
    """Converse's message."""
    message = told.output.message if told.output else None
    return message if message and message.content is not None else None


def _content(told: Told) -> Content:
    message = _message(told)
    return message.content if message else told.content


_STOPS = ("stop_reason", "stopReason", "completionReason", "finish_reason", "finishReason")
_INPUTS = ("inputTokens", "prompt_token_count", "inputTextTokenCount")
_OUTPUTS = ("outputTokens", "generation_token_count")
_CACHED = ("cacheReadInputTokens", "cacheReadInputTokenCount")


def _response_columns(told: Sequence[Told]) -> dict[str, Any]:
    converse = [_message(body) is not None for body in told]
    contents = list(map(_content, told))
    usages = field("usage", told)
    made: dict[str, Any] = usage_columns(
        [None if own else usage for usage, own in zip(usages, converse, strict=True)]
    )
    if any(converse):
        plain = ByField(
            [
                usage if own and usage else _NO_TOKENS
                for usage, own in zip(usages, converse, strict=True)
            ]
        )
        made["input_tokens"] = said(made["input_tokens"], *(plain[name] for name in _INPUTS))
        made["output_tokens"] = said(
            made["output_tokens"], [n or None for n in said(*(plain[name] for name in _OUTPUTS))]
        )
        made["cached_tokens"] = said(made["cached_tokens"], *(plain[name] for name in _CACHED))
    made["response"] = [None if held is None else text_of(held) for held in contents]
    made["stop_reason"] = [
        found if isinstance(found, str) and found else None
        for found in (
            _stop(body) if own else body.stop_reason
            for body, own in zip(told, converse, strict=True)
        )
    ]
    return made


def _stop(body: Told) -> Any:
    values = (getattr(body, name) for name in _STOPS)
    return next((value for value in values if value is not None and value != ""), None)


def _latency_ms(body: Told) -> int | None:
    for metrics in (body.metrics, body.metadata and body.metadata.metrics):
        if metrics and metrics.latencyMs is not None:
            return metrics.latencyMs
    return body.invoked.invocationLatency if body.invoked else None


class Reader(bedrock.Reader):
    """A reader that takes records of the documented types many at a time.

    `account` may name something of `requestMetadata`; where it names anything else none are usual.
    """

    @property
    def shape(self) -> Shape | None:
        """Made anew for who asks: a reader that kept it would be held by what it holds."""
        holder, _, name = (self._account or "requestMetadata.").partition(".")
        if holder != "requestMetadata" or "." in name:
            return None
        return Shape(Invoked, partial(_columns, name or None, self.said_of_each), _opened)
