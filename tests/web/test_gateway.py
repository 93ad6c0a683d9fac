"""The page of the gateway: what it says, and that a trip can't be missed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stillwatch.cases.access import Person, Role
from stillwatch.cases.reversals import reverse
from stillwatch.ladder import Action
from stillwatch.policy import plan
from stillwatch.web.app import create_app
from stillwatch.web.settings import Settings
from tests.policy.made import DAY, KEY, NOW, case, known, members, policy
from tests.policy.published import publish
from tests.web.conftest import HOST, PASSWORD
from tests.web.test_pages import HOSTILE, check_inert, parts

Open = Callable[[Path], TestClient]
STAFF = [f"staff-{i}" for i in range(200)]


@pytest.fixture
def opened(settings: Settings) -> Iterator[Open]:
    """Makes a console over a gateway's folder, with a viewer signed in."""
    made: list[FastAPI] = []

    def browser(gate: Path) -> TestClient:
        app = create_app(Settings(settings.findings, settings.store, gate=gate))
        made.append(app)
        client = TestClient(app, base_url=HOST, follow_redirects=False)
        client.post("/sign-in", data={"name": "viewer", "password": PASSWORD})
        return client

    yield browser
    for app in made:
        app.state.desk.close()


def text_of(html: str) -> str:
    """The text of a page, white space as one blank."""
    return " ".join(" ".join(parts(html).text).split())


def test_a_trip_is_on_every_page_and_first_on_its_own(opened: Open, tmp_path: Path) -> None:
    """Which bound, whom, and what to do, above all else; with links to the case."""
    org = "Initech & Söhne"
    rows = members(STAFF, org=org)
    facts = known(rows, others=1000, cases=case("open", 2))
    made = plan(facts, policy({"breaker.share_of_org": 0.5}), NOW, KEY)
    browser = opened(publish(tmp_path / "gate", made))
    html = browser.get("/gateway").text
    check_inert(html)
    said = text_of(html)
    assert said.index("Stopped: nothing new is in force") < said.index("Policy made, version 3")
    assert f"Rules would act on 200 accounts of organisation {org}" in said
    assert "Decide case 2" in said
    assert 'href="/cases/2"' in html
    for path in ("/", "/cases", "/decisions"):
        page = browser.get(path).text
        assert "The breaker has stopped the last plan" in page
        assert 'href="/gateway"' in page


def test_what_is_decided_and_how_much_of_the_budgets(opened: Open, tmp_path: Path) -> None:
    """Of a dry run; no banner where nothing tripped."""
    facts = known(members([f"a-{i}" for i in range(30)]))
    made = plan(facts, policy({"budget.accounts_a_day": 20}, live=False), NOW, KEY)
    browser = opened(publish(tmp_path / "gate", made))
    html = browser.get("/gateway").text
    said = text_of(html)
    assert "dry run all is decided, nothing is done" in said
    assert "would be in force deny all 20" in said
    assert "held deny all 10" in said
    assert "Accounts newly acted on in 24 hours 20 20" in said
    assert "Stopped" not in said
    assert made.policy.digest in said
    assert "breaker has stopped" not in browser.get("/").text


def test_no_gateway_no_plan_and_a_damaged_one(opened: Open, app: FastAPI, tmp_path: Path) -> None:
    """Each is said as what it is, and other pages go on."""
    gate = tmp_path / "gate"
    gate.mkdir()
    browser = opened(gate)
    assert "Nothing is published yet" in browser.get("/gateway").text
    for content in ("{", "[]", "3", '{"policy": {}}', "[" * 100_000, "\xff"):
        (gate / "plan.json").write_text(content)
        answer = browser.get("/gateway")
        assert answer.status_code == 200
        assert "can’t be shown" in answer.text
        assert browser.get("/").status_code == 200
    client = TestClient(app, base_url=HOST)
    client.post("/sign-in", data={"name": "viewer", "password": PASSWORD})
    assert "The console knows no gateway" in client.get("/gateway").text


def test_hostile_text_is_inert(opened: Open, tmp_path: Path) -> None:
    """Names of policies, rules and organisations, reasons and accounts."""
    facts = known(members(STAFF, org=HOSTILE), others=1000)
    rules = '[[rules]]\nname = "<b>r</b>"\naction = "deny"\nfor_days = 3\nreason = "<i>x</i>"\n'
    made = plan(facts, policy({"breaker.share_of_org": 0.5}, rules=rules), NOW, KEY)
    gate = publish(tmp_path / "gate", made)
    told = json.loads((gate / "plan.json").read_text())
    told["policy"]["name"] = told["trips"][0]["todo"] = HOSTILE
    told["trips"][0]["campaigns"] = [HOSTILE]
    (gate / "plan.json").write_text(json.dumps(told))
    browser = opened(gate)
    store = browser.app.state.desk.store  # pyright: ignore[reportAttributeAccessIssue]
    by = Person("lea", Role.LEAD)
    why = HOSTILE.replace("\x00", "")
    reverse(store, "d1", HOSTILE, Action.DENY, "<b>", None, by, why, NOW + 3650 * DAY)
    for path in ("/gateway", "/"):
        answer = browser.get(path)
        assert answer.status_code == 200
        check_inert(answer.text)


def test_the_api_tells_the_same(
    settings: Settings, tmp_path: Path, token: Callable[[Role], dict[str, str]], app: FastAPI
) -> None:
    """The record as it is; without a gateway there is none."""
    client = TestClient(app, base_url=HOST)
    headers = token(Role.VIEWER)
    answer = client.get("/api/v1/gateway", headers=headers)
    assert (answer.status_code, "no gateway" in answer.json()["error"]) == (404, True)
    made = plan(known(members(["a"])), policy(), NOW, KEY)
    gate = publish(tmp_path / "gate", made)
    other = create_app(Settings(settings.findings, settings.store, gate=gate))
    told = TestClient(other, base_url=HOST).get("/api/v1/gateway", headers=headers).json()
    assert told == json.loads(json.dumps({**made.record(), "table_version": 1}))
    (gate / "plan.json").unlink()
    answer = TestClient(other, base_url=HOST).get("/api/v1/gateway", headers=headers)
    assert answer.status_code == 503
    other.state.desk.close()
