"""The console as one ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from stillwatch import errors
from stillwatch.console.page import style_sheet
from stillwatch.web import api
from stillwatch.web.desk import Desk
from stillwatch.web.pages import (
    account,
    campaign,
    cases,
    decisions,
    entrance,
    gateway,
    overview,
    people,
    search,
)
from stillwatch.web.rights import check_whole
from stillwatch.web.settings import Settings
from stillwatch.web.visit import SignInFirst

MOST_SENT = 2 << 20
"""Bytes of a request's body."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

STATUS: dict[type[errors.StillwatchError], int] = {
    errors.UnknownName: 404,
    errors.CaseChanged: 409,
    errors.CaseRefused: 409,
    errors.AccessRefused: 403,
    errors.SignInRefused: 401,
    errors.StoreBroken: 503,
    errors.FindingsBroken: 503,
    errors.InputNotFound: 503,
    errors.TableBroken: 503,
}
"""What a refusal is to a browser."""

static = APIRouter(include_in_schema=False)


@static.get("/healthz")
def healthy() -> dict[str, str]:
    """Whether the console answers."""
    return {"status": "ok"}


@static.get("/static/{name}")
def asset(name: str) -> Response:
    """The style sheet and the one script."""
    if name not in _ASSETS:
        raise HTTPException(404)
    kind, read = _ASSETS[name]
    return Response(read(), media_type=kind, headers={"Cache-Control": "max-age=3600"})


def _file(name: str) -> str:
    return files("stillwatch.web").joinpath("static", name).read_text("utf-8")


_ASSETS: dict[str, tuple[str, Callable[[], str]]] = {
    "console.css": ("text/css", lambda: style_sheet() + _file("console.css")),
    "keys.js": ("text/javascript", lambda: _file("keys.js")),
}


ROUTERS = (
    static,
    overview.router,
    campaign.router,
    account.router,
    search.router,
    cases.router,
    decisions.router,
    gateway.router,
    entrance.router,
    people.router,
    api.router,
)
"""All that the console answers."""


def create_app(settings: Settings) -> FastAPI:
    """The application; raises what opening the findings and the store does."""
    app = FastAPI(title="Stillwatch", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.desk = Desk(settings)
    app.state.waiting = {}
    for router in ROUTERS:
        app.include_router(router)
    check_whole(routes())
    app.add_exception_handler(errors.StillwatchError, _refused)
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(SignInFirst, _to_entrance)
    app.middleware("http")(_guard)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts))
    return app


def routes() -> list[tuple[str, str]]:
    """Method and path of every route."""
    return [
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]


async def _guard(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
    """No body that is too long, and the headers of every answer."""
    length = request.headers.get("content-length", "0")
    sent_whole = "transfer-encoding" not in request.headers
    if not (sent_whole and length.isascii() and length.isdigit() and int(length) <= MOST_SENT):
        response = _answer(request, 413, f"A request's body is at most {MOST_SENT:,} bytes long")
    else:
        response = await following(request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refused(request: Request, fault: Exception) -> Response:
    headers = None
    if isinstance(fault, errors.StillwatchError):
        status, words = STATUS.get(type(fault), 422), str(fault)
    elif isinstance(fault, RequestValidationError):
        first = fault.errors()[0]
        status = 422
        words = f"{'.'.join(str(at) for at in first['loc'])}: {first['msg']}"
    else:
        assert isinstance(fault, AnyHTTPException)
        status, words, headers = fault.status_code, str(fault.detail), fault.headers
    return _answer(request, status, words, headers)


def _answer(request: Request, status: int, words: str, headers: Any = None) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": words}, status, headers)
    desk: Desk = request.app.state.desk
    context = {"me": None, "csrf": "", "done": None, "here": "", "form": {}}
    page = desk.render("refused.html", {**context, "status": status, "words": words}, status)
    page.headers.update(headers or {})
    return page


def _to_entrance(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, SignInFirst)
    return RedirectResponse(fault.back, 303)
