"""The service as one ASGI application: decisions by hand, everything else by Starlette."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stillwatch.gateway.adapters import apisix, decide, envoy, litellm, nginx
from stillwatch.gateway.adapters.adapter import Adapter, Question
from stillwatch.gateway.answer import Reason
from stillwatch.gateway.desk import Desk
from stillwatch.gateway.failing_open import goes_on
from stillwatch.gateway.feed import Feed, feed_route
from stillwatch.gateway.metrics import Metrics, age_s
from stillwatch.gateway.plain_asgi import (
    Receive,
    Reply,
    Scope,
    Send,
    headers_of,
    read_body,
    respond,
)
from stillwatch.gateway.serves import Serves
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.tokens import may_enter
from stillwatch.gateway.wire import Unreadable

POSTED: dict[str, Adapter] = {
    "/v1/decide": decide.ADAPTER,
    "/beta/litellm_basic_guardrail_api": litellm.ADAPTER,
}
ANY_METHOD: dict[str, Adapter] = {
    "/auth/nginx": nginx.ADAPTER,
    "/auth/apisix": apisix.ADAPTER,
    "/envoy": envoy.ADAPTER,
}

OPEN_TO_ALL = frozenset({"/healthz", "/readyz"})
"""What an orchestrator asks, without a token; it tells of no account."""

STRANGER = Reply(401, b'{"error":{"where":"headers","what":"the token is missing or wrong"}}')
POST_ONLY = Reply(
    405, b'{"error":{"where":"method","what":"ask by POST"}}', headers=((b"allow", b"POST"),)
)


class Service:
    """The application."""

    def __init__(
        self,
        gate: Serves,
        desk: Desk,
        metrics: Metrics,
        settings: Settings,
        feed: Feed | None = None,
    ) -> None:
        self._gate, self._desk, self._metrics, self._settings = gate, desk, metrics, settings
        self._feed = feed
        self._token = settings.token.encode() if settings.token else None
        self._rest = Starlette(routes=self._routes(), lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        path = scope["path"]
        if self._token and path not in OPEN_TO_ALL and not may_enter(scope, self._token):
            await respond(send, STRANGER)
        elif adapter := POSTED.get(path):
            if scope["method"] == "POST":
                await self._serve(adapter, scope, receive, send)
            else:
                await respond(send, POST_ONLY)
        elif adapter := ANY_METHOD.get("/envoy" if path.startswith("/envoy/") else path):
            await self._serve(adapter, scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _serve(self, adapter: Adapter, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive) if adapter.reads_body else b""
        try:
            wanted = not adapter.reads_body or self._desk.traced
            reply = await self._reply(adapter, headers_of(scope) if wanted else {}, body)
        except Exception as fault:
            reply = adapter.tell(self._desk.failed(adapter.name, fault), Question(None), None)
        await respond(send, reply)

    async def _reply(self, adapter: Adapter, headers: dict[str, str], body: bytes) -> Reply:
        try:
            question = adapter.read(headers, body, self._settings)
        except Unreadable as trouble:
            return adapter.tell(self._desk.nobody(adapter.name), Question(None), trouble)
        if question.request is None:
            return adapter.tell(goes_on(Reason.NOTHING_KNOWN), question, None)
        answer = await self._desk.decide(adapter.name, question.request, headers)
        return adapter.tell(answer, question, None)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self._feed is not None:
                self._feed.close()
            self._gate.close()

    def _routes(self) -> list[Route]:
        routes = [
            Route("/healthz", self._healthy),
            Route("/readyz", self._ready),
            Route("/metrics", self._count),
            Route("/v1/decisions/{decision_id}", self._look_up),
        ]
        if self._feed is not None:
            routes.append(feed_route(self._feed, self._metrics))
        return routes

    async def _healthy(self, request: HttpRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ready(self, request: HttpRequest) -> Response:
        standing = self._gate.standing()
        if standing is None:
            return JSONResponse({"status": "no table is loaded; requests go on"}, 503)
        return JSONResponse(
            {
                "status": "ready",
                "table_version": standing.table_version,
                "policy_version": standing.policy_version,
                "table_age_s": round(age_s(standing), 3),
                "breaker": "open" if standing.breaker_open else "closed",
            }
        )

    async def _count(self, request: HttpRequest) -> Response:
        page = self._metrics.page(self._gate.standing())
        return Response(page, media_type=self._metrics.content_type)

    async def _look_up(self, request: HttpRequest) -> Response:
        found = await run_in_threadpool(self._gate.look_up, request.path_params["decision_id"])
        if found is None:
            fault = {"where": "path", "what": "no decision has this id"}
            return JSONResponse({"error": fault}, 404)
        return Response(msgspec.json.encode(found), media_type="application/json")
