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

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stillwatch.sources import reasons
from stillwatch.sources.bodies import REQUEST_COLUMNS, RESPONSE_COLUMNS
from stillwatch.sources.counterparts import files_beside, payloads_of
from stillwatch.sources.joining import LIMIT_BYTES, Recent, Waiting
from stillwatch.sources.messages import dig, first
from stillwatch.sources.otel_call import Call, is_call, is_content
from stillwatch.sources.otlp import attributes, field, hex_id, plain, scoped, whole
from stillwatch.sources.reasons import Refused
from stillwatch.sources.shapes import Shape

KEYS = frozenset(
    {
        b"resourceSpans",
        b"resourceLogs",
        b"resourceMetrics",
        b"resource_spans",
        b"resource_logs",
        b"resource_metrics",
    }
)
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

FAILED = (2, "2", "STATUS_CODE_ERROR")
"""What a span's status may call an error."""

_SPAN_FILES = ("traces", "trace", "spans", "span")
_LOG_FILES = ("logs", "log", "events")
_DONE_CALLS = 1 << 17


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
        self._calls: Waiting[Call] = Waiting(limit_bytes)
        self._done = Recent(_DONE_CALLS)
        self._spans_beside: frozenset[str] | None = None

    @property
    def shape(self) -> Shape | None:
        """None: all are added."""
        return None

    def add(self, payload: dict[str, Any]) -> list[dict[str, Any] | Refused]:
        """Rows by contract column that `payload` completes; what is no exchange, as one refusal."""
        rows: list[dict[str, Any] | Refused] = []
        seen = others = 0
        for kind, take in (("spans", self._span), ("log_records", self._event)):
            for resource, item in scoped(payload, kind):
                told = self._rows(take, resource, item)
                rows += told or ()
                others += told is None
                seen += 1
        others += not seen  # an empty payload, or one of metrics
        return [*rows, Refused(reasons.NOT_AN_EXCHANGE, others)] if others else rows

    def settle(self, keys: Sequence[str]) -> bool:
        """Whether nothing waits for the calls of these keys, which then are done."""
        if self._calls and any(key in self._calls for key in keys):
            return False
        self._done.see(keys)
        return True

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
        self, take: Callable[..., list[Call] | None], *given: Any
    ) -> list[dict[str, Any] | Refused] | None:
        """The rows of the calls that are complete once `given` is taken in; `None` for no call."""
        try:
            told = take(*given)
            return None if told is None else [call.row(self._account) for call in told]
        except Refused as fault:
            return [fault]
        except RecursionError:
            return [Refused(reasons.TOO_DEEP)]

    def _span(self, resource: dict[str, Any], span: dict[str, Any]) -> list[Call] | None:
        about = attributes(span)
        if not is_call(about):
            return None
        key = _key(span)
        call = self._calls.take(key) or Call(key, {})
        call.about = resource | call.about | about
        call.has_span = True
        call.start = whole(field(span, "start_time_unix_nano"))
        call.end = whole(field(span, "end_time_unix_nano"))
        call.failed = dig(span, "status", "code") in FAILED
        events = span.get("events")
        for event in events if isinstance(events, list) else ():
            call.hear(str(dig(event, "name")), attributes(event), None)
        return list(self._settle(call))

    def _event(self, resource: dict[str, Any], record: dict[str, Any]) -> list[Call] | None:
        about = attributes(record)
        name = first(record, "eventName", "event_name") or about.get("event.name")
        if not isinstance(name, str) or not is_content(name):
            return None
        key = _key(record)
        if key in self._beside():
            return None
        if key in self._done:
            return []
        call = self._calls.take(key) or Call(key, resource)
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
                if (key := _key(span)) and is_call(attributes(span))
            )
        return self._spans_beside

    def _settle(self, call: Call) -> Iterator[Call]:
        """Let a complete call out, keep another, and let those out for which no room is left."""
        if call.key and not (call.has_span and call.told):
            yield from self._calls.put(call.key, call, call.size)
            return
        if call.key:
            self._done.see((call.key,))  # events of forgotten ones would come as the same exchange
        yield call


def _key(item: dict[str, Any]) -> str:
    """What tells a call: its trace's and its span's id; empty where one of them is missing."""
    trace, own = hex_id(field(item, "trace_id")), hex_id(field(item, "span_id"))
    return f"{trace}-{own}" if trace and own else ""
