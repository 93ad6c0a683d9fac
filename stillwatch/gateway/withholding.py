"""Countermeasures in front of a model's API, as an ASGI application around it.

    measures = Together([Sealing(Sealer.of(keys)), ShownTraces(policy, summariser), Stripping()])
    app = Middleware(Withholding(app, measures), gate=Gate(folder))

Requests and answers of model APIs are read whole, and streams event by event, also Bedrock's of
Amazon's frames; other paths are let
through unread. Whose request it is comes from headers and from the gate's decision, as `Middleware`
leaves it in `scope["state"]["stillwatch"]`. What can't be read isn't let through: an answer that is
compressed, or too large, would carry what is to be withheld, and a request an opt-out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from stillwatch.countermeasures.converse import Body
from stillwatch.countermeasures.measure import Measure, Pieces, Together, Who
from stillwatch.gateway import amazon_frames
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.events import Events, json_of
from stillwatch.gateway.header_request import headers_to_request
from stillwatch.gateway.plain_asgi import App, Receive, Reply, Scope, Send, headers_of, respond
from stillwatch.gateway.settings import HeaderNames

log = logging.getLogger("stillwatch.gateway")

PATHS = (
    "/chat/completions",
    "/completions",
    "/messages",
    "/responses",
    ":generateContent",
    ":streamGenerateContent",
    "/converse",
    "/converse-stream",
)
"""How paths of model APIs end."""
LARGEST = 64 << 20
"""Most bytes of a request, an answer or an event: images are in requests."""
CONVERSATION = "x-conversation-id"
"""The header that names the conversation that a seal is bound to."""

WhoOf = Callable[[Scope, Body], Who]


class Withholding:
    """An ASGI application around `app`.

    `slow` says that the measures wait for something, as a summariser does: they are then called on
    a thread. `who_of` says whose a request is, where headers don't.
    """

    def __init__(
        self,
        app: App,
        measures: Measure | Together,
        *,
        who_of: WhoOf | None = None,
        names: HeaderNames | None = None,
        paths: tuple[str, ...] = PATHS,
        slow: bool = False,
    ) -> None:
        self._app, self._measures, self._paths, self._slow = app, measures, paths, slow
        self._who_of = who_of or _by_headers(names or HeaderNames())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change a request, let it go on, and change its answer on the way back."""
        if scope["type"] != "http" or scope["method"] != "POST" or not self._ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        raw = await _whole(receive)
        request = None if raw is None else json_of(raw)
        if not isinstance(request, dict):
            # what can't be read here, engines may read all the same: NaN, UTF-16, gzip
            fault = (413, "is too large") if raw is None else (400, "is no JSON object")
            await respond(send, _error(fault[0], f"The request {fault[1]}"))
            return
        who = self._who_of(scope, request)
        raw = msgspec.json.encode(self._measures.to_model(request, who))
        answer = _Answer(self._measures, who, send, self._slow)
        await self._app(_plain_scope(scope, len(raw)), _again(raw, receive), answer.send)

    def _ours(self, path: str) -> bool:
        return path.rstrip("/").endswith(self._paths)


class _Answer:
    """One answer on its way back: held until it can be changed, or changed event by event."""

    def __init__(self, measures: Measure | Together, who: Who, send: Send, slow: bool) -> None:
        self._measures, self._who, self._send, self._slow = measures, who, send, slow
        self._start: Any = None
        self._held = bytearray()
        self._stream: Pieces | None = None
        self._events: Events | None = None
        self._frames = self._refused = self._passes = False

    async def send(self, message: Any) -> None:
        """One message of the application's."""
        if self._refused:
            return
        if message["type"] == "http.response.start":
            await self._starts(message)
        elif message["type"] != "http.response.body" or self._passes:
            await self._send(message)
        else:
            await self._goes_on(message.get("body", b""), bool(message.get("more_body")))

    async def _starts(self, message: Any) -> None:
        headers = headers_of(message)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if headers.get("content-encoding", "identity") not in ("", "identity"):
            log.error("a model's answer is compressed and can't be read; it is refused")
            await self._refuse()
        elif kind in ("text/event-stream", amazon_frames.KIND):
            self._frames = kind == amazon_frames.KIND
            self._stream = self._measures.stream(self._who)
            self._events = None if self._frames else Events(self._stream)
            await self._send({**message, "headers": _without_length(message["headers"])})
        elif kind == "application/json":
            self._start = message
        elif 200 <= message["status"] < 300:
            log.error("a model's answer is neither JSON nor a stream of events; it is refused")
            await self._refuse()
        else:
            self._passes = True
            await self._send(message)

    async def _goes_on(self, body: bytes, more: bool) -> None:
        if self._stream is not None:
            await self._streams(self._stream, body, more)
            return
        self._held += body
        if len(self._held) > LARGEST:
            log.error("a model's answer is larger than %d bytes; it is refused", LARGEST)
            await self._refuse()
        elif not more:
            told = json_of(bytes(self._held))
            if told is None and 200 <= self._start["status"] < 300:
                log.error("a model's answer is no JSON, and is refused")
                await self._refuse()
                return
            raw = await self._called(self._changed, told) if told else bytes(self._held)
            length = (b"content-length", str(len(raw)).encode())
            headers = [*_without_length(self._start["headers"]), length]
            await self._send({**self._start, "headers": headers})
            await self._send({"type": "http.response.body", "body": raw})

    async def _streams(self, stream: Pieces, body: bytes, more: bool) -> None:
        try:
            told = await self._called(self._piece, stream, body, not more)
        except amazon_frames.Garbled:
            log.error("a model's stream can't be read on; it ends here")
            await self._refuse()
            return
        if len(self._held) + (self._events.held if self._events else 0) > LARGEST:
            log.error("an event of a model's is larger than %d bytes; the stream ends", LARGEST)
            await self._refuse()
            return
        await self._send({"type": "http.response.body", "body": told, "more_body": more})

    def _piece(self, stream: Pieces, body: bytes, last: bool) -> bytes:
        """What is sent on of what is whole by now."""
        if self._events is not None:
            return self._events.bytes(body, last=last)
        self._held += body
        return self._framed(stream, last)

    async def _called(self, work: Callable[..., bytes], *given: Any) -> bytes:
        return await asyncio.to_thread(work, *given) if self._slow else work(*given)

    async def _refuse(self) -> None:
        """Say that the model's answer can't be used; of a stream that has begun, end it."""
        self._refused = True
        if self._stream is None:
            await respond(self._send, _error(502, "The model's answer can't be read"))
        else:
            await self._send({"type": "http.response.body", "body": b""})

    def _changed(self, told: Any) -> bytes:
        if isinstance(told, list):  # Gemini's stream, as one list
            stream = self._measures.stream(self._who)
            told = [new for piece in told for new in _sent(stream, piece)]
        elif isinstance(told, dict):
            told = self._measures.to_customer(told, self._who)
        return msgspec.json.encode(told)

    def _framed(self, stream: Pieces, last: bool) -> bytes:
        """The same of Amazon's frames; raises `Garbled` where one isn't whole at the end, too."""
        told = bytearray()
        while (end := amazon_frames.frame_end(self._held, LARGEST)) is not None:
            frame, self._held = bytes(self._held[:end]), self._held[end:]
            told += amazon_frames.changed(stream, frame)
        if last and self._held:
            raise amazon_frames.Garbled
        return bytes(told)


def _by_headers(names: HeaderNames) -> WhoOf:
    def who_of(scope: Scope, request: Body) -> Who:
        headers = headers_of(scope)
        known = headers_to_request(headers, names)
        answer = scope.get("state", {}).get("stillwatch")
        decided = answer if isinstance(answer, Answer) else None
        model = request.get("model") or _model_of(scope["path"])
        account = known.account_id if known else ""
        return Who(
            tenant=(known.org_id if known else None) or account,
            account=account,
            conversation=headers.get(CONVERSATION, ""),
            model=model if isinstance(model, str) else "",
            risk=decided.score if decided else 0.0,
            withhold=decided.withhold if decided else (),
        )

    return who_of


def _model_of(path: str) -> str:
    """The model that a path names.

    >>> _model_of("/v1beta/models/gemini-3:generateContent"), _model_of("/model/m-v1:0/converse")
    ('gemini-3', 'm-v1:0')
    """
    before, _, last = path.rstrip("/").rpartition("/")
    if last.startswith("converse"):
        return before.rpartition("/")[2]
    return last.partition(":")[0]


async def _whole(receive: Receive) -> bytes | None:
    """The body of a request; None where it is too large."""
    parts, size = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _again(raw: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read again; and then whatever comes."""
    told = [raw]

    async def receive_again() -> Any:
        if told:
            return {"type": "http.request", "body": told.pop(), "more_body": False}
        return await receive()

    return receive_again


def _plain_scope(scope: Scope, length: int) -> Scope:
    """The request with its new length, and with no wish for a compressed answer."""
    gone = (b"content-length", b"accept-encoding", b"transfer-encoding")
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in gone]
    return {**scope, "headers": [*kept, (b"content-length", str(length).encode())]}


def _without_length(headers: Any) -> list[Any]:
    return [(name, value) for name, value in headers if name.lower() != b"content-length"]


def _error(status: int, words: str) -> Reply:
    told = {"error": {"type": "api_error", "message": words}}
    return Reply(status, msgspec.json.encode(told))


def _sent(stream: Pieces, piece: Any) -> list[Any]:
    return stream.piece(piece) if isinstance(piece, dict) else [piece]
