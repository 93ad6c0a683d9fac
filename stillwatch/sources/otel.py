"""OpenTelemetry's GenAI spans and events, from the OTLP JSON of the collector's file exporter.

Conventions: https://github.com/open-telemetry/semantic-conventions-genai (in development), and
what older instrumentations still write, back to `gen_ai.system` and `gen_ai.prompt.0.content`.
What they turn out to mean:

- An exchange is a span whose operation is a chat, a text completion or a generation of content.
  Agents, tools, embeddings and other software's spans are no exchanges.
- Content stands on the span (as a JSON string or a structure), on events inside it, or in log
  records of the same trace and span ids: one record of all (`...operation.details`) or one a
  message (until v1.36). A span without content waits for its events and is kept without text where
  none come; an event whose span never comes stands for itself.
- There is no attribute for the account: one is named (`user.id`, then `enduser.id`, unless told
  otherwise), looked for on the span, on its events and on the resource.
- The id is the trace's and the span's: instrumented twice (client and gateway), a call is twice
  there. Keep to one service's spans.
- A span without an error counts as status 200, one with an error that names none as 500.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as made_by
from pathlib import Path
from typing import Any

from stillwatch.sources import reasons
from stillwatch.sources.beside import files_beside, payloads_of
from stillwatch.sources.bodies import (
    REQUEST_COLUMNS,
    RESPONSE_COLUMNS,
    request_columns,
    response_columns,
)
from stillwatch.sources.chunks import whole_response
from stillwatch.sources.joining import LIMIT_BYTES, Waiting
from stillwatch.sources.messages import dig, first
from stillwatch.sources.otlp import attributes, field, hex_id, plain, scoped, whole
from stillwatch.sources.reasons import Refused
from stillwatch.sources.recorded import recorded_request, recorded_response

KEYS = frozenset({b"resourceSpans", b"resourceLogs", b"resource_spans", b"resource_logs"})
"""One of them tells: OTLP has no other keys beside it."""

COLUMNS = (
    REQUEST_COLUMNS
    | RESPONSE_COLUMNS
    | {
        "exchange_id",
        "ts",
        "account_id",
        "conversation_id",
        "surface",
        "status",
        "latency_ms",
        "ip",
        "country",
        "user_agent",
        "device_id",
        "headers",
    }
) - {"end_user"}

ACCOUNT = ("user.id", "enduser.id")

_OPERATIONS = ("chat", "text_completion", "generate_content", "completion")
_MODELS = ("gen_ai.request.model", "gen_ai.response.model")
_DETAILS = "gen_ai.client.inference.operation.details"
_INPUTS = ("gen_ai.input.messages", "gen_ai.prompt")
_OUTPUTS = ("gen_ai.output.messages", "gen_ai.completion")
_CHOICE = "gen_ai.choice"
_HEADER = "http.request.header."
_SPAN_FILES = ("traces", "trace", "spans", "span")
_LOG_FILES = ("logs", "log", "events")
_DONE_BYTES = 128 << 20


@dataclass
class _Call:
    """What is known of one call: attributes by name, and messages that came one by one."""

    key: str
    about: dict[str, Any]
    start: Any = None
    end: Any = None
    failed: bool = False
    messages: list[Any] = made_by(default_factory=list)
    choices: list[Any] = made_by(default_factory=list)
    has_span: bool = False

    @property
    def told(self) -> bool:
        """Whether question and answer are known, or one record has said all that it will say."""
        asked = any(name in self.about for name in _INPUTS) or "gen_ai.prompt.0.role" in self.about
        return asked or bool(self.choices)

    def hear(self, name: str, about: dict[str, Any], body: Any) -> None:
        """Take in an event."""
        if isinstance(body, dict):
            about = about | {k: v for k, v in body.items() if k.startswith("gen_ai.")}
        if name == _CHOICE:
            self.choices.append(body if isinstance(body, dict) else about)
        elif name.endswith(".message"):
            role = name.removeprefix("gen_ai.").removesuffix(".message")
            given = body if isinstance(body, dict) else about
            self.messages.append({"role": role} | given)
        self.about = about | self.about


class Joiner:
    """OTLP payloads in, rows out, each once its span and its content are known.

    `path` is the file that they are in: the other signal is looked for in the files beside it,
    and what is a span there is told there. `account` names the attributes that may say who called,
    the first that says it wins.
    """

    def __init__(
        self,
        path: Path = Path(),
        account: Iterable[str] = ACCOUNT,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._path, self._account = path, tuple(account)
        self._calls: Waiting[_Call] = Waiting(limit_bytes)
        self._done: Waiting[None] = Waiting(_DONE_BYTES)
        self._spans_beside: frozenset[str] | None = None

    def add(self, payload: dict[str, Any]) -> list[dict[str, Any] | Refused]:
        """Rows by contract column that `payload` completes; what is no exchange, as one refusal."""
        rows: list[dict[str, Any] | Refused] = []
        others = 0
        for kind, take in (("spans", self._span), ("log_records", self._event)):
            for resource, item in scoped(payload, kind):
                told = self._rows(take, resource, item)
                rows += told or ()
                others += told is None
        return [*rows, Refused(reasons.NOT_AN_EXCHANGE, others)] if others else rows

    def finish(self) -> list[dict[str, Any] | Refused]:
        """Calls whose other part is in a file beside, or nowhere: with what is known of them."""
        rows: list[dict[str, Any] | Refused] = []
        for path in files_beside(self._path, _SPAN_FILES, _LOG_FILES) if self._calls else ():
            for payload in payloads_of(path):
                for resource, record in scoped(payload, "log_records"):
                    if _key(record) in self._calls:
                        rows += self._rows(self._event, resource, record) or ()
            if not self._calls:
                break
        for call in self._calls.drain():
            rows += self._rows(lambda call: [call], call) or ()
        return rows

    def _rows(
        self, take: Callable[..., list[_Call] | None], *given: Any
    ) -> list[dict[str, Any] | Refused] | None:
        """The rows of the calls that are complete once `given` is taken in; `None` for no call."""
        try:
            told = take(*given)
            return None if told is None else [self._row(call) for call in told]
        except Refused as fault:
            return [fault]
        except RecursionError:
            return [Refused(reasons.TOO_DEEP)]

    def _span(self, resource: dict[str, Any], span: dict[str, Any]) -> list[_Call] | None:
        about = attributes(span)
        if not _is_call(about):
            return None
        key = _key(span)
        call = self._calls.take(key) or _Call(key, {})
        call.about = resource | call.about | about
        call.has_span = True
        call.start = whole(field(span, "start_time_unix_nano"))
        call.end = whole(field(span, "end_time_unix_nano"))
        call.failed = dig(span, "status", "code") in (2, "2", "STATUS_CODE_ERROR")
        events = span.get("events")
        for event in events if isinstance(events, list) else ():
            call.hear(str(dig(event, "name")), attributes(event), None)
        return list(self._settle(call))

    def _event(self, resource: dict[str, Any], record: dict[str, Any]) -> list[_Call] | None:
        about = attributes(record)
        name = first(record, "eventName", "event_name") or about.get("event.name")
        if not isinstance(name, str) or not (name == _DETAILS or _is_message(name)):
            return None
        key = _key(record)
        if key in self._beside():
            return None
        if key in self._done:
            return []
        call = self._calls.take(key) or _Call(key, resource)
        call.hear(name, about, plain(record.get("body")))
        if call.start is None:
            call.start = whole(
                field(record, "time_unix_nano") or field(record, "observed_time_unix_nano")
            )
        return list(self._settle(call))

    def _beside(self) -> frozenset[str]:
        """Keys of the calls whose spans are in a file beside this one of events."""
        if self._spans_beside is None:
            self._spans_beside = frozenset(
                key
                for path in files_beside(self._path, _LOG_FILES, _SPAN_FILES)
                for payload in payloads_of(path)
                for _, span in scoped(payload, "spans")
                if (key := _key(span)) and _is_call(attributes(span))
            )
        return self._spans_beside

    def _settle(self, call: _Call) -> Iterator[_Call]:
        """Let a complete call out, keep another, and let those out for which no room is left."""
        if call.key and not (call.has_span and call.told):
            yield from self._calls.put(call.key, call, _size(call.about) + _size(call.messages))
            return
        if call.key:
            for _ in self._done.put(call.key, None):
                pass  # the oldest are forgotten: their events would come as the same exchange
        yield call

    def _row(self, call: _Call) -> dict[str, Any]:
        about = call.about
        body = _body(about, call.messages)
        answer = response_columns(_answer(about, call.choices))
        stops = about.get("gen_ai.response.finish_reasons")
        row = request_columns(body) | answer
        return row | {
            "exchange_id": call.key or first(about, "gen_ai.response.id"),
            "ts": call.start,
            "account_id": first(about, *self._account),
            "conversation_id": first(about, "gen_ai.conversation.id", "session.id"),
            "end_user": None,
            "surface": "api",
            "model": first(about, *_MODELS),
            "stop_reason": row["stop_reason"] or dig(stops, 0),
            "input_tokens": first(about, *_usage("input_tokens", "prompt_tokens")),
            "output_tokens": first(about, *_usage("output_tokens", "completion_tokens")),
            "reasoning_tokens": first(
                about, *_usage("reasoning.output_tokens", "reasoning_tokens")
            ),
            "cached_tokens": first(
                about, *_usage("cache_read.input_tokens", "cache_read_input_tokens")
            ),
            "status": _status(call),
            "latency_ms": _latency_ms(call),
            "ip": first(about, "client.address", "http.client_ip", "net.sock.peer.addr"),
            "country": first(about, "client.geo.country.iso_code", "geo.country.iso_code"),
            "user_agent": first(about, "user_agent.original", "http.user_agent"),
            "device_id": first(about, "device.id", "app.installation.id"),
            "headers": {
                name.removeprefix(_HEADER): value
                for name, value in about.items()
                if name.startswith(_HEADER)
            }
            or None,
        }


def _key(item: dict[str, Any]) -> str:
    """What tells a call: its trace's and its span's id; empty where one of them is missing."""
    trace, own = hex_id(field(item, "trace_id")), hex_id(field(item, "span_id"))
    return f"{trace}-{own}" if trace and own else ""


def _usage(*names: str) -> list[str]:
    return [f"gen_ai.usage.{name}" for name in names]


def _is_call(about: dict[str, Any]) -> bool:
    operation = first(about, "gen_ai.operation.name", "llm.request.type")
    if operation is None:
        return first(about, *_MODELS) is not None
    return operation in _OPERATIONS


def _is_message(name: str) -> bool:
    return name == _CHOICE or (name.startswith("gen_ai.") and name.endswith(".message"))


def _body(about: dict[str, Any], messages: list[Any]) -> dict[str, Any]:
    """The request's body, as far as attributes and events tell it."""
    held = first(about, *_INPUTS) or _numbered(about, "gen_ai.prompt.") or messages
    body = recorded_request(held) if held else {"messages": None}
    effort = first(
        about,
        "gen_ai.request.reasoning.level",
        "gen_ai.request.reasoning_effort",
        "gen_ai.openai.request.reasoning_effort",
    )
    tools = whole_response(about.get("gen_ai.tool.definitions"))
    return {
        "messages": body["messages"],
        "system": whole_response(about.get("gen_ai.system_instructions")),
        "tools": tools if isinstance(tools, list) else _numbered(about, "llm.request.functions."),
        "max_tokens": about.get("gen_ai.request.max_tokens"),
        "temperature": about.get("gen_ai.request.temperature"),
        "reasoning_effort": effort,
    }


def _answer(about: dict[str, Any], choices: list[Any]) -> Any:
    held = first(about, *_OUTPUTS) or _numbered(about, "gen_ai.completion.")
    if held:
        return recorded_response(held)
    chosen = [choice for choice in choices if dig(choice, "index") in (None, 0)]
    return {"choices": chosen} if chosen else None


def _numbered(about: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    """What stands under names like `gen_ai.prompt.0.role`, as a list in the numbers' order."""
    items: dict[int, dict[str, Any]] = {}
    for name, value in about.items():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition(".")
            if number.isascii() and number.isdecimal() and len(number) < 7:
                items.setdefault(int(number), {})[rest] = value
    return [items[number] for number in sorted(items)]


def _status(call: _Call) -> Any:
    found = first(call.about, "http.response.status_code", "http.status_code")
    if found is not None:
        return found
    error = call.about.get("error.type")
    if isinstance(error, str) and len(error) == 3 and error.isascii() and error.isdecimal():
        return int(error)
    return 500 if call.failed or error else 200


def _latency_ms(call: _Call) -> int | None:
    if not isinstance(call.start, int) or not isinstance(call.end, int):
        return None
    return (call.end - call.start) // 1_000_000 if call.end >= call.start else None


def _size(value: Any) -> int:
    """Bytes of text inside, roughly."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + _size(held) for name, held in value.items())
    return sum(map(_size, value)) if isinstance(value, list) else 8
