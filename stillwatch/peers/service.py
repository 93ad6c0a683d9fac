"""The peers' service: the one door that strangers come to, and nothing else behind it.

It is an application of its own, apart from the console and the gate. The console holds every
account that was ever suspected, and the gate answers within microseconds; neither should listen
where other companies come in. This one opens the store only, and knows peers' tokens only.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stillwatch.cases.store import Store
from stillwatch.errors import StillwatchError, StoreBroken
from stillwatch.peers.asking import PATH
from stillwatch.peers.registry import who_comes
from stillwatch.peers.taxii.media import Refusal, check_accept, refused
from stillwatch.peers.taxii.routes import MOST_SENT
from stillwatch.peers.taxii.routes import routes as taxii_routes

ASK_FOR_TOKEN = {"WWW-Authenticate": 'Bearer, Basic realm="peers"'}

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def create_app(store: Store, more: list[Route] | None = None) -> Starlette:
    """The application over a store, which is closed with it; `more` are routes beside TAXII's."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            store.close()

    app = Starlette(
        routes=[Route("/healthz", _healthy), *taxii_routes(), *(more or [])],
        lifespan=lifespan,
        exception_handlers={
            Refusal: _refused,
            HTTPException: _refused,
            StillwatchError: _refused,
        },
    )
    app.state.store = store
    app.add_middleware(_Door, store=store)
    return app


class _Door:
    """Who comes, and with how much: before any route is asked."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message["headers"], *names]
            await send(message)

        request = Request(scope)
        try:
            if request.url.path != "/healthz":
                await self._enter(request)
        except Refusal as fault:
            await refused(fault)(scope, receive, dressed)
            return
        except StoreBroken:
            broken = Refusal(503, "The store can't be read now", {"Retry-After": "60"})
            await refused(broken)(scope, receive, dressed)
            return
        await self._app(scope, _bounded(receive), dressed)

    async def _enter(self, request: Request) -> None:
        secret = _secret(request.headers.get("authorization", ""))
        peer = await run_in_threadpool(who_comes, self._store, secret) if secret else None
        if peer is None:
            raise Refusal(401, "Send the token that you were given", ASK_FOR_TOKEN)
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            raise Refusal(400, "Content-Length is no number")
        if int(length) > MOST_SENT:
            raise Refusal(413, f"A request's body is at most {MOST_SENT:,} bytes long")
        path = request.url.path
        if path.startswith("/taxii2/") and not path.endswith(f"/{PATH}"):
            check_accept(request.headers.get("accept", ""))
        request.state.peer = peer


def _bounded(receive: Receive) -> Receive:
    """The same body, but no more of it than is allowed, however it is sent."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_SENT:
            raise Refusal(413, f"A request's body is at most {MOST_SENT:,} bytes long")
        return message

    return bounded


def _secret(header: str) -> str | None:
    """The token of an Authorization header: as Bearer, Token, or the password of Basic."""
    scheme, _, sent = header.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return sent.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(sent.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return text.partition(":")[2] or None


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _refused(request: Request, fault: Exception) -> Response:
    if isinstance(fault, Refusal):
        return refused(fault)
    if isinstance(fault, HTTPException):
        return refused(Refusal(fault.status_code, str(fault.detail), fault.headers))
    # What the store says stays here: a peer is told only that it must come again.
    return refused(Refusal(503, "The store can't be read now", {"Retry-After": "60"}))
