"""Azure's resource logs, many records at once; what they mean: `azure_apim.py`.

Usual are records with `properties` under the names that Azure documents, messages as JSON text and
headers as an object; of one name in two spellings the documented one is taken. Exported tables and
the answers of the query API go the general way. Records of both kinds are gathered alike, so an
exchange may have some of each: it is then put together the general way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import asdict, astuple

from stillwatch.sources import azure_apim
from stillwatch.sources.azure_apim import Exchange, Record
from stillwatch.sources.body_shapes import (
    Answer,
    Content,
    Message,
    Parameters,
    field,
    messages_columns,
    parameters_columns,
    said,
    text_of,
)
from stillwatch.sources.header_shapes import lowered, without
from stillwatch.sources.reasons import NOT_AN_EXCHANGE, UNJOINED, Refused
from stillwatch.sources.shapes import UNFIT, WORTHWHILE, Columns, Shape, Used, by_field, decoded

AT_ONCE = 256
"""Exchanges that are put together at once in the end: their texts fit a processor's cache."""


class Part(Used):
    """What a record says of messages, or of a call."""

    sequenceNumber: int | None = None
    deploymentName: str | None = None
    modelName: str | None = None
    promptTokens: int | None = None
    completionTokens: int | None = None
    requestMessages: str | None = None
    responseMessages: str | None = None
    apimSubscriptionId: str | None = None
    subscriptionId: str | None = None
    userId: str | None = None
    responseCode: int | None = None
    totalTime: int | None = None
    requestHeaders: dict[str, str] | None = None
    requestBody: str | None = None
    backendRequestBody: str | None = None
    time: str | None = None


class Logged(Used):
    """One record."""

    correlationId: Annotated[str, Meta(min_length=1)]
    properties: Part
    time: str | None = None
    timeGenerated: None = None
    callerIpAddress: str | None = None
    durationMs: int | None = None


class Call(Used):
    """What the gateway says, as `azure_apim.calls` has it."""

    subscription: str | None = None
    user: str | None = None
    ts: str | None = None
    ip: str | None = None
    status: int | None = None
    latency_ms: int | None = None
    headers: dict[str, str] | None = None
    body: str | None = None


class Body(Parameters):
    """A request's body, of which the messages are logged apart."""

    max_tokens_to_sample: int | None = None
    generationConfig: None = None
    systemInstruction: None = None


class Told(Used):
    """A message of the answer, or a choice around one."""

    role: Any = None
    content: Content = None
    message: Answer | None = None
    finish_reason: str | None = None
    stop_reason: str | None = None


class Opened(NamedTuple):
    """An exchange whose texts are decoded."""

    key: str
    call: Call
    parts: Sequence[Part]
    sent: list[Message]
    got: list[Told]
    body: Parameters


_sent, _got = msgspec.json.Decoder(list[Message]), msgspec.json.Decoder(list[Told])
_body = msgspec.json.Decoder(Body)


def _usual(records: list[Logged]) -> list[Logged | None]:
    return [
        record if record.properties.sequenceNumber is not None or _is_call(record) else None
        for record in records
    ]


def _is_call(record: Logged) -> bool:
    part = record.properties
    if part.promptTokens is not None or part.requestMessages or part.responseMessages:
        return False
    return bool(part.apimSubscriptionId) or part.responseCode is not None


def _call_of(record: Logged) -> Call:
    part = record.properties
    return Call(
        part.apimSubscriptionId or part.subscriptionId,
        part.userId,
        part.time or record.time,
        record.callerIpAddress,
        part.responseCode,
        part.totalTime or record.durationMs,
        part.requestHeaders,
        part.requestBody or part.backendRequestBody,
    )


def _chars(call: Call) -> int:
    held = call.headers or {}
    return len(call.body or "") + sum(map(len, chain(held, held.values())))


class Reader(azure_apim.Reader):
    """A reader that takes resource logs many records at a time, unless `account` names something
    else than the subscription."""

    def __init__(self, path: Path | None = None, account: str | None = None) -> None:
        super().__init__(path, account)
        if account is None:
            self.shape = Shape(Logged, self._gather_many, _usual)

    def _gather_many(self, records: list[Logged]) -> Columns:
        """Only what must make room for them comes out."""
        calls, done = self._calls, self._done
        others: list[tuple[int, Record | Refused]] = []
        out: list[tuple[int, Exchange, Any]] = []
        known: list[int] = []
        last = Exchange("")
        for place, record in enumerate(records):
            part, key = record.properties, record.correlationId
            if part.sequenceNumber is None:
                call = _call_of(record)
                calls.put(key, call, _chars(call))
                known.append(place)
            elif done and hash(key) in done:
                others.append((place, Refused(UNJOINED)))
            else:
                if key != last.key:
                    out += self._kept(last, place)
                    last = self._waiting.get(key) or Exchange(key)
                if part.time is None:
                    part.time = record.time
                last.parts.append((part.sequenceNumber, part))
                last.chars += len(part.requestMessages or "") + len(part.responseMessages or "")
        out += self._kept(last, len(records) - 1)
        if known:
            others.append((known[0], Refused(NOT_AN_EXCHANGE, len(known))))
        return self._crowded_out(out, others) if out else Columns({}, 0, (), others)

    def _kept(self, exchange: Exchange, place: int) -> list[tuple[int, Exchange, Any]]:
        """Keep what grew, and hand out what there is no more room for, with what is known of it."""
        if not exchange.parts:
            return []
        out: list[tuple[int, Exchange, Any]] = []
        for old in self._waiting.put(exchange.key, exchange, exchange.chars):
            self._done.add(hash(old.key))
            out.append((place, old, *self._calls_of((old.key,))))
        return out

    def _crowded_out(
        self, out: list[tuple[int, Exchange, Any]], others: list[tuple[int, Record | Refused]]
    ) -> Columns:
        places, exchanges, calls = zip(*out, strict=True)
        opened = _opened(exchanges, calls)
        made = _together([one for one in opened if one is not None])
        if made is None:
            opened = [None] * len(out)
        rows = [
            (place, self._row(exchange, call))
            for (place, exchange, call), one in zip(out, opened, strict=True)
            if one is None
        ]
        usual = [place for place, one in zip(places, opened, strict=True) if one is not None]
        return (made or Columns({}, 0))._replace(places=usual, others=rows + others)

    def finish(self) -> Iterator[Record | Refused | Columns]:
        """All that was gathered."""
        waiting = self._waiting.drain()
        while some := list(islice(waiting, AT_ONCE)):
            calls = self._calls_of([exchange.key for exchange in some])
            opened = _opened(some, calls)
            for usual, run in groupby(zip(opened, some, calls, strict=True), _is_open):
                held = list(run)
                made = None
                if usual and len(held) >= WORTHWHILE:
                    made = _together([one for one, _, _ in held if one is not None])
                if made is None:
                    yield from (self._row(exchange, call) for _, exchange, call in held)
                else:
                    yield made

    def _calls_of(self, keys: Sequence[str]) -> list[Any]:
        return list(map(_typed, super()._calls_of(keys)))

    def _row(self, exchange: Exchange, call: Any) -> Record | Refused:
        exchange.parts = [
            (n, _plain(part) if isinstance(part, Part) else part) for n, part in exchange.parts
        ]
        return super()._row(exchange, _plain_call(call) if isinstance(call, Call) else call)


def _is_open(one: tuple[Opened | None, Exchange, Any]) -> bool:
    return one[0] is not None


def _typed(call: Any) -> Any:
    """A call that was kept or found in general, as a `Call` where it can be one."""
    if isinstance(call, Call) or call is None:
        return call
    try:
        return msgspec.convert(call, Call)
    except UNFIT:
        return call


def _plain(part: Part) -> Record:
    held = zip(part.__struct_fields__, astuple(part), strict=True)
    return {name.lower(): value for name, value in held if value not in (None, "")}


def _plain_call(call: Call) -> Record:
    headers = call.headers
    lower = None if headers is None else {name.lower(): held for name, held in headers.items()}
    return asdict(call) | {"headers": lower}


def _opened(exchanges: Sequence[Exchange], calls: Sequence[Any]) -> list[Opened | None]:
    """Exchanges with their texts decoded, `None` where one has to go the general way."""
    parts = list(map(_parts, exchanges))
    sent = decoded(_sent, [_text(its, _requests, _sent) for its in parts])
    got = decoded(_got, [_text(its, _responses, _got) for its in parts])
    bodies = decoded(_body, list(map(_body_text, calls)))
    return [
        None if None in one else Opened(*one)
        for one in zip(
            [exchange.key for exchange in exchanges], calls, parts, sent, got, bodies, strict=True
        )
    ]


def _parts(exchange: Exchange) -> list[Part] | None:
    """The parts of an exchange in order, where all of them are usual."""
    numbers, parts = zip(*exchange.parts, strict=True)
    if set(map(type, parts)) != {Part}:
        return None
    if list(numbers) != sorted(numbers):
        return sorted(parts, key=attrgetter("sequenceNumber"))
    return list(parts)


_requests, _responses = attrgetter("requestMessages"), attrgetter("responseMessages")


def _text(
    parts: list[Part] | None, held: Callable[[Part], str | None], decoder: msgspec.json.Decoder
) -> str:
    """Messages as one JSON text, which may be cut into several; what isn't usual is no JSON."""
    texts = [text for text in map(held, parts or ()) if text]
    if len(texts) == 1:
        return texts[0]
    if not texts:
        return "" if parts is None else "[]"
    try:
        decoder.decode(texts[0])
    except msgspec.ValidationError:
        return ""
    except msgspec.DecodeError:
        return "".join(texts)
    except UNFIT:
        return ""
    return ""


def _body_text(call: Any) -> str:
    if not isinstance(call, Call):
        return ""
    return call.body if call.body and call.body.startswith("{") else "{}"


def _together(opened: list[Opened]) -> Columns | None:
    """Exchanges as columns; `None` where they have to go the general way after all."""
    try:
        return _columns(opened) if opened else None
    except Exception:  # what our own code stumbles over costs one exchange then
        return None


def _columns(opened: Sequence[Opened]) -> Columns:
    keys, calls, parts, sent, got, bodies = zip(*opened, strict=True)
    held = by_field(calls)
    headers = lowered(held["headers"])
    made: dict[str, Any] = messages_columns(
        sent, field("system", bodies), field("instructions", bodies)
    ) | parameters_columns(bodies)
    times = held["ts"]
    return Columns(
        made
        | {
            "max_tokens": [most or None for most in made["max_tokens"]],
            "exchange_id": keys,
            "ts": times if all(times) else said(times, _first(parts, "time")),
            "account_id": [
                who or user for who, user in zip(held["subscription"], held["user"], strict=True)
            ],
            "key_id": held["subscription"],
            "surface": ["azure"] * len(opened),
            "model": _models(parts, made["model"]),
            "response": list(map(_answer, got)),
            "stop_reason": [
                messages[-1].finish_reason or messages[-1].stop_reason if messages else None
                for messages in got
            ],
            "input_tokens": _first(parts, "promptTokens"),
            "output_tokens": _first(parts, "completionTokens"),
            "status": held["status"],
            "latency_ms": held["latency_ms"],
            "ip": held["ip"],
            "user_agent": [one.get("user-agent") for one in headers],
            "headers": without(headers, frozenset({"user-agent"})),
        },
        len(opened),
    )


def _models(parts: Sequence[Sequence[Part]], asked: Sequence[str | None]) -> Sequence[str | None]:
    deployed = _first(parts, "deploymentName")
    if all(deployed):
        return deployed
    named = said(deployed, _first(parts, "modelName"))
    return [name or model for name, model in zip(named, asked, strict=True)]


def _first(parts: Sequence[Sequence[Part]], name: str) -> list[Any]:
    """Of each exchange's parts what the first says, as `azure_apim.first_of`."""
    held = attrgetter(name)
    return [held(its[0]) or _said_of(map(held, its)) for its in parts]


def _said_of(values: Iterable[Any]) -> Any:
    said = None
    for value in values:
        if value:
            return value
        if value == 0:
            said = value
    return said


def _answer(messages: Sequence[Told]) -> str:
    if len(messages) == 1 and isinstance(text := messages[0].content, str):
        return text
    texts: list[Any] = []
    for message in messages:
        content = message.content
        if content is None and message.message is not None:
            content = message.message.content
        texts += content if isinstance(content, list) else [content or ""]
    return text_of(texts)
