"""Coming in and going out: by password, or by the organisation's OpenID Connect provider."""

from __future__ import annotations

import secrets
import time
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse, Response

from stillwatch.cases.access import Role, end_session, sign_in, sign_in_known
from stillwatch.errors import StillwatchError
from stillwatch.web.visit import Here, own_path

router = APIRouter(include_in_schema=False)

PENDING_S = 600
"""How long somebody may take at their provider."""

PENDING_COOKIE = "stillwatch-openid"
_MOST_PENDING = 10_000


@router.get("/sign-in")
def entrance(visit: Here, next: str = "/") -> Response:
    """The form."""
    if visit.session is not None:
        return visit.go(own_path(next))
    return visit.page("sign_in.html", next=own_path(next), refused="")


@router.post("/sign-in")
def come_in(visit: Here) -> Response:
    """Take a name and a password."""
    form, onward = visit.form, own_path(visit.form.get("next"))
    client = visit.request.client
    try:
        session = sign_in(
            visit.desk.store,
            form.get("name", ""),
            form.get("password", ""),
            client.host if client else "",
        )
    except StillwatchError as fault:
        visit.form = {"name": form.get("name", "")}
        wait = getattr(fault, "retry_after", None)
        page = visit.page(
            "sign_in.html", 429 if wait else 401, next=onward, refused=f"{fault.what}. {fault.todo}"
        )
        if wait:
            page.headers["Retry-After"] = str(int(wait) + 1)
        return page
    return visit.welcome(session, onward)


@router.post("/sign-out")
def go_out(visit: Here) -> RedirectResponse:
    """End the session."""
    if visit.session is not None:
        end_session(visit.desk.store, visit.session.key)
    gone = visit.go("/sign-in")
    gone.delete_cookie(visit.desk.cookie, path="/", secure=visit.desk.settings.secure)
    return gone


@router.get("/sign-in/openid")
def to_provider(visit: Here, next: str = "/") -> RedirectResponse:
    """Send somebody to their provider."""
    desk = visit.desk
    if desk.open_id is None:
        raise HTTPException(404, "This console has no OpenID Connect provider")
    address, pending = desk.open_id.begin()
    key = secrets.token_urlsafe(24)
    waiting: dict[str, Any] = visit.request.app.state.waiting
    now = time.monotonic()
    for old in [k for k, (since, *_) in waiting.items() if now - since > PENDING_S]:
        waiting.pop(old, None)
    if len(waiting) >= _MOST_PENDING:
        raise HTTPException(503, "Too many are signing in. Try again in some minutes")
    waiting[key] = (now, pending, own_path(next))
    away = RedirectResponse(address, 303)
    away.set_cookie(
        PENDING_COOKIE, key, PENDING_S, httponly=True, samesite="lax", secure=desk.settings.secure
    )
    return away


@router.get("/sign-in/openid/back")
def from_provider(visit: Here) -> Response:
    """Take back whom the provider vouches for; each answer is taken once."""
    desk = visit.desk
    waiting: dict[str, Any] = visit.request.app.state.waiting
    since, pending, onward = waiting.pop(
        visit.request.cookies.get(PENDING_COOKIE, ""), (0.0, None, "/")
    )
    if desk.open_id is None or pending is None or time.monotonic() - since > PENDING_S:
        return visit.page("sign_in.html", 400, next="/", refused="This sign-in has expired. Again:")
    try:
        claims = desk.open_id.finish(pending, dict(visit.request.query_params))
        role = Role(claims.roles[-1]) if claims.roles else None
        session = sign_in_known(
            desk.store, claims.issuer, claims.subject, claims.name, role, claims.display
        )
    except StillwatchError as fault:
        return visit.page("sign_in.html", 401, next=onward, refused=f"{fault.what}. {fault.todo}")
    back = visit.welcome(session, onward)
    back.delete_cookie(PENDING_COOKIE)
    return back
