"""Oneself (password, tokens), and for administrators everybody else."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import HTMLResponse, Response

from stillwatch.cases.access import (
    Role,
    add_person,
    disable,
    enable,
    list_people,
    list_tokens,
    make_token,
    revoke_token,
    set_password,
    set_role,
    sign_in,
)
from stillwatch.errors import StillwatchError
from stillwatch.web.visit import Here, Visit

router = APIRouter(include_in_schema=False)


@router.get("/me")
def me(visit: Here) -> HTMLResponse:
    """One's own password and tokens."""
    return _me(visit)


def _me(visit: Visit, status: int = 200, **more: Any) -> HTMLResponse:
    return visit.page(
        "me.html",
        status,
        **{
            "tokens": list_tokens(visit.desk.store, visit.name),
            "roles": [
                r for r in Role if list(Role).index(r) <= list(Role).index(visit.person.role)
            ],
            "secret": "",
            "refused": "",
            **more,
        },
    )


@router.post("/me/password")
def password(visit: Here) -> Response:
    """Change one's own password, knowing the old one; all sessions end but a new one."""
    form, store = visit.form, visit.desk.store
    client = visit.request.client
    address = client.host if client else ""
    try:
        sign_in(store, visit.name, form.get("old", ""), address)
        set_password(store, visit.name, form.get("new", ""), visit.name)
        session = sign_in(store, visit.name, form.get("new", ""), address)
    except StillwatchError as fault:
        return _me(visit, 422, refused=f"{fault.what}. {fault.todo}")
    finally:
        visit.form = {}
    return visit.welcome(session, "/me", "password")


@router.post("/me/tokens")
def token(visit: Here) -> Response:
    """Make a token for the API, shown this once."""
    form = visit.form
    days = form.get("days", "")
    if form.get("role") not in set(Role) or not (days.isascii() and days.isdigit()):
        raise HTTPException(400, "The form names no role or no days")
    try:
        secret = make_token(
            visit.desk.store,
            visit.name,
            form.get("label", ""),
            Role(form["role"]),
            int(days[:6]),
            visit.name,
        )
    except StillwatchError as fault:
        return _me(visit, 422, refused=f"{fault.what}. {fault.todo}")
    return _me(visit, secret=secret)


@router.post("/me/tokens/{token_id}/revoke")
def revoke(visit: Here, token_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
    """Revoke one of one's own tokens."""
    own = {t.token_id for t in list_tokens(visit.desk.store, visit.name)}
    if token_id not in own:
        raise HTTPException(404, "You have no such token")
    revoke_token(visit.desk.store, token_id, visit.name)
    return visit.go("/me", "revoke")


@router.get("/people")
def people(visit: Here) -> HTMLResponse:
    """Who may come in."""
    return _people(visit)


def _people(visit: Visit, status: int = 200, refused: str = "") -> HTMLResponse:
    return visit.page(
        "people.html",
        status,
        people=list_people(visit.desk.store),
        roles=list(Role),
        refused=refused,
    )


def _administer(visit: Visit, act: Any) -> Response:
    try:
        act()
    except StillwatchError as fault:
        return _people(visit, 422, str(fault))
    return visit.go("/people", "people")


def _role(visit: Visit) -> Role:
    if visit.form.get("role") not in set(Role):
        raise HTTPException(400, "The form names no role")
    return Role(visit.form["role"])


@router.post("/people")
def add(visit: Here) -> Response:
    """Let somebody in."""
    form, role, store = visit.form, _role(visit), visit.desk.store
    secret = form.pop("password", "") or None
    return _administer(
        visit, lambda: add_person(store, form.get("name", ""), role, visit.name, secret)
    )


@router.post("/people/role")
def change_role(visit: Here) -> Response:
    """Give somebody another role."""
    role, store = _role(visit), visit.desk.store
    return _administer(visit, lambda: set_role(store, visit.form.get("name", ""), role, visit.name))


@router.post("/people/disable")
def keep_out(visit: Here) -> Response:
    """Keep somebody out from now on."""
    store = visit.desk.store
    return _administer(visit, lambda: disable(store, visit.form.get("name", ""), visit.name))


@router.post("/people/enable")
def let_in(visit: Here) -> Response:
    """Let somebody in again."""
    store = visit.desk.store
    return _administer(visit, lambda: enable(store, visit.form.get("name", ""), visit.name))
