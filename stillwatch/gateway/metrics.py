"""What the service counts, in Prometheus's format, summed over its workers."""

from __future__ import annotations

import asyncio
import os
import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from stillwatch.gateway.answer import Answer, Reason, Verdict
from stillwatch.gateway.serves import Standing
from stillwatch.ladder import Action

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where workers share their counts; prometheus-client reads it when it is imported."""

BUCKETS_S = (2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 1.0)


GATHERED_S = 0.25
"""Counts of decisions are written this often: each costs as much as a decision, or more."""

_Kind = tuple[str, Verdict, Action | None, Action | None, tuple[Reason, ...]]


class Metrics:
    """The counts of one process."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._own = own
        self._decisions = Counter(
            "stillwatch_decisions",
            "Decisions, by adapter, verdict and action; `would` is what a live policy would do.",
            ["adapter", "verdict", "action", "would"],
            registry=own,
        )
        self._reasons = Counter(
            "stillwatch_decision_reasons", "Reasons of decisions.", ["reason"], registry=own
        )
        self._seconds = Histogram(
            "stillwatch_decision_seconds",
            "From a request that was read to its decision.",
            registry=own,
            buckets=BUCKETS_S,
        )
        self._unreadable = Counter(
            "stillwatch_unreadable",
            "Requests that named no account to decide on; they go on.",
            ["adapter"],
            registry=own,
        )
        self._rows = Counter(
            "stillwatch_feed_rows", "Rows of the log feed.", ["outcome"], registry=own
        )
        self._refused = Counter(
            "stillwatch_feed_quarantined", "Rows set aside, by reason.", ["reason"], registry=own
        )
        self._table = {
            name: Gauge(f"stillwatch_{name}", words, registry=own, multiprocess_mode="mostrecent")
            for name, words in (
                ("table_version", "The version of the table that decisions are made by."),
                ("policy_version", "The version of the policy that the table was made by."),
                ("table_age_seconds", "How long ago the table was published."),
                ("breaker_open", "1 while the circuit breaker lets everything through."),
                ("ready", "1 while a table is loaded."),
            )
        }
        for reason in Reason:
            self._reasons.labels(reason.value)
        self._since: dict[_Kind, int] = {}
        self._took: list[float] = []

    def decided(self, adapter: str, answer: Answer, took_s: float) -> None:
        """Count one decision; on the event loop, where counts are gathered for a moment."""
        if not self._since:
            asyncio.get_running_loop().call_later(GATHERED_S, self._count)
        key = (adapter, answer.verdict, answer.action, answer.would, answer.reasons)
        self._since[key] = self._since.get(key, 0) + 1
        self._took.append(took_s)

    def _count(self) -> None:
        since, self._since = self._since, {}
        took, self._took = self._took, []
        for seconds in took:
            self._seconds.observe(seconds)
        for (adapter, verdict, action, would, reasons), times in since.items():
            self._decisions.labels(adapter, verdict, action or "none", would or "none").inc(times)
            for reason in reasons:
                self._reasons.labels(reason).inc(times)

    def unreadable(self, adapter: str) -> None:
        """Count a request on nobody."""
        self._unreadable.labels(adapter).inc()

    def fed(self, written: int, refused: dict[str, int]) -> None:
        """Count what a feed brought."""
        self._rows.labels("written").inc(written)
        for reason, rows in refused.items():
            self._rows.labels("quarantined").inc(rows)
            self._refused.labels(reason).inc(rows)

    def page(self, standing: Standing | None) -> bytes:
        """All counts, of all workers where there are several."""
        self._count()
        self._table["ready"].set(standing is not None)
        if standing is not None:
            self._table["table_version"].set(standing.table_version)
            self._table["policy_version"].set(standing.policy_version)
            self._table["table_age_seconds"].set(age_s(standing))
            self._table["breaker_open"].set(standing.breaker_open)
        if SHARED not in os.environ:
            return generate_latest(self._own)
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together)


def age_s(standing: Standing) -> float:
    """How long ago a table was published."""
    return max(0.0, time.time() - standing.published_us / 1e6)
