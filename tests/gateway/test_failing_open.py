"""Faults and lateness let requests go on, and nothing waits for a gate that is stuck."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from stillwatch.gateway import failing_open
from stillwatch.gateway.answer import Answer, Reason, Verdict
from stillwatch.gateway.failing_open import LATE_IN_A_ROW, QUICK_AGAIN, FailOpen
from stillwatch.gateway.request import Request
from tests.gateway.fakes import ByName, answer


def request(account: str = "x") -> Request:
    """A request."""
    return Request(account, 0)


@pytest.mark.parametrize(
    ("account", "reason"),
    [("broken", Reason.FAULT), ("nonsense", Reason.FAULT), ("slow", Reason.LATE)],
)
def test_whatever_goes_wrong_requests_go_on(account: str, reason: Reason) -> None:
    """An exception, a value that is no answer, and an answer that comes too late."""
    got = asyncio.run(FailOpen(ByName(), 0.02).decide(request(account)))
    assert (got.verdict, got.action, got.reasons) == (Verdict.ALLOW, None, (reason,))
    assert got.status == 200


def test_what_is_logged_can_move_no_cursor(caplog: pytest.LogCaptureFixture) -> None:
    """One line, escaped, and not one a request."""
    asks = FailOpen(ByName(), 0.02)

    async def many() -> None:
        for _ in range(50):
            await asks.decide(request("broken"))

    asyncio.run(many())
    (line,) = [record.getMessage() for record in caplog.records]
    assert "RuntimeError" in line
    assert "\x1b" not in line


class Held:
    """A gate that is stuck until it is let go, once it was late."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.threads: list[int] = []
        self.stuck = False

    def decide(self, request: Request) -> Answer:
        """Waits where it is stuck."""
        self.threads.append(threading.get_ident())
        if self.stuck:
            self.go.wait(30)
        return answer()


def test_a_stuck_gate_holds_nobody_up() -> None:
    """Once late, it is asked on a thread of its own: others are told `late` without waiting."""

    async def play() -> tuple[list[Any], Held]:
        gate = Held()
        asks = FailOpen(gate, 0.02)
        asks._left = QUICK_AGAIN  # as after a first answer that was late
        gate.stuck = True
        first = await asyncio.gather(*(asks.decide(request()) for _ in range(20)))
        gate.stuck = False
        gate.go.set()
        while asks._apart:
            await asyncio.sleep(0.01)
        for _ in range(QUICK_AGAIN):
            await asks.decide(request())
        gate.threads.clear()
        after = await asks.decide(request())
        return [*first, after], gate

    (*first, after), gate = asyncio.run(play())
    assert {got.reasons for got in first} == {(Reason.LATE,)}
    assert after.reasons == (Reason.NOTHING_KNOWN,)
    assert gate.threads == [threading.get_ident()]  # on the loop again


@pytest.mark.parametrize(("late", "apart"), [(LATE_IN_A_ROW - 1, False), (LATE_IN_A_ROW, True)])
def test_a_gate_that_stays_late_is_asked_apart(late: int, apart: bool) -> None:
    """Late now and then it isn't, for it may only have lost the processor."""

    async def play() -> Held:
        gate = Held()
        asks = FailOpen(gate, 0.0)  # nothing is in time
        for _ in range(late):
            assert (await asks.decide(request())).reasons == (Reason.LATE,)
        gate.threads.clear()
        asks._deadline_s = 10.0
        assert (await asks.decide(request())).reasons == (Reason.NOTHING_KNOWN,)
        return gate

    (thread,) = asyncio.run(play()).threads
    assert (thread != threading.get_ident()) is apart


def test_faults_on_the_thread_are_faults() -> None:
    """As on the loop."""

    async def play() -> Answer:
        asks = FailOpen(ByName(), 5.0)
        asks._left = QUICK_AGAIN
        return await asks.decide(request("broken"))

    assert asyncio.run(play()).reasons == (Reason.FAULT,)


def test_a_gate_that_hangs_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that connections close, and another worker starts."""
    ended = threading.Event()
    monkeypatch.setattr(failing_open, "STALLED_S", 0.05)
    monkeypatch.setattr(failing_open.os, "_exit", lambda code: ended.set())
    asks = FailOpen(ByName(), 0.02)
    asks.asked_at = 1e-9
    failing_open.watch(asks)
    assert ended.wait(10)
    asks.asked_at = 0.0
