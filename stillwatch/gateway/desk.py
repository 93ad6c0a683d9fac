"""Where every adapter brings its questions: decided in time, counted, traced."""

from __future__ import annotations

import time
from collections.abc import Mapping

from stillwatch.gateway.answer import Answer, Reason
from stillwatch.gateway.failing_open import FailOpen, goes_on
from stillwatch.gateway.metrics import Metrics
from stillwatch.gateway.request import Request
from stillwatch.gateway.tracing import Traces


class Desk:
    """Asks the gate on behalf of adapters."""

    def __init__(self, asks: FailOpen, metrics: Metrics, traces: Traces | None = None) -> None:
        self._asks, self._metrics, self._traces = asks, metrics, traces
        self.traced = traces is not None

    async def decide(self, adapter: str, request: Request, headers: Mapping[str, str]) -> Answer:
        """The decision on `request`; `headers` are those of whoever asks, for the trace."""
        began = time.perf_counter()
        began_ns = time.time_ns() if self._traces else 0
        answer = await self._asks.decide(request)
        self._metrics.decided(adapter, answer, time.perf_counter() - began)
        if self._traces:
            self._traces.decided(adapter, headers, answer, began_ns, time.time_ns())
        return answer

    def nobody(self, adapter: str) -> Answer:
        """The answer on a request that names no account."""
        self._metrics.unreadable(adapter)
        answer = goes_on(Reason.NOTHING_KNOWN)
        self._metrics.decided(adapter, answer, 0.0)
        return answer

    def failed(self, adapter: str, fault: Exception) -> Answer:
        """The answer where an adapter failed at its own work."""
        answer = self._asks.failed(fault)
        self._metrics.decided(adapter, answer, 0.0)
        return answer
