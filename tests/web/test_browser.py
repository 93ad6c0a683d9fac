"""The console in a real browser, over a real demo: what an analyst does, and what they see.

The demo is a process of its own. `--refresh` keeps the screenshots for the documentation.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader

CHROMIUM = shutil.which("chromium")
IMAGES = Path(__file__).parents[2] / "docs" / "images"
WINDOWS = {"wide": (1280, 800), "narrow": (390, 844)}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")


class Demo(NamedTuple):
    """Where the console is, and who may come in."""

    address: str
    name: str
    password: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`stillwatch demo`, until the tests are done."""
    folder = tmp_path_factory.mktemp("browser") / "demo"
    command = [sys.executable, "-m", "stillwatch", "demo", "--out", str(folder)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        # A runner started in the background ignores SIGINT, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("http://127.0.0.1:"):
                break
        told = re.search(r"Sign in as (\S+), password (\S+), at", "".join(said))
        assert told, "".join(said)
        try:
            yield Demo(said[-1].strip().rstrip("/"), told[1], told[2])
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            finally:
                process.kill()
    assert process.returncode == 0


@pytest.fixture(scope="module", params=WINDOWS)
def page(request: pytest.FixtureRequest, demo: Demo) -> Iterator[Page]:
    """A window, wide or narrow, in which somebody has signed in."""
    width, height = WINDOWS[request.param]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        made = browser.new_page(viewport={"width": width, "height": height})
        made.goto(demo.address + "/")
        made.fill("#name", demo.name)
        made.fill("#password", demo.password)
        made.click("text=Sign in")
        made.wait_for_selector("nav.bar")
        yield made
        browser.close()


def keep(page: Page, name: str, refresh: bool) -> None:
    """A picture of the window, for the documentation where asked."""
    size = page.viewport_size
    assert size is not None
    kept = IMAGES / f"console-{name}-{'wide' if size['width'] > 800 else 'narrow'}.png"
    picture = page.screenshot(path=kept if refresh else None)
    assert len(picture) > 10_000


def fits(page: Page) -> bool:
    """Whether the page needs no sideways scrolling."""
    return page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_an_analyst_judges_the_largest_campaign(
    page: Page, demo: Demo, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """From the overview to a confirmed case, taken back, and its report as a file."""
    refresh = request.config.getoption("--refresh")
    page.goto(demo.address + "/")
    assert fits(page)
    keep(page, "overview", refresh)
    if page.locator("text=Open a case for").count():
        page.click("text=Open a case for")
        page.goto(demo.address + "/")
    page.click("table.rows tbody tr:first-child a.name")
    assert "Campaign 1" in page.title()
    assert fits(page)
    keep(page, "campaign", refresh)

    page.click("nav.tabs >> text=Links")
    page.click("text=Why they are linked >> nth=0")
    why = page.locator("ul.why li")
    assert "squared MMD" in why.first.inner_text()
    assert page.locator("section.half").count() == 2
    assert fits(page)
    keep(page, "link", refresh)

    page.click("nav.tabs >> text=Frames")
    for _ in range(40):
        if "being read" not in page.inner_text("main"):
            break
        page.wait_for_timeout(250)
        page.reload()
    assert page.locator("figure.text pre").count() > 1
    keep(page, "frames", refresh)
    assert fits(page)

    page.click("header.about >> text=/^Case \\d+$/")
    case = page.url.split("?")[0]
    if page.locator("button.to-in_review").count():
        page.fill("#reason", "Looked at the links and the frames.")
        page.click("button.to-in_review")
    page.fill("#reason", "Twins that no owner claims.")
    page.click("button.to-confirmed")
    assert page.inner_text("h1 .state") == "Confirmed"
    assert fits(page)
    keep(page, "case", refresh)
    page.fill("#reason", "A second look first.")
    page.click("text=Undo the last change of state")
    assert page.inner_text("h1 .state") == "In review"
    assert page.url.split("?")[0] == case

    with page.expect_download() as download:
        page.click("a:text-is('PDF')")
    path = tmp_path / "report.pdf"
    download.value.save_as(path)
    text = "".join(sheet.extract_text() for sheet in PdfReader(path).pages)
    assert "accounts" in text
    assert len(text) > 1000


def test_it_reads_without_scripts(demo: Demo, page: Page) -> None:
    """Pages hold all that they say: a browser without scripts shows the same words."""
    assert page.context.browser is not None
    plain = page.context.browser.new_context(java_script_enabled=False, viewport=page.viewport_size)
    other = plain.new_page()
    other.goto(demo.address + "/")
    other.fill("#name", demo.name)
    other.fill("#password", demo.password)
    other.click("text=Sign in")
    other.wait_for_selector("nav.bar")
    page.goto(demo.address + "/")
    assert other.inner_text("main") == page.inner_text("main")
    plain.close()


def test_keys_walk_the_rows(demo: Demo, page: Page) -> None:
    """j and k go from row to row, a slash to the search, g and a letter to a page."""
    page.goto(demo.address + "/campaigns/" + _first(page, demo) + "/members")
    page.keyboard.press("j")
    page.keyboard.press("j")
    at = "document.activeElement.closest('tr').rowIndex"
    assert page.evaluate(at) == 2
    page.keyboard.press("k")
    assert page.evaluate(at) == 1
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/cases")


def _first(page: Page, demo: Demo) -> str:
    page.goto(demo.address + "/")
    href = page.get_attribute("table.rows tbody tr:first-child a.name", "href")
    assert href
    return href.rsplit("/", 1)[1]


def test_no_serious_barrier(demo: Demo, page: Page) -> None:
    """axe, on every kind of page, light and dark."""
    from axe_playwright_python.sync_playwright import Axe

    first = _first(page, demo)
    page.goto(f"{demo.address}/campaigns/{first}/members")
    account = page.get_attribute("table.rows tbody a.id", "href")
    found = []
    paths = [
        "/", f"/campaigns/{first}", f"/campaigns/{first}/members", f"/campaigns/{first}/graph",
        f"/campaigns/{first}/frames", f"/campaigns/{first}/access", account, "/search?q=acc",
        "/cases", "/cases/1", "/decisions", "/ledger", "/me", "/people", "/nothing",
    ]  # fmt: skip
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in paths:
            page.goto(f"{demo.address}{path}")
            for one in Axe().run(page).response["violations"]:
                if one["impact"] in ("serious", "critical"):
                    found.append((scheme, path, one["id"], one["nodes"][0]["html"][:200]))
    assert not found, found
