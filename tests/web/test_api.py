"""The API: what schemathesis finds, and that no token does more than its role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from stillwatch.cases import get_case
from stillwatch.cases.access import Role, disable, make_token, revoke_token
from stillwatch.web.app import create_app
from stillwatch.web.rights import RIGHTS
from stillwatch.web.settings import Settings
from tests.web.conftest import HOST

Header = Callable[[Role], dict[str, str]]


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A console of this module's own, that answers by the name that schemathesis asks for."""
    made = tmp_path_factory.mktemp("api")
    (made / "cases.db").write_bytes((folder / "cases.db").read_bytes())
    app = create_app(Settings(folder / "findings", str(made / "cases.db"), hosts=("testserver",)))
    yield app
    app.state.desk.close()


@pytest.fixture(scope="module")
def described(served: FastAPI):
    """The API as its own description has it."""
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", served)


@pytest.mark.parametrize(
    ("method", "path"), sorted(route for route in RIGHTS if route[1].startswith("/api/v1/"))
)
def test_no_request_breaks_it(method: str, path: str, described, served: FastAPI):
    """No 5xx, no status and no shape but those that are described, by every role's token.

    Requests are what schemathesis makes of the description, right and wrong ones.
    """
    if path.endswith("openapi.json"):
        assert served.openapi()["paths"]
        return
    sent = set()

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path][method].as_strategy())
    def try_it(case: schemathesis.Case) -> None:
        for role, secret in _tokens(served).items():
            case.call_and_validate(headers={"Authorization": f"Bearer {secret}"})
            sent.add(role)

    try_it()
    assert sent == set(Role)


def _tokens(app: FastAPI) -> dict[Role, str]:
    if not hasattr(app.state, "test_tokens"):
        store = app.state.desk.store
        app.state.test_tokens = {
            role: make_token(store, str(role), "test", role, 1, str(role)) for role in Role
        }
    return app.state.test_tokens


@pytest.fixture
def api_client(app: FastAPI) -> TestClient:
    """A program."""
    return TestClient(app, base_url=HOST)


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}]
)
def test_without_a_good_token_nothing_is_told(header: dict[str, str], api_client: TestClient):
    """And the answer says how to send one."""
    answer = api_client.get("/api/v1/cases", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_ends_with_its_owner_and_when_it_is_revoked(
    api_client: TestClient, app: FastAPI, token: Header
):
    """At once."""
    store = app.state.desk.store
    header = token(Role.ANALYST)
    assert api_client.get("/api/v1/cases", headers=header).status_code == 200
    disable(store, "analyst", "administrator")
    assert api_client.get("/api/v1/cases", headers=header).status_code == 401
    header = token(Role.LEAD)
    revoke_token(store, 2, "lead")
    assert api_client.get("/api/v1/cases", headers=header).status_code == 401


def test_a_cookie_opens_no_api(browse, app: FastAPI):
    """So that no page of another site can make a browser use it."""
    assert browse("administrator").get("/api/v1/cases").status_code == 401


def test_a_program_reviews_a_case(api_client: TestClient, app: FastAPI, token: Header):
    """Reads it, acts on the version that it saw, and is refused on an old one."""
    header = token(Role.ANALYST)
    case = api_client.get("/api/v1/cases/1", headers=header).json()
    act = {"seen": case["version"], "reason": "mine", "to": "in_review"}
    done = api_client.post("/api/v1/cases/1/state", headers=header, json=act)
    assert done.json()["state"] == "in_review"
    late = api_client.post("/api/v1/cases/1/state", headers=header, json=act)
    assert late.status_code == 409
    assert "changed it" in late.json()["error"]
    assert get_case(app.state.desk.store, 1).changed_by == "analyst"
    past = api_client.get("/api/v1/cases/1/history", headers=header).json()
    assert [entry["act"] for entry in past] == ["open", "review"]


def test_what_pages_tell_is_told(api_client: TestClient, token: Header):
    """Campaigns, members a part at a time, an account, a search."""
    header = token(Role.VIEWER)

    def get(path: str, **params: object):
        answer = api_client.get(f"/api/v1{path}", headers=header, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    campaigns = get("/campaigns")
    assert [c["kind"] for c in campaigns].count("distillation") == get("/summary")["campaigns"] == 3
    name = campaigns[0]["campaign_id"]
    first, rest = (
        get(f"/campaigns/{name}/members", most=10),
        get(f"/campaigns/{name}/members", begin=10),
    )
    assert len(first) + len(rest) == campaigns[0]["accounts"]
    account = get("/account", id=first[0]["account_id"])
    assert account["memberships"][0]["campaign_id"] == name
    assert get("/search", q=first[0]["account_id"])["accounts"] == [first[0]["account_id"]]
    assert get(f"/campaigns/{name}/frames")[0]["accounts"] > 1
    assert get(f"/campaigns/{name}/objects")
    assert get(f"/campaigns/{name}/evidence")
