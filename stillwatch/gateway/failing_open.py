"""A decision within its deadline, whatever the gate does: faults and lateness let requests go on.

A gate looks things up in memory, so it is asked on the event loop itself; a thread in between would
cost more than the decision. Once several answers in a row were late, the gate is asked on a thread
of its own, where waiting ends at the deadline, until it has been quick again many times. A gate
that holds the loop up altogether is the watchdog's: it ends the worker, whose connections close,
and another one starts.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from stillwatch.display import plain
from stillwatch.gateway.answer import Answer, Reason, Verdict
from stillwatch.gateway.request import Request
from stillwatch.gateway.serves import Decides

log = logging.getLogger("stillwatch.gateway")

LATE_IN_A_ROW = 3
"""Late answers after which the gate is asked apart: one may only have lost the processor."""

QUICK_AGAIN = 200
"""Answers in time after which the gate is asked on the loop again."""

STALLED_S = 2.0
"""One decision that holds the loop this long has hung: no gateway waits so long."""

SAID_EVERY_S = 10.0
"""A fault a request would fill the disk with one line."""


def goes_on(*reasons: Reason) -> Answer:
    """An answer that lets the request go on, made without a table."""
    return Answer(
        decision_id=secrets.token_hex(16),
        verdict=Verdict.ALLOW,
        action=None,
        would=None,
        score=0.0,
        reasons=reasons,
        policy_version=0,
        table_version=0,
    )


class FailOpen:
    """Asks `gate`, and answers allow with `late` or `fault` where it doesn't answer in time."""

    def __init__(self, gate: Decides, deadline_s: float) -> None:
        self._gate, self._deadline_s = gate, deadline_s
        self._thread = ThreadPoolExecutor(1, "gate")
        self._late_in_a_row = 0
        self._left = 0
        self._apart = 0
        self._said: dict[Reason, float] = {}
        self.asked_at = 0.0
        """When the decision that holds the loop now was asked for; 0 where none does."""

    async def decide(self, request: Request) -> Answer:
        """The gate's decision, or an answer that lets the request go on."""
        if self._left or self._apart:
            return await self._decide_apart(request)
        self.asked_at = began = time.monotonic()
        try:
            answer = self._gate.decide(request)
        except Exception as fault:
            return self.failed(fault)
        finally:
            self.asked_at = 0.0
        took = time.monotonic() - began
        if took > self._deadline_s:
            self._late_in_a_row += 1
            if self._late_in_a_row >= LATE_IN_A_ROW:
                self._left, self._late_in_a_row = QUICK_AGAIN, 0
            return self._late(took)
        self._late_in_a_row = 0
        return answer if isinstance(answer, Answer) else self.failed(TypeError("no answer"))

    async def _decide_apart(self, request: Request) -> Answer:
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        self._apart += 1
        asked = loop.run_in_executor(self._thread, self._gate.decide, request)
        asked.add_done_callback(self._came_back)
        done, _ = await asyncio.wait({asked}, timeout=self._deadline_s)
        if not done:
            asked.cancel()
            self._left = QUICK_AGAIN
            return self._late(time.monotonic() - began)
        self._left = max(0, self._left - 1)
        if fault := asked.exception():
            return self.failed(fault)
        answer = asked.result()
        return answer if isinstance(answer, Answer) else self.failed(TypeError("no answer"))

    def _came_back(self, asked: asyncio.Future[Answer]) -> None:
        self._apart -= 1
        if not asked.cancelled():
            asked.exception()  # looked at, so that asyncio doesn't report it as lost

    def _late(self, took_s: float) -> Answer:
        self._say(Reason.LATE, f"no decision within {took_s * 1e3:.0f} ms; requests go on")
        return goes_on(Reason.LATE)

    def failed(self, fault: BaseException) -> Answer:
        """Say what went wrong; the request goes on."""
        where = traceback.extract_tb(fault.__traceback__)[-1:]
        at = f" at {where[0].name}:{where[0].lineno}" if where else ""
        words = f"the decision failed{at}: {type(fault).__name__}: {plain(fault)}; requests go on"
        self._say(Reason.FAULT, words)
        return goes_on(Reason.FAULT)

    def _say(self, reason: Reason, words: str) -> None:
        now = time.monotonic()
        if now - self._said.get(reason, -SAID_EVERY_S) >= SAID_EVERY_S:
            self._said[reason] = now
            log.error(words)


def watch(asked: FailOpen) -> threading.Thread:
    """Start the watchdog of this process: it ends it where one decision has hung."""
    main = threading.main_thread().ident

    def look() -> None:
        while True:
            time.sleep(STALLED_S / 4)
            since = asked.asked_at
            if since and time.monotonic() - since > STALLED_S:
                frame = sys._current_frames().get(main or 0)
                stack = "".join(traceback.format_stack(frame)) if frame else ""
                log.critical("a decision hangs; this worker ends\n%s", stack)
                os._exit(os.EX_SOFTWARE)

    thread = threading.Thread(target=look, name="watchdog", daemon=True)
    thread.start()
    return thread
