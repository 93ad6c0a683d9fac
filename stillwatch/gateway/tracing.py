"""Traces of decisions, where an exporter is configured by OpenTelemetry's own variables.

Attribute names follow a draft of the GenAI conventions on guardrails
(open-telemetry/semantic-conventions-genai, pull request 427) and are experimental: they will change
with it. No text and no account is told, only what was decided.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from stillwatch.errors import ExtraMissing
from stillwatch.gateway.answer import Answer, Verdict

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

EXPORTER = "OTEL_TRACES_EXPORTER"

EXPERIMENTAL = {
    "operation": "gen_ai.operation.name",
    "guardrail": "gen_ai.guardrail.name",
    "verdict": "gen_ai.guardrail.verdict.type",
    "action": "gen_ai.guardrail.action.type",
    "target": "gen_ai.guardrail.target.type",
}

_ACTION = {Verdict.ESCALATE: "escalate", Verdict.MODIFY: "modify", Verdict.DENY: "block"}


class Traces:
    """Makes a span of each decision, as a child of the caller's where it tells of one."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def decided(
        self, adapter: str, headers: Mapping[str, str], answer: Answer, began_ns: int, ended_ns: int
    ) -> None:
        """One span, made when all is over so that the decision itself waits for nothing."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        span = self._tracer.start_span(
            "run_guardrail stillwatch",
            context=TraceContextTextMapPropagator().extract(dict(headers)),
            kind=SpanKind.SERVER,
            start_time=began_ns,
            attributes={
                EXPERIMENTAL["operation"]: "run_guardrail",
                EXPERIMENTAL["guardrail"]: "stillwatch",
                EXPERIMENTAL["target"]: "llm_input",
                EXPERIMENTAL["verdict"]: answer.verdict.value,
                EXPERIMENTAL["action"]: _ACTION.get(answer.verdict, "allow"),
                "stillwatch.adapter": adapter,
                "stillwatch.decision_id": answer.decision_id,
                "stillwatch.action": answer.action or "none",
                "stillwatch.reasons": [reason.value for reason in answer.reasons],
                "stillwatch.table_version": answer.table_version,
            },
        )
        span.end(ended_ns)


def open_traces() -> Traces | None:
    """Traces to the exporter that `OTEL_TRACES_EXPORTER` names; `None` where it names none.

    Raises `ExtraMissing` where the packages that it takes aren't installed.
    """
    name = os.environ.get(EXPORTER, "none").strip()
    if name in ("", "none"):
        return None
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ExtraMissing(
            EXPORTER, "needs OpenTelemetry's SDK", "Install stillwatch[gate], or unset it"
        ) from None
    found = [*entry_points(group="opentelemetry_traces_exporter", name=name)]
    if not found:
        raise ExtraMissing(
            EXPORTER,
            f"names {name!r}, and no such exporter is installed",
            "Install opentelemetry-exporter-otlp for otlp, or unset it",
        )
    provider = TracerProvider(resource=Resource.create({"service.name": "stillwatch-gate"}))
    provider.add_span_processor(BatchSpanProcessor(found[0].load()()))
    return Traces(provider.get_tracer("stillwatch.gateway"))
