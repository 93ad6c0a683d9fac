"""The rest of the service: who may ask, whether it is ready, what it counts, what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from stillwatch.errors import AccessRefused, ExtraMissing, InputNotFound
from stillwatch.gateway.answer import Reason
from stillwatch.gateway.desk import Desk
from stillwatch.gateway.failing_open import FailOpen
from stillwatch.gateway.metrics import Metrics
from stillwatch.gateway.service import ANY_METHOD, POSTED, Service
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.tokens import check_bind, read_token
from stillwatch.gateway.tracing import EXPERIMENTAL, Traces, open_traces
from tests.gateway.asking import ask, decide, service
from tests.gateway.fakes import ByName

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("path", [*POSTED, *ANY_METHOD, "/metrics", "/v1/decisions/x", "/nothing"])
def test_without_the_token_nothing_is_told(path: str) -> None:
    """Not even what is there."""
    for headers in ({}, {"x-api-key": "another"}, {"authorization": f"Basic {TOKEN}"}):
        got = ask(service(token=TOKEN), path, b"{}", headers)
        assert (got.status, got.json["error"]["where"]) == (401, "headers")


@pytest.mark.parametrize(
    "headers",
    [{"x-api-key": TOKEN}, {"authorization": f"Bearer {TOKEN}"}, {"x-stillwatch-token": TOKEN}],
    ids=lambda headers: next(iter(headers)),
)
def test_with_the_token(headers: dict[str, str]) -> None:
    """By any of three headers."""
    got = ask(service(token=TOKEN), "/v1/decide", b'{"account_id": "deny-1"}', headers)
    assert got.json["action"] == "deny"


def test_an_orchestrator_needs_no_token() -> None:
    """Whether the process answers, and whether a table is loaded."""
    gate = ByName()
    app = service(gate, token=TOKEN)
    assert ask(app, "/healthz", method="GET").json == {"status": "ok"}
    ready = ask(app, "/readyz", method="GET")
    assert ready.status == 200
    assert ready.json["table_version"] == 7
    assert ready.json["breaker"] == "closed"
    assert ready.json["table_age_s"] >= 0
    gate.loaded = False
    assert ask(app, "/readyz", method="GET").status == 503
    assert ask(app, "/healthz", method="GET").status == 200


def test_what_was_decided_can_be_looked_up() -> None:
    """By its id; others are not there."""
    assert ask(service(), f"/v1/decisions/{'d' * 32}", method="GET").json["action"] == "deny"
    assert ask(service(), "/v1/decisions/nope", method="GET").status == 404


def counts(app: Service) -> dict[str, float]:
    """The page of counts, by name and labels."""
    lines = ask(app, "/metrics", method="GET").body.decode().splitlines()
    return {k: float(v) for k, v in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


def test_decisions_are_counted() -> None:
    """By adapter, verdict and action, by reason, with faults and lateness, and how long."""
    app = service()
    for account in ("honest", "honest", "deny-1", "broken", "slow"):
        decide(app, account_id=account)
    ask(app, "/auth/nginx", b"", {"x-account-id": "throttle-1"})
    ask(app, "/auth/nginx")
    got = counts(app)
    decisions = 'stillwatch_decisions_total{action="%s",adapter="%s",verdict="%s",would="%s"}'
    assert got[decisions % ("none", "decide", "allow", "none")] == 4
    assert got[decisions % ("deny", "decide", "deny", "deny")] == 1
    assert got[decisions % ("throttle", "nginx", "deny", "throttle")] == 1
    reason = 'stillwatch_decision_reasons_total{reason="%s"}'
    assert {name: got[reason % name] for name in ("fault", "late", "member", "reversed")} == {
        "fault": 1,
        "late": 1,
        "member": 2,
        "reversed": 0,
    }
    assert got['stillwatch_unreadable_total{adapter="nginx"}'] == 1
    assert got["stillwatch_decision_seconds_count"] == 7
    assert (got["stillwatch_table_version"], got["stillwatch_breaker_open"]) == (7, 0)
    assert got["stillwatch_table_age_seconds"] > 0


def test_a_network_is_listened_to_with_a_token_only() -> None:
    """Unless told otherwise; loopback needs none."""
    for host in ("127.0.0.1", "::1", "localhost"):
        check_bind(host, None, False)
    check_bind("0.0.0.0", TOKEN, False)
    check_bind("0.0.0.0", None, True)
    with pytest.raises(AccessRefused, match="--token-file"):
        check_bind("0.0.0.0", None, False)


def test_tokens_come_from_files(tmp_path: Path) -> None:
    """Long enough, and of one word."""
    path = tmp_path / "token"
    with pytest.raises(InputNotFound):
        read_token(path)
    path.write_text(f" {TOKEN}\n")
    assert read_token(path) == TOKEN
    for weak in ("", "short", "two words that are long", "é" * 20):
        path.write_text(weak)
        with pytest.raises(AccessRefused, match="openssl"):
            read_token(path)


def traced(headers: dict[str, str], account: str) -> ReadableSpan:
    """The one span of one decision."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    metrics = Metrics()
    desk = Desk(FailOpen(ByName(), 0.02), metrics, Traces(provider.get_tracer("t")))
    app = Service(ByName(), desk, metrics, Settings(Path("unused")))
    ask(app, "/v1/decide", f'{{"account_id": "{account}", "prompt": "secret"}}'.encode(), headers)
    (span,) = exporter.get_finished_spans()
    return span


def test_a_decision_is_a_span_of_its_caller_s_trace() -> None:
    """With the draft's names; no account and no text."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    span = traced({"traceparent": parent}, "deny-1")
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    told: dict[str, Any] = dict(span.attributes or {})
    assert told[EXPERIMENTAL["verdict"]] == "deny"
    assert told[EXPERIMENTAL["action"]] == "block"
    assert told["stillwatch.reasons"] == (Reason.MEMBER.value,)
    assert not [held for held in told.values() if "deny-1" in str(held) or "secret" in str(held)]


def test_traces_are_off_unless_an_exporter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that isn't installed is said to be missing."""
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    assert open_traces() is None
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert open_traces() is None
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "nowhere")
    with pytest.raises(ExtraMissing, match="nowhere"):
        open_traces()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert isinstance(open_traces(), Traces)
