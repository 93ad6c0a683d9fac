"""Who may do what: every role on every route, and the doors that forms and sessions have."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI

from stillwatch.cases.access import Role, disable
from stillwatch.web.rights import RIGHTS, check_whole
from tests.web.conftest import HOST, PASSWORD, Browser, csrf, send

Browse = Callable[[str | None], Browser]

PLACES = {
    "campaign_id": "cmp-4f1a90c2d7",
    "case_id": "1",
    "enforcement_id": "1",
    "token_id": "99",
    "form": "md",
    "name": "console.css",
}
OPEN = {route for route, least in RIGHTS.items() if least is None}


def address(path: str) -> str:
    """A route's path with its places filled in."""
    return re.sub(r"\{(\w+)\}", lambda found: PLACES[found[1]], path)


def asked(browser: Browser, method: str, path: str, headers: dict[str, str] | None = None) -> int:
    """The status that a request is answered with; a form carries the session's secret."""
    if method == "GET":
        return browser.get(address(path), headers=headers).status_code
    if path.startswith("/api/"):
        return browser.post(address(path), headers=headers, json={}).status_code
    return browser.post(address(path), data={"csrf": csrf(browser)}).status_code


@pytest.mark.parametrize("role", [None, *Role])
def test_every_role_on_every_route(role: Role | None, browse: Browse, token, app: FastAPI):
    """Refused exactly where the table says so; whoever isn't signed in is sent to the entrance."""
    headers = token(role) if role else {}
    browser, program = browse(role), browse(None)
    for (method, path), least in RIGHTS.items():
        if (method, path) in {("POST", "/sign-out"), ("POST", "/sign-in")}:
            continue  # how these answer is looked at below
        allowed = least is None or (
            role is not None and list(Role).index(role) >= list(Role).index(least)
        )
        if path.startswith("/api/"):
            status = asked(program, method, path, headers)
            refused = 403 if role else 401
        elif role is None and method == "POST":
            answer = program.post(address(path), data={})
            status, refused = answer.status_code, 303
            if least is not None:
                assert answer.headers["location"].startswith("/sign-in"), path
        else:
            status, refused = asked(browser, method, path), 403 if role else 303
        if allowed:
            assert status not in (401, 403), (role, method, path, status)
            assert status < 500, (role, method, path)
        else:
            assert status == refused, (role, method, path, status)


def test_a_route_that_is_not_in_the_table_is_found():
    """And one that is in it but not there."""
    check_whole(RIGHTS)
    with pytest.raises(LookupError, match="/new"):
        check_whole([*RIGHTS, ("GET", "/new")])
    with pytest.raises(LookupError, match="healthz"):
        check_whole([route for route in RIGHTS if route[1] != "/healthz"])


def test_whoever_is_kept_out_is_out_at_once(browse: Browse, app: FastAPI):
    """A session that was good a moment ago."""
    browser = browse("analyst")
    assert browser.get("/").status_code == 200
    disable(app.state.desk.store, "analyst", "administrator")
    assert browser.get("/").headers["location"] == "/sign-in?next=%2F"


def test_forms_need_the_secret_of_the_session_that_they_are_sent_in(browse: Browse):
    """None, a wrong one, and one of somebody else's."""
    mine, theirs = browse("analyst"), browse("lead")
    for secret in ("", "x", csrf(theirs), "\u202e"):
        sent = {"csrf": secret, "seen": "1", "text": "hello"}
        assert mine.post("/cases/1/comment", data=sent).status_code == 403
    assert send(mine, "/cases/1/comment", seen=1, text="hello").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_forms_are_taken_from_our_own_pages(headers: dict[str, str], browse: Browse):
    """Also with the right secret, and for signing in."""
    mine = browse("analyst")
    sent = {"csrf": csrf(mine), "seen": "1", "text": "hello"}
    assert mine.post("/cases/1/comment", data=sent, headers=headers).status_code == 403
    told = {"name": "analyst", "password": PASSWORD}
    assert browse(None).post("/sign-in", data=told, headers=headers).status_code == 403


def test_only_its_own_names_are_answered(browse: Browse):
    """A web site that points its name here learns nothing."""
    answer = browse(None).get("/healthz", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_every_answer_has_the_headers(browse: Browse):
    """Pages, refusals, assets and the API."""
    for path in ("/sign-in", "/nothing", "/static/console.css", "/api/v1/cases", "/"):
        headers = browse(None).get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert browse(None).get("/sign-in").headers["cache-control"] == "no-store"


def test_the_cookie_is_kept_from_scripts_and_other_sites(browse: Browse):
    """Its attributes, as they are sent."""
    answer = browse(None).post("/sign-in", data={"name": "viewer", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


def test_guessing_is_slowed_down(browse: Browse):
    """After some failures the right password has to wait too, and the page says how long."""
    browser = browse(None)
    for _ in range(30):
        answer = browser.post("/sign-in", data={"name": "lead", "password": "no"})
        if answer.status_code == 429:
            break
        assert answer.status_code == 401
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert browser.post("/sign-in", data={"name": "lead", "password": PASSWORD}).status_code == 429


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a=b"]
)
def test_nobody_is_sent_to_another_site(onward: str, browse: Browse):
    """Whatever the address of the entrance asks for."""
    told = {"name": "viewer", "password": PASSWORD, "next": onward}
    answer = browse(None).post("/sign-in", data=told)
    assert answer.headers["location"] == "/"
    assert HOST not in answer.headers["location"]


def test_a_body_that_is_too_long_is_refused(browse: Browse):
    """Before it is read, whoever sends it."""
    answer = browse(None).post("/sign-in", content=b"name=" + b"x" * (3 << 20))
    assert answer.status_code == 413
