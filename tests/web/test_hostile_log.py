"""A log that is hostile in every text field, from ingest to every page, file and terminal."""

from __future__ import annotations

import csv
import subprocess
import sys
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

import stillwatch as sw
from stillwatch.cases import Store, list_cases, open_cases
from stillwatch.cases.access import Role, add_person
from stillwatch.tables import EXCHANGES
from stillwatch.web.app import create_app
from stillwatch.web.settings import Settings
from tests.web.conftest import HOST, PASSWORD
from tests.web.test_pages import HOSTILE, check_inert

KEPT = {"exchange_id", "account_id", "org_id", "conversation_id", "ip", "surface"}
"""Columns by which exchanges belong together: they get the hostile text at their end."""

WRITTEN = {"system", "prompt", "response", "user_agent"}
"""Columns that clients write freely: each has secrets in it."""

SECRETS = " key sk-ant-api03-Zq9Zq9Zq9Zq9Zq9Zq9 of ana.qzx@mail.example, 4111 1111 1111 1111 "
BARE = ("Zq9Zq9", "qzx@", "1111 1111")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TestClient]:
    """A small world whose every text is hostile, detected, and a console over it."""
    folder = tmp_path_factory.mktemp("hostile-log")
    sw.make_world("plain", folder / "plain", scale=0.002, seed=5)
    log = folder / "log" / "exchanges"
    log.mkdir(parents=True)
    for path in sorted((folder / "plain" / "exchanges").glob("*.parquet")):
        table = pq.read_table(path)
        for name in table.schema.names:
            if pa.types.is_string(EXCHANGES.field(name).type):
                values = table[name].cast(pa.string()).to_pylist()
                told = [None if v is None else _hostile(name, v) for v in values]
                field = pa.field(name, pa.string())
                table = table.set_column(
                    table.schema.names.index(name), field, pa.array(told, pa.string())
                )
        pq.write_table(table, log / path.name)
    sw.ingest([folder / "log"], lake=folder / "lake")
    found = sw.detect(folder / "lake", out=folder / "findings")
    assert found.campaigns.num_rows
    store = Store.open(folder / "cases.db", create=True)
    add_person(store, "ana", Role.ADMINISTRATOR, "ana", PASSWORD)
    open_cases(store, found, "ana")
    store.close()
    settings = Settings(folder / "findings", str(folder / "cases.db"), folder / "lake")
    client = TestClient(create_app(settings), base_url=HOST, follow_redirects=False)
    client.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    return folder, client


def _hostile(name: str, value: str) -> str:
    if name in WRITTEN:
        value += SECRETS
    if name in KEPT:
        return value + HOSTILE
    return HOSTILE + value if name != "prompt" else value + HOSTILE + "y" * (len(value) % 97)


def test_every_page_of_it_is_inert(made: tuple[Path, TestClient]):
    """With texts read from the log; reports too."""
    _, client = made
    desk = client.app.state.desk  # pyright: ignore[reportAttributeAccessIssue]
    while desk.texts.reading:
        client.get("/healthz")
    chapter = desk.held.story.campaigns[0]
    account, at = chapter.members[0]["account_id"], f"/campaigns/{chapter.campaign_id}"
    assert "<script>" in account
    pages = ["/", at, f"{at}/members", f"{at}/graph", f"{at}/frames", f"{at}/access", "/cases"]
    pages += ["/cases/1", "/decisions", "/ledger", "/search?q=acc"]
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        check_inert(answer.text)
        assert not [secret for secret in BARE if secret in answer.text], path
    answer = client.get("/account", params={"id": account})
    check_inert(answer.text)
    frames = client.get(f"{at}/frames").text
    assert "alert(1)" in frames
    assert "[email]" in frames
    assert "[email]" in client.get(f"{at}/access").text
    rows = list(csv.reader(client.get(f"{at}/members.csv").text.splitlines()))
    assert len(rows) == len(chapter.members) + 1
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@"))
        assert not {c for c in cell if unicodedata.category(c) in {"Cc", "Cf"}}
    for case in list_cases(desk.store):
        for form in ("md", "html", "pdf"):
            report = client.get(f"/cases/{case.case_id}/report.{form}")
            assert report.status_code == 200
            assert not [secret for secret in BARE if secret.encode() in report.content]
        html = client.get(f"/cases/{case.case_id}/report.html").text
        assert "<script" not in html
        assert "<img" not in html


def test_every_command_is_inert(made: tuple[Path, TestClient]):
    """What the terminal gets holds no escape and no override."""
    folder, client = made
    desk = client.app.state.desk  # pyright: ignore[reportAttributeAccessIssue]
    account = desk.held.story.campaigns[0].members[0]["account_id"].replace("\0", "")
    findings = str(folder / "findings")
    for command in (
        ["show", findings],
        ["show", findings, "1"],
        ["explain", findings, account],
        ["cases", "list", "--store", str(folder / "cases.db")],
        ["cases", "show", "1", "--store", str(folder / "cases.db")],
    ):
        ran = subprocess.run(
            [sys.executable, "-m", "stillwatch", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        shown = ran.stdout + ran.stderr
        assert not [secret for secret in BARE if secret in shown], command
        bad = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Co"}} - {"\n", "\t"}
        assert not bad, (command, bad)
