"""Signing in with one's organisation through the console's own pages, against a real provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from stillwatch.cases.access import Role, disable, list_people
from stillwatch.web.app import create_app
from stillwatch.web.settings import Settings
from tests.web.conftest import HOST
from tests.web.provider import BACK, CLIENT, SECRET, TestProvider, serving


@pytest.fixture
def provider() -> Iterator[TestProvider]:
    """An honest provider, whose groups say who leads."""
    with serving() as made:
        made.claims["groups"] = ["soc-leads", "everybody"]
        yield made


@pytest.fixture
def console(
    provider: TestProvider, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A console that is configured for it by a file."""
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    (tmp_path / "openid.toml").write_text(
        f'[oidc]\nissuer = "{provider.issuer}"\nclient_id = "{CLIENT}"\n'
        f'client_secret_env = "SECRET_OF_TEST"\nredirect_uri = "{BACK}"\nclaim = "groups"\n'
        '[oidc.roles]\n"soc-leads" = "lead"\n"soc" = "analyst"\n'
    )
    app = create_app(replace(settings, open_id=tmp_path / "openid.toml"))
    yield TestClient(app, base_url=HOST, follow_redirects=False)
    app.state.desk.close()


def come_back(console: TestClient, provider: TestProvider, onward: str = "/"):
    """The whole way round, as a browser goes it."""
    away = console.get("/sign-in/openid", params={"next": onward})
    assert away.status_code == 303
    query = provider.sign_in(away.headers["location"])
    return console.get(f"/sign-in/openid/back?{urlencode(query)}")


def test_somebody_comes_in(console: TestClient, provider: TestProvider):
    """The entrance offers it; the first time lets them in with their groups' role."""
    assert "Sign in with your organisation" in console.get("/sign-in").text
    back = come_back(console, provider, "/cases?show=all")
    assert back.headers["location"] == "/cases?show=all"
    page = console.get("/cases?show=all")
    assert page.status_code == 200
    assert "Ada" in page.text
    people = {p.name: p.role for p in list_people(console.app.state.desk.store)}  # pyright: ignore
    assert people["ada@example.com"] == Role.LEAD


def test_roles_follow_groups_and_the_kept_out_stay_out(console: TestClient, provider: TestProvider):
    """At each sign-in; and a provider's word doesn't outweigh an administrator's."""
    come_back(console, provider)
    provider.claims["groups"] = ["soc"]
    console.cookies.clear()
    come_back(console, provider)
    store = console.app.state.desk.store  # pyright: ignore
    assert {p.name: p.role for p in list_people(store)}["ada@example.com"] == Role.ANALYST
    disable(store, "ada@example.com", "administrator")
    console.cookies.clear()
    assert come_back(console, provider).status_code == 401
    assert console.get("/").headers["location"].startswith("/sign-in")


def test_an_answer_is_taken_once_and_in_its_own_browser(
    console: TestClient, provider: TestProvider
):
    """Played again, sent to another browser, or without having begun: refused, and said so."""
    away = console.get("/sign-in/openid")
    path = f"/sign-in/openid/back?{urlencode(provider.sign_in(away.headers['location']))}"
    other = TestClient(console.app, base_url=HOST, follow_redirects=False)
    assert other.get(path).status_code == 400
    assert console.get(path).status_code == 303
    console.cookies.clear()
    assert console.get(path).status_code == 400
    assert "<script" not in console.get("/sign-in/openid/back?error=<script>").text.replace(
        '<script src="/static/keys.js"', ""
    )


def test_a_provider_that_is_down_is_said(console: TestClient, provider: TestProvider):
    """The entrance stays, with a reason."""
    provider.answers["/token"] = lambda handler: handler.send_error(500)
    answer = come_back(console, provider)
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
