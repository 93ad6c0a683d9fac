"""Decisions in front of any ASGI application, and of vLLM.

In one's own code, with a gate in the same process:

    app = Middleware(app, gate=Gate(folder))

or by a service's address; for vLLM, by its environment:

    STILLWATCH_GATE_URL=http://127.0.0.1:8990 \
        vllm serve ... --middleware stillwatch.gateway.middleware.Middleware

Only headers are looked at. Refused requests are answered here, and others go on with the decision
in `scope["state"]["stillwatch"]`, where an application finds what to withhold.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.gateway.adapters import apisix
from stillwatch.gateway.adapters.adapter import Question
from stillwatch.gateway.answer import Answer, Reason
from stillwatch.gateway.failing_open import FailOpen, goes_on
from stillwatch.gateway.header_request import headers_to_request
from stillwatch.gateway.plain_asgi import App, Receive, Scope, Send, headers_of, respond
from stillwatch.gateway.request import Request
from stillwatch.gateway.serves import Decides
from stillwatch.gateway.settings import HeaderNames

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("stillwatch.gateway")

URL = "STILLWATCH_GATE_URL"
TOKEN = "STILLWATCH_GATE_TOKEN"
DEADLINE_S = 0.02
REMOTE_DEADLINE_S = 0.1
QUIET_S = 1.0


class Middleware:
    """An ASGI application around `app`.

    Asks `gate`, or else the service at `url`, or else at `STILLWATCH_GATE_URL`. `deadline_s` is 20
    ms for a gate and 100 ms for a service, where none is given. Raises `ValueError` where there is
    nothing to ask.
    """

    def __init__(
        self,
        app: App,
        gate: Decides | None = None,
        url: str | None = None,
        token: str | None = None,
        deadline_s: float | None = None,
        names: HeaderNames | None = None,
    ) -> None:
        self._app, self._names = app, names or HeaderNames()
        at = url or os.environ.get(URL)
        if gate is not None:
            self._asks: FailOpen | Remote = FailOpen(gate, deadline_s or DEADLINE_S)
        elif at:
            held = token or os.environ.get(TOKEN)
            self._asks = Remote(at, held, deadline_s or REMOTE_DEADLINE_S)
        else:
            raise ValueError(f"Middleware: give it a gate or a url, or set {URL}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide on a request, and let it go on or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = headers_to_request(headers_of(scope), self._names)
        if request is None:
            await self._app(scope, receive, send)
            return
        answer = await self._asks.decide(request)
        if answer.status != 200:
            await respond(send, apisix.tell(answer, Question(request), None))
            return
        state = scope.setdefault("state", {})
        state["stillwatch"] = answer
        await self._app(scope, receive, send)


class Remote:
    """Asks a service, and lets requests go on where it doesn't answer in time."""

    def __init__(self, url: str, token: str | None, deadline_s: float) -> None:
        self._url = f"{url.rstrip('/')}/v1/decide"
        self._headers = {"x-stillwatch-token": token} if token else {}
        self._deadline_s = deadline_s
        self._client: httpx.AsyncClient | None = None
        self._quiet_until = 0.0

    async def decide(self, request: Request) -> Answer:
        """The service's decision."""
        if time.monotonic() < self._quiet_until:
            return goes_on(Reason.FAULT)
        try:
            return await self._ask(request)
        except Exception as fault:
            self._quiet_until = time.monotonic() + QUIET_S
            log.error("the gate can't be asked (%s); requests go on", type(fault).__name__)
            late = isinstance(fault, TimeoutError)
            return goes_on(Reason.LATE if late else Reason.FAULT)

    async def _ask(self, request: Request) -> Answer:
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(
                headers=self._headers, trust_env=False, timeout=self._deadline_s
            )
        asked = {
            name: value for name, value in msgspec.to_builtins(request).items() if value is not None
        }
        async with asyncio.timeout(self._deadline_s):
            reply = await self._client.post(self._url, content=msgspec.json.encode(asked))
        reply.raise_for_status()
        return _as_answer(reply.content)


def _as_answer(raw: bytes) -> Answer:
    told: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    return msgspec.convert(told, Answer)
