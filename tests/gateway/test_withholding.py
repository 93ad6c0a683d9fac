"""Countermeasures around a model's API: a Starlette application, asked as clients ask it."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from stillwatch.countermeasures.measure import Together
from stillwatch.countermeasures.sealing import PREFIX, Sealer, Sealing
from stillwatch.countermeasures.stripping import Stripping
from stillwatch.countermeasures.summarising import Summariser
from stillwatch.countermeasures.trace_policy import ShownTraces, TracePolicy, trace_policy_of
from stillwatch.gateway import amazon_frames, withholding
from stillwatch.gateway.middleware import Middleware
from stillwatch.gateway.withholding import Withholding
from tests.gateway.fakes import ByName

TRACE = "first I look it up, then I add, then I take one away, " * 8
CHAT = {
    "id": "c",
    "choices": [
        {
            "message": {"reasoning_content": TRACE, "content": "4 é"},
            "logprobs": {"content": [-0.125]},
            "finish_reason": "stop",
        }
    ],
}
PIECES = [
    {"choices": [{"index": 0, "delta": {"reasoning_content": TRACE}}]},
    {"choices": [{"index": 0, "delta": {"content": "4 é"}, "logprobs": {"content": [-0.125]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
MESSAGE = [
    {"type": "message_start", "message": {"id": "m", "content": []}},
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "thinking", "thinking": "", "signature": ""},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": TRACE},
    },
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "4 é"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_stop"},
]


class Model:
    """An application that answers as a model's API, and keeps what it was asked."""

    def __init__(self, cut: int = 7) -> None:
        self.asked: list[Any] = []
        self.headers: list[Any] = []
        self.cut = cut
        self.answer: Callable[[], Response] = lambda: JSONResponse(CHAT)
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._answers, methods=["POST"]),
                Route("/v1/messages", self._answers, methods=["POST"]),
                Route("/model/{model}/converse", self._answers, methods=["POST"]),
                Route("/model/{model}/converse-stream", self._answers, methods=["POST"]),
                Route("/v1/models", lambda _: PlainTextResponse("models"), methods=["GET", "POST"]),
            ]
        )

    async def _answers(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.headers.append(dict(request.headers))
        return self.answer()

    def streams(self, pieces: list[Any], *, named: bool = False, ends: str = "[DONE]") -> None:
        """Answer with a stream whose bytes are cut anywhere."""
        events = [
            (f"event: {piece['type']}\n" if named else "") + f"data: {json.dumps(piece)}\n\n"
            for piece in pieces
        ]
        raw = b": hello\n\n" + "".join(events).encode()
        raw += f"data: {ends}\n\n".encode() if ends else b""

        async def cut() -> AsyncIterator[bytes]:
            for at in range(0, len(raw), self.cut):
                yield raw[at : at + self.cut]

        self.answer = lambda: StreamingResponse(cut(), media_type="text/event-stream")


def asked(app: Any, path: str = "/v1/chat/completions", **how: Any) -> httpx.Response:
    """One request, by `account`, with a JSON body or raw `content`."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        headers = {"x-account-id": how.pop("account", "alice"), **how.pop("headers", {})}
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
            given = how or {"json": {"model": "m"}}
            return await client.post(path, headers=headers, **given)

    return asyncio.run(ask())


def guarded(model: Model, *measures: Any, **how: Any) -> Middleware:
    """The whole chain: gate, measures, model."""
    chosen = measures or (ShownTraces(TracePolicy()), Stripping())
    return Middleware(Withholding(model.app, Together(chosen), **how), gate=ByName())


def events(raw: bytes) -> list[Any]:
    """The JSON of a stream's events."""
    lines = [line[6:] for line in raw.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


def test_an_honest_customer_notices_nothing() -> None:
    """Nothing speaks against: the request and the answer are as they would have been."""
    model = Model()
    got = asked(guarded(model), json={"model": "m", "logprobs": True})
    assert got.json() == CHAT
    assert model.asked == [{"model": "m", "logprobs": True}]


def test_what_the_gate_withholds_is_withheld() -> None:
    """Reasoning and log-probabilities are neither asked for nor passed on."""
    model = Model()
    got = asked(
        guarded(model),
        account="withhold-1",
        json={"model": "m", "logprobs": True, "extra_body": {"watermarking": False}},
    )
    assert model.asked == [{"model": "m", "extra_body": {}}]
    (choice,) = got.json()["choices"]
    assert choice["message"] == {"content": "4 é"}
    assert choice["logprobs"] is None
    assert int(got.headers["content-length"]) == len(got.content)


@pytest.mark.parametrize("cut", [1, 7, 100_000])
def test_a_stream_is_changed_as_it_comes(cut: int) -> None:
    """However its bytes are cut; comments and the end go on as they are."""
    model = Model(cut)
    model.streams(PIECES)
    got = asked(guarded(model), account="withhold-1")
    assert "look it up" not in got.text
    assert "0.125" not in got.text
    assert got.text.startswith(": hello\n\n")
    assert got.text.endswith("data: [DONE]\n\n")
    told = [each["choices"][0]["delta"].get("content") for each in events(got.content)]
    assert told == [None, "4 é", None]
    honest = asked(guarded(model))
    assert events(honest.content) == PIECES


def test_named_events_keep_their_names() -> None:
    """Anthropic's clients go by the event's name; numbers close up."""
    model = Model()
    model.streams(MESSAGE, named=True, ends="")
    got = asked(guarded(model), "/v1/messages", account="withhold-1")
    told = events(got.content)
    names = [line[7:] for line in got.text.split("\n") if line.startswith("event: ")]
    assert names == [each["type"] for each in told]
    assert [each["index"] for each in told if "index" in each] == [0, 0, 0]
    assert "look it up" not in got.text


def test_a_summary_is_waited_for_on_a_thread() -> None:
    """At elevated risk: whole and streamed, the summary is where the trace was."""
    policy = trace_policy_of('[[rules]]\nname = "all"\ntrace = "summary"')
    summariser = Summariser(lambda trace: "It added numbers.")
    model = Model()
    app = guarded(model, ShownTraces(policy, summariser), slow=True)
    got = asked(app)
    assert got.json()["choices"][0]["message"]["reasoning_content"] == "It added numbers."
    model.streams(PIECES)
    deltas = [each["choices"][0]["delta"] for each in events(asked(app).content)]
    assert {"reasoning_content": "It added numbers."} in deltas
    assert "look it up" not in str(deltas)


def test_blobs_go_round_in_one_conversation() -> None:
    """Sealed on the way out, opened on the way in, and dropped for another conversation."""
    model = Model()
    sealing = Sealing(Sealer((b"k" * 32,)))
    app = guarded(model, sealing)
    block = {"type": "thinking", "thinking": "a", "signature": "BLOB"}
    model.answer = lambda: JSONResponse({"type": "message", "content": [block]})
    mine = {"headers": {"x-conversation-id": "c1"}}
    answer = asked(app, "/v1/messages", json={"model": "m"}, **mine).json()
    assert answer["content"][0]["signature"].startswith(PREFIX)
    history = {"model": "m", "messages": [{"role": "assistant", "content": answer["content"]}]}
    asked(app, "/v1/messages", json=history, **mine)
    assert model.asked[-1]["messages"][0]["content"] == [block]
    asked(app, "/v1/messages", json=history, headers={"x-conversation-id": "c2"})
    assert model.asked[-1]["messages"][0]["content"] == []
    assert sum(sealing.refused.values()) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe{",
        b'{"temperature": NaN, "watermarking": false}',
        '{"watermarking": false}'.encode("utf-16"),
        b"[" * 100_000,
        b"[1]",
        b"",
    ],
)
def test_a_request_that_cant_be_read_isnt_passed_on(raw: bytes) -> None:
    """Engines read more than JSON; what would go by unread is refused."""
    model = Model()
    got = asked(guarded(model), content=raw)
    assert got.status_code == 400
    assert model.asked == []


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request or an answer too large to hold is refused, and a stream's event ends it."""
    monkeypatch.setattr(withholding, "LARGEST", 300)
    model = Model()
    assert asked(guarded(model), json={"model": "m" * 400}).status_code == 413
    got = asked(guarded(model))
    assert got.status_code == 502
    assert "look it up" not in got.text
    model.streams([*PIECES[1:], PIECES[0]])
    got = asked(guarded(model))
    assert "look it up" not in got.text


def test_an_answer_that_cant_be_read_is_refused() -> None:
    """Compressed, which the model isn't asked for, or of a kind that nobody knows."""
    model = Model()
    model.answer = lambda: Response(b"x", headers={"content-encoding": "gzip"})
    got = asked(guarded(model))
    assert got.status_code == 502
    model.answer = lambda: PlainTextResponse(TRACE)
    assert asked(guarded(model)).status_code == 502
    garbled = f'{{"choices": [{{"message": {{"reasoning": "{TRACE}"}}, "x": NaN}}]}}'
    model.answer = lambda: Response(garbled, media_type="application/json")
    assert asked(guarded(model)).status_code == 502
    stream = f"data: {garbled}\n\ndata: [DONE]\n\n"
    model.answer = lambda: Response(stream, media_type="text/event-stream")
    assert asked(guarded(model)).text == "data: [DONE]\n\n"
    assert "accept-encoding" not in model.headers[-1]


def test_other_paths_and_faults_go_through() -> None:
    """Lists of models, errors of the model, and texts of another kind are left alone."""
    model = Model()
    assert asked(guarded(model), "/v1/models", content=b"not json").text == "models"
    model.answer = lambda: JSONResponse({"error": {"message": "no such model"}}, 404)
    got = asked(guarded(model), account="withhold-1")
    assert (got.status_code, got.json()["error"]["message"]) == (404, "no such model")
    model.answer = lambda: PlainTextResponse("bad gateway", 502)
    assert asked(guarded(model)).text == "bad gateway"
    model.answer = lambda: Response(b"not json", 500, media_type="application/json")
    assert asked(guarded(model)).text == "not json"


def test_geminis_stream_is_a_list_too() -> None:
    """Without `alt=sse`, its pieces come as one list."""
    model = Model()
    pieces = [
        {"candidates": [{"content": {"parts": [{"thought": True, "text": TRACE}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "4"}]}, "finishReason": "STOP"}]},
    ]
    model.answer = lambda: JSONResponse(pieces)
    got = asked(guarded(model), account="withhold-1")
    assert "look it up" not in got.text
    assert got.json()[1]["candidates"][0]["content"]["parts"] == [{"text": "4"}]


SAID = [
    {"messageStart": {"role": "assistant"}},
    *(
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": t}}}}
        for t in (TRACE[:20], TRACE[20:])
    ),
    {
        "contentBlockDelta": {
            "contentBlockIndex": 0,
            "delta": {"reasoningContent": {"signature": "s"}},
        }
    },
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "4 é"}, "p": "abcd"}},
    {"contentBlockStop": {"contentBlockIndex": 1}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"outputTokens": 9}}},
]


def _frames(pieces: list[Any]) -> bytes:
    heads = {":content-type": "application/json", ":message-type": "event"}
    return b"".join(
        amazon_frames.framed({":event-type": name, **heads}, body)
        for piece in pieces
        for name, body in piece.items()
    )


def _read(raw: bytes) -> list[Any]:
    """The events of frames, read by nothing of ours but where they end."""
    found, held = [], bytearray(raw)
    while end := amazon_frames.frame_end(held, 1 << 20):
        head = int.from_bytes(held[4:8], "big")
        name = held[12 : 12 + head].partition(b":event-type\x07")[2]
        size = int.from_bytes(name[:2], "big")
        found.append({name[2 : 2 + size].decode(): json.loads(held[12 + head : end - 4])})
        held = held[end:]
    assert not held
    return found


def _streamed(model: Model, raw: bytes) -> None:
    async def cut() -> AsyncIterator[bytes]:
        for at in range(0, len(raw), model.cut):
            yield raw[at : at + model.cut]

    model.answer = lambda: StreamingResponse(cut(), media_type=amazon_frames.KIND)


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_bedrocks_streams_are_read_frame_by_frame(cut: int) -> None:
    """Withheld, the answer's own block is the first; for others the stream is as it was."""
    model, path = Model(cut), "/model/anthropic.big-v1:0/converse-stream"
    _streamed(model, _frames(SAID))
    body = {"json": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}}
    got = asked(guarded(model), path, account="withhold-1", **body)
    told = _read(got.content)
    assert "look it up" not in got.text
    assert [next(iter(piece)) for piece in told] == [
        "messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    said = told[1]["contentBlockDelta"]
    assert said == {"contentBlockIndex": 0, "delta": {"text": "4 é"}, "p": "abcd"}
    assert _read(asked(guarded(model), path, **body).content) == SAID


def test_bedrocks_answers_are_withheld_and_their_model_is_the_paths() -> None:
    """A rule about a model holds, though the request doesn't name it."""
    model, path = Model(), "/model/anthropic.big-v1:0/converse"
    reasoned = {"reasoningContent": {"reasoningText": {"text": TRACE, "signature": "s"}}}
    message = {"role": "assistant", "content": [reasoned, {"text": "4"}]}
    model.answer = lambda: JSONResponse({"output": {"message": message}, "stopReason": "end_turn"})
    assert "look it up" in asked(guarded(model), path).text
    got = asked(guarded(model), path, account="withhold-1")
    assert got.json()["output"]["message"]["content"] == [{"text": "4"}]
    rule = 'name = "big"\nmodels = ["anthropic.big-v1:0"]\ntrace = "withheld"'
    shown = ShownTraces(trace_policy_of(f"[[rules]]\n{rule}"))
    ruled = Middleware(Withholding(model.app, Together([shown])), gate=ByName())
    assert "look it up" not in asked(ruled, path, json={"messages": []}).text


@pytest.mark.parametrize("what", ["cut off", "prelude", "message", "payload", "headers"])
def test_frames_that_cant_be_read_end_the_stream(what: str) -> None:
    """Nothing is sent on that wasn't read, and nothing after it."""
    raw = bytearray(_frames(SAID))
    if what == "cut off":
        raw = raw[: len(_frames(SAID[:3])) - 9]
    if what in ("prelude", "message"):
        raw[len(_frames(SAID[:1])) + (9 if what == "prelude" else 40)] ^= 1
    if what == "payload":
        head = {":event-type": "contentBlockDelta", ":message-type": "event"}
        raw = bytearray(_frames(SAID[:1]) + amazon_frames.framed(head, [TRACE]))
    if what == "headers":
        frame = bytearray(_frames(SAID[1:2]))
        frame[12] = 255
        frame[-4:] = zlib.crc32(frame[:-4]).to_bytes(4, "big")
        raw = bytearray(_frames(SAID[:1]) + frame)
    model = Model(64)
    _streamed(model, bytes(raw))
    got = asked(guarded(model), "/model/m/converse-stream", account="withhold-1")
    assert _read(got.content) == SAID[:1]
