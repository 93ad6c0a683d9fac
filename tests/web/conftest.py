"""A console over findings made by hand, and somebody of every role."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stillwatch.cases import Store, open_cases
from stillwatch.cases.access import Role, add_person, make_token
from stillwatch.web.app import create_app
from stillwatch.web.settings import Settings
from tests import fabricated

PASSWORD = "correct horse battery staple"
HOST = "http://127.0.0.1:8420"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Findings, and a store in which the administrator has let in somebody of every role."""
    made = tmp_path_factory.mktemp("console")
    found = fabricated.findings()
    found.save(made / "findings")
    store = Store.open(made / "cases.db", create=True)
    for role in reversed(Role):
        add_person(store, str(role), role, str(Role.ADMINISTRATOR), PASSWORD)
    add_person(store, "second", Role.LEAD, str(Role.ADMINISTRATOR), PASSWORD)
    open_cases(store, found, "analyst")
    store.close()
    return made


@pytest.fixture
def settings(folder: Path, tmp_path: Path) -> Settings:
    """A console of its own over that, whose store nothing else writes to."""
    (tmp_path / "cases.db").write_bytes((folder / "cases.db").read_bytes())
    return Settings(folder / "findings", str(tmp_path / "cases.db"))


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    """The console."""
    made = create_app(settings)
    yield made
    made.state.desk.close()


Browser = TestClient


@pytest.fixture
def browse(app: FastAPI) -> Callable[[str | None], Browser]:
    """Makes a browser: of somebody who is signed in, or of nobody."""

    def made(name: str | None) -> Browser:
        client = TestClient(app, base_url=HOST, follow_redirects=False)
        if name is not None:
            answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client

    return made


def csrf(browser: Browser, path: str = "/me") -> str:
    """The secret that the forms of a session carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


def send(browser: Browser, path: str, **fields: object):
    """Send a form as a page of the console would."""
    return browser.post(path, data={"csrf": csrf(browser), **fields})


@pytest.fixture
def token(app: FastAPI) -> Callable[[Role], dict[str, str]]:
    """Makes the header of an API request by somebody of a role."""

    def made(role: Role) -> dict[str, str]:
        secret = make_token(app.state.desk.store, str(role), "test", role, 1, str(role))
        return {"Authorization": f"Bearer {secret}"}

    return made
