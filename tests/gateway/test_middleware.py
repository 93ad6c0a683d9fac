"""Decisions in front of an ASGI application: by a gate in the process, or by a service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stillwatch.gateway.middleware import Middleware
from tests.gateway.asking import ask, send
from tests.gateway.fakes import ByName
from tests.gateway.serving import free_port, gate_service


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it is to withhold."""
    answer = scope.get("state", {}).get("stillwatch")
    body = ",".join(answer.withhold).encode() if answer else b"unasked"
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("where", ["process", "service"])
def test_refused_here_or_passed_on(where: str, tmp_path: Path) -> None:
    """The same by either: status, retry-after and what to withhold."""

    async def play(app: Middleware) -> None:
        got = await send(app, "/v1", b"", {"x-account-id": "throttle-1"})
        assert (got.status, got.headers["retry-after"]) == (429, "30")
        assert (await send(app, "/v1", b"", {"x-account-id": "deny-1"})).status == 403
        passed = await send(app, "/v1", b"", {"x-account-id": "withhold-1"})
        assert (passed.status, passed.body) == (200, b"reasoning,logprobs")
        assert (await send(app, "/v1")).body == b"unasked"

    if where == "process":
        asyncio.run(play(Middleware(application, gate=ByName())))
    else:
        with gate_service(tmp_path) as running:
            asyncio.run(play(Middleware(application, url=running.url, deadline_s=5.0)))


@pytest.mark.parametrize("account", ["broken", "slow"])
def test_a_gate_s_faults_let_requests_go_on(account: str) -> None:
    """As at the service."""
    got = ask(Middleware(application, gate=ByName()), "/v1", b"", {"x-account-id": account})
    assert got.status == 200


def test_without_the_service_requests_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address as vLLM is given it, in the environment."""
    monkeypatch.setenv("STILLWATCH_GATE_URL", f"http://127.0.0.1:{free_port()}")
    app = Middleware(application)
    for _ in range(3):
        assert ask(app, "/v1", b"", {"x-account-id": "deny-1"}).status == 200


def test_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is said at the start."""
    monkeypatch.delenv("STILLWATCH_GATE_URL", raising=False)
    with pytest.raises(ValueError, match="STILLWATCH_GATE_URL"):
        Middleware(application)
