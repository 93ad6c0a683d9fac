"""OTLP's spans that hold their content, many at once; what they mean: `otel.py`.

Usual are messages as JSON text of the current conventions, or a prompt in plain text. Events,
numbered attributes and other ways to tell a call's content go the general way.
"""

# A shape narrows what a body's fields may hold; structs are never set through their base.
# pyright: reportIncompatibleVariableOverride=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stillwatch.sources import otel, reasons
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import (
    NO_TOOLS,
    Block,
    Content,
    Message,
    Messages,
    ToolSets,
    messages_columns,
    said,
    text_of,
)
from stillwatch.sources.chunks import whole_response
from stillwatch.sources.messages import first
from stillwatch.sources.otel_call import (
    CLIENT,
    EFFORTS,
    HEADER,
    INPUTS,
    MODELS,
    OPERATIONS,
    OUTPUTS,
    STATUSES,
    TOKENS,
    is_call,
    latency_ms,
    status,
)
from stillwatch.sources.otlp import plain, whole
from stillwatch.sources.shapes import Columns, Shape, Unusual, Used, decoded


class Value(Used, forbid_unknown_fields=True):
    """OTLP's `AnyValue`, in camel case."""

    stringValue: str | UnsetType = UNSET
    intValue: str | int | UnsetType = UNSET
    doubleValue: float | UnsetType = UNSET
    boolValue: bool | UnsetType = UNSET
    arrayValue: Array | UnsetType = UNSET
    kvlistValue: Any = UNSET


class Array(Used, forbid_unknown_fields=True):
    """OTLP's `ArrayValue`."""

    values: list[Value] | None = None


class Attribute(Used):
    """One attribute."""

    key: str
    value: Value


Attributes = list[Attribute]
About = dict[str, Value]
"""Attributes by name."""
Nanos = str | int | None
Nothing = Annotated[list[Any], Meta(max_length=0)] | None


class Status(Used):
    """How a span ended."""

    code: str | int | None = None


class Span(Used):
    """One span."""

    traceId: Annotated[str, Meta(min_length=1)]
    spanId: Annotated[str, Meta(min_length=1)]
    startTimeUnixNano: Nanos = None
    endTimeUnixNano: Nanos = None
    start_time_unix_nano: None = None
    end_time_unix_nano: None = None
    attributes: Attributes | None = None
    events: Nothing = None
    status: Status | None = None


class Scope(Used):
    """The spans of one library."""

    spans: list[Span] | None = None


class Owner(Used):
    """Whose spans they are."""

    attributes: Attributes | None = None


class Resource(Used):
    """The spans of one service."""

    resource: Owner | None = None
    scopeSpans: list[Scope] | None = None
    scope_spans: None = None


class Payload(Used):
    """Spans as the collector writes them."""

    resourceSpans: list[Resource]
    resource_spans: None = None
    resourceLogs: None = None
    resource_logs: None = None


class Turn(Message):
    """A message of the conventions."""

    role: str  # pyright: ignore[reportGeneralTypeIssues]
    type: None = None
    kwargs: None = None
    data: None = None
    choices: None = None


class Told(Used):
    """An answer of the conventions."""

    role: str
    content: Content = None
    parts: Sequence[str | Block] | None = None
    text: str | None = None
    response: None = None
    completion: None = None
    finish_reason: Any = None
    finishReason: Any = None
    stop_reason: Any = None
    type: None = None
    message: None = None
    kwargs: None = None
    data: None = None
    choices: None = None
    output: None = None
    usage: None = None
    response_metadata: None = None


Call = tuple[str, About, Nanos, Nanos, bool, Messages, Told | None, Content]
"""One call: its key, attributes, start and end, whether it failed, and its content, decoded."""


class Calls(NamedTuple):
    """Of a payload: its calls, and how many of its spans are none."""

    calls: Sequence[Call]
    others: int


_turns = msgspec.json.Decoder(list[Turn])
_answers = msgspec.json.Decoder(list[Told])
_parts = msgspec.json.Decoder(list[str | Block])
_START_OF_MORE = ("[", "{", "data:", "event:")
_SYSTEM = "gen_ai.system_instructions"
_STOPS = "gen_ai.response.finish_reasons"
_ERROR = "error.type"
_NUMBERED = ("gen_ai.prompt.", "gen_ai.completion.", "llm.request.functions.")


def _listed(tools: Any) -> list[Any] | None:
    made = whole_response(tools)
    return made if isinstance(made, list) else None


_tool_sets = ToolSets(_listed)


_NOTHING = Value(stringValue=None, intValue=None, doubleValue=None)  # type: ignore[arg-type]
"""An attribute that isn't there."""


def _about(attributes: Attributes | None) -> About:
    return {held.key: held.value for held in attributes or ()}


def _plain(value: Value) -> Any:
    if value.stringValue is not UNSET:
        return value.stringValue
    if (number := value.intValue) is not UNSET:
        return whole(number)
    if (array := value.arrayValue) is not UNSET:
        return list(map(_plain, array.values or ()))
    if value.doubleValue is not UNSET:
        return value.doubleValue
    if value.boolValue is not UNSET:
        return value.boolValue
    return plain(msgspec.to_builtins(value))


def _first(about: About, *names: str) -> Any:
    """As `messages.first`, of attributes."""
    return first({name: _plain(about[name]) for name in names if name in about}, *names)


Closed = tuple[tuple[str, About, Nanos, Nanos, bool], str, str, str]
"""A call with its texts: what was asked, answered and given as instructions, empty if not there."""


def _opened(payloads: list[Payload]) -> list[Calls | None]:
    return list(map(_calls, payloads))


def _calls(payload: Payload) -> Calls | None:
    closed: list[Closed] = []
    others = seen = 0
    for resource in payload.resourceSpans:
        whose = _about(resource.resource.attributes) if resource.resource else {}
        for scope in resource.scopeSpans or ():
            for span in scope.spans or ():
                seen += 1
                about = _about(span.attributes)
                operation = about.get("gen_ai.operation.name", _NOTHING).stringValue
                if operation in OPERATIONS or is_call(_plains(about)):
                    call = _closed({**whose, **about} if whose else about, span)
                    if call is None:
                        return None
                    closed.append(call)
                else:
                    others += 1
    calls = _with_texts(closed) if closed else []
    return None if None in calls else Calls(calls, others or int(not seen))  # type: ignore[arg-type]


def _with_texts(closed: list[Closed]) -> list[Call | None]:
    return list(
        map(
            _call,
            closed,
            decoded(_turns, [asked if asked[0] == "[" else "[]" for _, asked, _, _ in closed]),
            decoded(_answers, [told or "[]" for _, _, told, _ in closed]),
            decoded(_parts, [system or "[]" for _, _, _, system in closed]),
        )
    )


def _plains(about: About) -> dict[str, Any]:
    return {name: _plain(value) for name, value in about.items()}


def _closed(about: About, span: Span) -> Closed | None:
    asked = about.get(INPUTS[0], _NOTHING).stringValue or _first(about, *INPUTS)
    told = about.get(OUTPUTS[0], _NOTHING).stringValue or _first(about, *OUTPUTS)
    system = about.get(_SYSTEM, _NOTHING).stringValue
    if not isinstance(asked, str) or (
        not asked.startswith("[") and asked.lstrip().startswith(_START_OF_MORE)
    ):
        return None
    if told is not None and not (isinstance(told, str) and told.startswith("[")):
        return None
    if system is not None and not (system and system[0] == "["):
        return None
    if span.traceId[-1] == "=" or span.spanId[-1] == "=":
        return None  # ids in base64
    key = f"{span.traceId}-{span.spanId}".lower()
    failed = span.status is not None and span.status.code in otel.FAILED
    whose = key, about, span.startTimeUnixNano, span.endTimeUnixNano, failed
    return whose, asked, told or "", system or ""


def _call(
    closed: Closed, turns: list[Turn] | None, answers: list[Told] | None, system: Any
) -> Call | None:
    whose, asked, told, given = closed
    if turns is None or answers is None or system is None:
        return None
    messages = turns if asked.startswith("[") else asked
    if not messages or (told and not answers):
        return None
    answer = answers[0] if answers else None
    return *whose, messages, answer, system if given else None


def _columns(joiner: otel.Joiner, account: Sequence[str], payloads: list[Calls]) -> Columns:
    calls = [call for payload in payloads for call in payload.calls]
    if not calls:
        return Columns({}, 0, (), _others(payloads))
    keys, abouts, starts, ends, failed, messages, answers, systems = zip(*calls, strict=True)
    names = set(chain.from_iterable(abouts))
    if any(name.startswith(_NUMBERED) for name in names):
        raise Unusual("content may be among attributes with numbers")
    headers = {name: name.removeprefix(HEADER) for name in names if name.startswith(HEADER)}

    def any_of(own: type, *wanted: str) -> list[Any]:
        found = [_HELD[own](abouts, name) for name in wanted if name in names]
        values = said(*found) if found else [None] * len(calls)
        if set(map(type, values)) - {own, type(None)}:
            raise Unusual("attributes of other types")
        return values

    starts, ends = _wholes(starts), _wholes(ends)
    tools = any_of(str, "gen_ai.tool.definitions")
    sets = {one: (one and _tool_sets.of(one.encode())) or NO_TOOLS for one in set(tools)}
    found = [sets[one] for one in tools]
    efforts = any_of(str, *EFFORTS)
    stops = [about.get(_STOPS) for about in abouts]
    codes = any_of(int, *STATUSES)
    columns: dict[str, Values] = {
        **messages_columns(messages, systems),
        "tools": [names for names, _ in found],
        "tools_digest": [digest for _, digest in found],
        "max_tokens": [most or None for most in any_of(int, "gen_ai.request.max_tokens")],
        "temperature": any_of(float, "gen_ai.request.temperature"),
        "thinking": [
            None if effort is None else effort not in ("none", "disable") for effort in efforts
        ],
        "response": list(map(_answer_text, answers)),
        "stop_reason": list(map(_stop_reason, answers, stops)),
        "exchange_id": keys,
        "ts": starts,
        "account_id": any_of(str, *account),
        "conversation_id": any_of(str, "gen_ai.conversation.id", "session.id"),
        "surface": ["api"] * len(calls),
        "model": any_of(str, *MODELS),
        **{column: any_of(int, *spots) for column, spots in TOKENS.items()},
        "status": [
            status({_ERROR: _plain(about.get(_ERROR, _NOTHING))}, fault) if code is None else code
            for code, about, fault in zip(codes, abouts, failed, strict=True)
        ],
        "latency_ms": list(map(latency_ms, starts, ends)),
        **{column: any_of(str, *spots) for column, spots in CLIENT.items()},
        "headers": [
            {headers[name]: _header(about[name]) for name in filter(headers.__contains__, about)}
            or None
            for about in abouts
        ]
        if headers
        else [None] * len(calls),
    }
    if not joiner.settle(keys):
        raise Unusual("events wait for one of them")
    return Columns(
        columns,
        len(calls),
        [place for place, payload in enumerate(payloads) for _ in payload.calls],
        _others(payloads),
    )


_HELD: dict[type, Callable[[Sequence[About], str], list[Any]]] = {
    str: lambda abouts, name: [about.get(name, _NOTHING).stringValue for about in abouts],
    int: lambda abouts, name: _wholes([about.get(name, _NOTHING).intValue for about in abouts]),
    float: lambda abouts, name: [about.get(name, _NOTHING).doubleValue for about in abouts],
}
"""By type: the values of an attribute."""


def _wholes(values: Sequence[Nanos | UnsetType]) -> list[Any]:
    try:
        if all(map(str.isdecimal, values)) and max(map(len, values)) < 21:  # type: ignore[arg-type]
            return list(map(int, values))  # type: ignore[arg-type]
    except TypeError:
        pass
    return list(map(whole, values))


def _others(payloads: Sequence[Calls]) -> list[tuple[int, reasons.Refused]]:
    return [
        (place, reasons.Refused(reasons.NOT_AN_EXCHANGE, payload.others))
        for place, payload in enumerate(payloads)
        if payload.others
    ]


def _answer_text(answer: Told | None) -> str | None:
    if answer is None:
        return None
    for held in (answer.content, answer.parts, answer.text):
        if held is not None and held != "":
            return text_of(held)
    return None


def _stop_reason(answer: Told | None, said: Value | None) -> str | None:
    if answer is not None:
        for found in (answer.finish_reason, answer.finishReason, answer.stop_reason):
            if found is not None and found != "":
                if isinstance(found, str):
                    return found
                break
    stops = None if said is None else _plain(said)
    stop = stops[0] if isinstance(stops, list) and stops else None
    if stop is not None and not isinstance(stop, str):
        raise Unusual("a reason that is no text")
    return stop


def _header(value: Value) -> str | None:
    array = value.arrayValue
    if array is not UNSET and array.values is not None and len(array.values) == 1:
        text = array.values[0].stringValue
        if text is not UNSET:
            return text
    held = _plain(value)
    if isinstance(held, list):
        return ", ".join(map(str, held))
    return None if held is None else str(held)


class Joiner(otel.Joiner):
    """A joiner that takes spans with their content many at a time."""

    @property
    def shape(self) -> Shape:
        """Made anew for who asks: a reader that kept it would be held by what it holds."""
        return Shape(Payload, partial(_columns, self, self._account), _opened)
