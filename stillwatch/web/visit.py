"""One request by one person: who it is, whether they may, and what they get.

Pages know people by a session's cookie, and every form carries the session's own secret; the API
knows them by a token. `enter` and `call` look up the route in the table of rights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from stillwatch.cases.access import Person, Role, Session, find_session, find_token, may
from stillwatch.web.desk import Desk
from stillwatch.web.rights import RIGHTS
from stillwatch.web.titles import DONE


@dataclass
class Visit:
    """A request to a page. `form` are the fields that were sent, without the session's secret."""

    desk: Desk
    request: Request
    session: Session | None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        """Who it is."""
        if self.session is None:
            raise HTTPException(401)
        return self.session.person

    @property
    def name(self) -> str:
        """By what name the person acts."""
        return self.person.name

    def page(self, name: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A page with what all pages have."""
        shared = {
            "me": self.session.person if self.session else None,
            "csrf": self.session.csrf if self.session else "",
            "done": DONE.get(self.request.query_params.get("done", "")),
            "here": self.request.url.path,
            "form": self.form,
        }
        return self.desk.render(name, {**shared, **context}, status)

    def go(self, path: str, done: str = "") -> RedirectResponse:
        """Go on to a page of ours, which then says what was done."""
        parted = f"{path}{'&' if '?' in path else '?'}done={done}" if done else path
        return RedirectResponse(parted, 303)

    def welcome(self, session: Session, path: str, done: str = "") -> RedirectResponse:
        """Go on to a page of ours, known by that session from now on."""
        inside, desk = self.go(path, done), self.desk
        inside.set_cookie(
            desk.cookie,
            session.key,
            httponly=True,
            samesite="lax",
            secure=desk.settings.secure,
            path="/",
        )
        return inside


class SignInFirst(Exception):
    """Nobody is signed in, and the route needs somebody."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


async def enter(request: Request) -> Visit:
    """The visit of a page's request; refuses whoever may not."""
    desk: Desk = request.app.state.desk
    key = request.cookies.get(desk.cookie)
    session = await run_in_threadpool(find_session, desk.store, key) if key else None
    least = _least(request)
    if least is not None and session is None:
        raise SignInFirst(_back(request))
    visit = Visit(desk, request, session)
    if least is not None:
        _refuse_less(visit.person, least)
    if request.method == "POST":
        _refuse_elsewhere(request)
        sent = await request.form(max_files=0, max_fields=200)
        visit.form = {name: value for name, value in sent.items() if isinstance(value, str)}
        secret = visit.form.pop("csrf", "")
        if session is not None and not _equal(secret, session.csrf):
            raise HTTPException(403, "This form is of another session. Go back, reload, send again")
    return visit


Here = Annotated[Visit, Depends(enter)]


@dataclass(frozen=True)
class Call:
    """A request to the API."""

    desk: Desk
    person: Person


async def call(request: Request) -> Call:
    """The person behind an API request's token; refuses whoever may not."""
    desk: Desk = request.app.state.desk
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    person = None
    if scheme.lower() == "bearer" and secret:
        person = await run_in_threadpool(find_token, desk.store, secret.strip())
    if person is None:
        raise HTTPException(
            401, "Send a token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
        )
    least = _least(request)
    if least is not None:
        _refuse_less(person, least)
    return Call(desk, person)


Caller = Annotated[Call, Depends(call)]


def _least(request: Request) -> Role | None:
    method = "GET" if request.method == "HEAD" else request.method
    return RIGHTS[method, request.scope["route"].path]


def _refuse_less(person: Person, least: Role) -> None:
    if not may(person.role, least):
        raise HTTPException(403, f"This needs the role {least}; {person.name} is {person.role}")


def _refuse_elsewhere(request: Request) -> None:
    """Refuse forms that were sent from another site's page."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if site not in (None, "same-origin", "none") or not same:
        raise HTTPException(403, "Forms are taken from the console's own pages only")


def _equal(one: str, other: str) -> bool:
    return compare_digest(one.encode("utf-8", "replace"), other.encode())


def _back(request: Request) -> str:
    """Where to go after signing in: a page of ours, by its path."""
    if request.method != "GET":
        return "/sign-in"
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/sign-in?next={quote(request.url.path + query, safe='')}"


def own_path(path: str | None) -> str:
    """`path` where it is one of ours, else the first page: nobody is sent to another site.

    >>> own_path("/cases?x=1"), own_path("//evil.example"), own_path("https://evil.example")
    ('/cases?x=1', '/', '/')
    """
    if path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable():
        return path
    return "/"
