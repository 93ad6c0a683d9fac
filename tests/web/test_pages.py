"""The pages: what they say, what they refuse, and that nothing from a log comes alive on them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stillwatch.cases import Store, comment, get_case, open_cases
from stillwatch.cases.access import Role, add_person
from stillwatch.web.app import create_app
from stillwatch.web.settings import Settings
from tests import fabricated
from tests.web.conftest import HOST, PASSWORD, Browser, csrf, send

Browse = Callable[[str | None], Browser]
CAMPAIGN = "/campaigns/cmp-4f1a90c2d7"

HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
    "\u202e\u2066\u200b\x1b[2J\x1b]0;x\x07\x00\r\n=cmd|' /C calc'!A0{{7*7}}${7*7}<svg/onload=1>"
)


class Parts(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text.append(data)


def parts(html: str) -> Parts:
    """A page read as a browser would."""
    made = Parts()
    made.feed(html)
    return made


def check_inert(html: str) -> None:
    """No element, attribute or character but those that templates have."""
    found = parts(html)
    scripts = [attrs for tag, attrs in found.elements if tag == "script"]
    assert [attrs.get("src") for attrs in scripts] in ([], ["/static/keys.js"])
    for tag, attrs in found.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "style"}, tag
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        assert "style" not in attrs, (tag, attrs)
        for name in ("href", "src", "action", "formaction"):
            target = attrs.get(name)
            assert target is None or target.startswith(("/", "#", "?")), (tag, target)
            assert not (target or "").startswith("//")
    shown = "".join(found.text)
    bad = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs"}} - {"\n", "\t"}
    assert not bad, bad
    for tag, attrs in found.elements:
        for name, value in attrs.items():
            if name not in {"value", "href"}:
                assert not {c for c in value or "" if unicodedata.category(c) in {"Cc", "Cf"}}, tag


def everything(browser: Browser, campaign: str, account: str) -> dict[str, str]:
    """Every page that shows text of logs or of people."""
    quoted = {"id": account}
    other = {"one": account, "other": account}
    pages = {
        "/": {},
        campaign: {},
        f"{campaign}/members": {},
        f"{campaign}/graph": {"around": account},
        f"{campaign}/link": other,
        f"{campaign}/frames": {},
        f"{campaign}/access": {},
        "/account": quoted,
        "/search": {"q": account},
        "/cases": {"show": "all", "tagged": "x"},
        "/cases/1": {},
        "/decisions": {},
        "/gateway": {},
        "/ledger": {},
        "/me": {},
        "/people": {},
    }
    return {path: browser.get(path, params=params).text for path, params in pages.items()}


def test_every_page_answers_and_is_inert(browse: Browse, app: FastAPI):
    """With ordinary findings: status, a title, one heading of the first rank, a way to skip."""
    held = app.state.desk.held
    account = held.story.campaigns[0].members[0]["account_id"]
    browser = browse("administrator")
    for path, html in everything(browser, CAMPAIGN, account).items():
        check_inert(html)
        tags = [tag for tag, _ in parts(html).elements]
        assert tags.count("h1") == 1, path
        assert "main" in tags
        assert 'class="skip"' in html


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A console whose findings, cases and people say the worst in every field."""
    made = tmp_path_factory.mktemp("hostile")
    found = fabricated.findings(HOSTILE)
    found.save(made / "findings")
    store = Store.open(made / "cases.db", create=True)
    name = "<b>eve</b>"
    add_person(store, name, Role.ADMINISTRATOR, name, PASSWORD)
    open_cases(store, found, name + "\u202e")
    comment(store, get_case(store, 1).seen, HOSTILE.replace("\x00", ""), name)
    store.close()
    client = TestClient(
        create_app(Settings(made / "findings", str(made / "cases.db"))),
        base_url=HOST,
        follow_redirects=False,
    )
    assert client.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


def test_hostile_text_is_inert_on_every_page(hostile: TestClient):
    """Scripts, overrides, escapes, formulas and templates in every text field of the findings."""
    desk = hostile.app.state.desk  # pyright: ignore[reportAttributeAccessIssue]
    account = desk.held.story.campaigns[0].members[0]["account_id"]
    assert "<script>" in account
    pages = everything(hostile, CAMPAIGN, account)
    for html in pages.values():
        check_inert(html)
    assert "alert(1)" in pages["/account"]
    without_secrets = re.sub(r'value="[0-9a-f]{64}"', "", pages["/account"])
    assert "49" not in without_secrets.replace("490", "")
    link = desk.held.panel("cmp-4f1a90c2d7").strongest[0]
    sides = {"one": link["account_a"], "other": link["account_b"]}
    answer = hostile.get(f"{CAMPAIGN}/link", params=sides)
    assert answer.status_code == 200
    check_inert(answer.text)
    refused = hostile.get("/account", params={"id": HOSTILE})
    assert refused.status_code == 404
    check_inert(refused.text)


def test_hostile_text_is_inert_in_sheets(hostile: TestClient):
    """No cell that begins as a formula does, no control character, as many rows as members."""
    import csv

    lines = hostile.get(f"{CAMPAIGN}/members.csv").text
    rows = list(csv.reader(lines.splitlines()))
    assert len(rows) == 211
    for row in rows:
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@"))
            assert not {c for c in cell if unicodedata.category(c) in {"Cc", "Cf"}}


def test_a_megabyte_in_one_line_is_cut(tmp_path: Path):
    """An account's id and a summary of a megabyte each: every page that shows them stays small."""
    found, long = fabricated.findings(), "x" * 1_000_000
    name = found.members["account_id"][0].as_py()

    def longer(table: pa.Table, column: str) -> pa.Table:
        values = [long if value == name else value for value in table[column].to_pylist()]
        return table.set_column(
            table.schema.names.index(column), table.schema.field(column), [values]
        )

    summaries = [long] * found.campaigns.num_rows
    campaigns = found.campaigns.set_column(
        found.campaigns.schema.names.index("summary"), "summary", pa.array(summaries)
    )
    one = replace(
        found,
        campaigns=campaigns,
        members=longer(found.members, "account_id"),
        accounts=longer(found.accounts, "account_id"),
    )
    one.save(tmp_path / "findings")
    store = Store.open(tmp_path / "cases.db", create=True)
    add_person(store, "a", Role.ADMINISTRATOR, "a", PASSWORD)
    open_cases(store, one, "a")
    store.close()
    app = create_app(Settings(tmp_path / "findings", str(tmp_path / "cases.db")))
    client = TestClient(app, base_url=HOST, follow_redirects=False)
    client.post("/sign-in", data={"name": "a", "password": PASSWORD})
    for path in ("/", CAMPAIGN, f"{CAMPAIGN}/members", "/cases", "/cases/1", "/search?q=xxxx"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert len(answer.text.replace(quote(long), "")) < 300_000, path


def test_members_are_sorted_filtered_and_paged(browse: Browse, app: FastAPI):
    """By each column, both ways; a part of an id; pages that don't exist are empty, not errors."""
    browser = browse("viewer")
    members = app.state.desk.held.story.campaigns[0].members
    html = browser.get(f"{CAMPAIGN}/members", params={"sort": "confidence", "order": "down"}).text
    shown = [m["account_id"] for m in sorted(members, key=lambda m: -m["confidence"])][:100]
    at = [html.index(name) for name in shown]
    assert at == sorted(at)
    one = members[7]["account_id"]
    assert one in browser.get(f"{CAMPAIGN}/members", params={"like": one[4:]}).text
    assert "0 accounts that hold" in browser.get(f"{CAMPAIGN}/members", params={"like": "%_("}).text
    assert browser.get(f"{CAMPAIGN}/members", params={"page": 9000}).status_code == 200
    assert browser.get(f"{CAMPAIGN}/members", params={"page": 0}).status_code == 422


def test_search_finds_accounts_indicators_and_prompts(browse: Browse, app: FastAPI):
    """A part of an id, a key, and nothing at all."""
    browser = browse("viewer")
    held = app.state.desk.held
    account = held.story.campaigns[0].members[0]["account_id"]
    assert account in browser.get("/search", params={"q": account[:9]}).text
    key = held.objects("cmp-4f1a90c2d7")[0]["object_id"]
    assert "5 members" in send(browser, "/search", q=key).text
    nothing = browser.get("/search", params={"q": "no such thing as this one"}).text
    assert "No account’s id holds that" in nothing
    assert "No campaign or network shares that" in nothing


def test_a_case_goes_through_its_states(browse: Browse, app: FastAPI):
    """Reviewed, confirmed, undone; each act is in the history, with its reason."""
    browser = browse("analyst")
    for seen, to in ((1, "in_review"), (2, "confirmed")):
        done = send(browser, "/cases/1/state", seen=seen, to=to, reason=f"because of {to}")
        assert done.headers["location"] == "/cases/1?done=state"
    assert get_case(app.state.desk.store, 1).state == "confirmed"
    assert send(browser, "/cases/1/undo", seen=3, reason="too soon").status_code == 303
    assert get_case(app.state.desk.store, 1).state == "in_review"
    html = browser.get("/cases/1?done=undo").text
    for words in ("because of confirmed", "too soon", "The last change of state was taken back"):
        assert words in html


def test_two_at_once_get_one_clear_conflict(browse: Browse, app: FastAPI):
    """The second is told who acted, keeps what they wrote, and nothing is lost."""
    one, two = browse("analyst"), browse("lead")
    assert send(one, "/cases/1/comment", seen=1, text="first").status_code == 303
    late = send(two, "/cases/1/comment", seen=1, text="my long comment")
    assert late.status_code == 409
    assert "Nothing was done." in late.text
    assert "analyst changed it" in late.text
    assert "my long comment" in late.text
    assert send(two, "/cases/1/comment", seen=2, text="my long comment").status_code == 303


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/cases/1/state", {"seen": 1, "to": "deleted", "reason": "x"}, 400),
        ("/cases/1/state", {"seen": "one", "to": "in_review", "reason": "x"}, 400),
        ("/cases/1/state", {"seen": 1, "to": "confirmed", "reason": "x"}, 422),
        ("/cases/1/state", {"seen": 1, "to": "in_review", "reason": "   "}, 422),
        ("/cases/99/state", {"seen": 1, "to": "in_review", "reason": "x"}, 404),
        ("/cases/1/snooze", {"seen": 1, "days": "-1"}, 400),
        ("/cases/1/tag", {"seen": 1, "tag": "x" * 65}, 422),
        ("/cases/0/comment", {"seen": 1, "text": "x"}, 422),
    ],
)
def test_what_can_not_be_done_is_refused_clearly(
    path: str, fields: dict, status: int, browse: Browse, app: FastAPI
):
    """And nothing is done."""
    before = get_case(app.state.desk.store, 1)
    answer = send(browse("analyst"), path, **fields)
    assert answer.status_code == status, answer.text
    assert get_case(app.state.desk.store, 1) == before


def test_bulk_enforcement_needs_a_second_person(browse: Browse, app: FastAPI):
    """210 accounts: proposed with their number, not in force until somebody else approves."""
    one, two = browse("lead"), browse("second")
    send(one, "/cases/1/state", seen=1, to="in_review", reason="mine")
    send(one, "/cases/1/state", seen=2, to="confirmed", reason="sure")
    page = one.get("/cases/1").text
    assert "<b>210 accounts</b>" in page
    told = {"action": "throttle", "days": 30, "reason": "stop it", "whom": "all"}
    assert send(one, "/cases/1/enforcements", seen=3, **told).status_code == 303
    api = app.state.desk.store
    from stillwatch.cases.enforcement import decisions, list_enforcements

    (made,) = list_enforcements(api)
    assert decisions(api) == []
    assert "Somebody else must approve it." in one.get("/decisions").text
    own = send(one, "/enforcements/1/approve", seen=made.version, reason="me")
    assert own.status_code == 403
    assert send(two, "/enforcements/1/approve", seen=made.version, reason="yes").status_code == 303
    assert len(decisions(api)) == 210
    late = send(two, "/enforcements/1/decline", seen=made.version, reason="no")
    assert late.status_code in (409, 422)


def test_findings_that_are_written_anew_are_shown(browse: Browse, app: FastAPI, monkeypatch):
    """Without a restart; and a folder that is broken leaves the old ones up, and says so."""
    import time

    monkeypatch.setattr("stillwatch.web.held.LOOK_AGAIN_S", 0.0)
    folder = app.state.desk.settings.findings
    browser = browse("viewer")
    before = (folder / "members.parquet").read_bytes()
    try:
        fabricated.empty().save(folder)
        browser.get("/")
        deadline = time.monotonic() + 20
        while "0 campaigns" not in browser.get("/").text and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "0 campaigns" in browser.get("/").text
        (folder / "members.parquet").write_bytes(b"torn")
        (folder / "run.json").write_text("{}")
        while "can’t be read" not in browser.get("/").text and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "can’t be read as it is now" in browser.get("/").text
    finally:
        fabricated.findings().save(folder)
    assert (folder / "members.parquet").read_bytes() == before


def test_a_form_that_was_made_before_signing_in_again_is_refused(browse: Browse):
    """The secret of an ended session is worth nothing in the next one."""
    browser = browse("analyst")
    old = csrf(browser)
    assert send(browser, "/sign-out").headers["location"] == "/sign-in"
    browser.post("/sign-in", data={"name": "analyst", "password": PASSWORD})
    sent = {"csrf": old, "seen": "1", "text": "x"}
    assert browser.post("/cases/1/comment", data=sent).status_code == 403
