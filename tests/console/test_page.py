"""The page tells the findings, asks for nothing, and is safe whatever the log says."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stillwatch.console import page, write_page
from stillwatch.findings import Findings
from tests import fabricated

HOSTILE = "</title><script>alert(1)</script>\x1b[2J\u202e\u2028{{7*7}}\"'><img src=x onerror=y>"
VOID = {"meta", "link", "br", "img", "input", "hr", "line", "circle", "rect"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check the order."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect."""
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def read(html: str) -> Reader:
    """`html`, parsed; fails on tags that don't nest."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


def words(html: str) -> str:
    """The text that a person sees, white space made single."""
    return re.sub(r"\s+", " ", " ".join(read(html).text))


@pytest.fixture(scope="module")
def found() -> Findings:
    """Three campaigns and a network."""
    return fabricated.findings()


def test_it_says_what_was_found_and_why(found: Findings) -> None:
    """Headline, aims, evidence for and against, the turn to a new model, and who isn't flagged."""
    text = words(page(found))
    assert "3 campaigns found among 1,212 accounts" in text
    assert "276 accounts (23%) are flagged" in text
    assert "Coding, tool use and agentic reasoning" in text
    assert "Reasoning traces and grading" in text
    assert "210 accounts draw their prompts from one distribution" in text
    assert "over a trillion to 1" in text
    assert "A fleet of one owner would explain 40% of the evidence" in text
    assert "1 more explanation would explain none of the evidence A class of students" in text
    assert "On 4 Feb 2026 it turned to still-2 : 52%" in text
    assert "Networks that share access: not flagged" in text
    assert "90 of 210 accounts drawn" in text


def test_simulated_traffic_is_said_to_be_so(found: Findings) -> None:
    """The notice is there for a world, and only for a world."""
    assert "Simulated traffic." in words(page(found))
    assert "Simulated traffic." not in words(page(fabricated.findings(world=False)))


def test_a_log_without_campaigns_has_a_page_too() -> None:
    """Nothing found is said in a sentence, without empty charts."""
    html = page(fabricated.empty())
    assert "No campaign found among 5 accounts" in words(html)
    assert "other traffic" not in words(html)
    assert "svg" not in read(html).tags


def test_what_a_log_lacked_is_said() -> None:
    """The run's notes are on the page, hostile or not, and nothing where there are none."""
    found = fabricated.findings()
    assert "What to know of this run" not in words(page(found))
    found.run["notes"] = ["Only 20% of exchanges have text.", "<b>bold</b>"]
    told = words(page(found))
    assert "Only 20% of exchanges have text." in told
    assert "<b>bold</b>" in told


def test_what_was_only_absorbed_is_said() -> None:
    """How many exchanges, and since when; nothing where all was judged, or where it isn't known."""
    found = fabricated.findings()
    judged = {"exchanges": 90_000, "until": "2026-06-02T23:59:25+00:00", "absorbed": 1234}
    found.run["judged"] = judged
    told = words(page(found))
    assert "up to 2026-06-02. The 1,234 that came since were absorbed" in told
    for nothing in ({**judged, "absorbed": 0}, {**judged, "absorbed": "<b>"}, {}, None, "x"):
        found.run["judged"] = nothing
        assert "absorbed" not in words(page(found))


def test_it_asks_for_nothing(found: Findings) -> None:
    """No script, no style sheet, image or font from elsewhere; links stay on the page."""
    html = page(found)
    reader = read(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "src"]
    assert all(value.startswith("#") for name, value in reader.attributes if name == "href")
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert len(html) < 400_000


def test_hostile_text_is_shown_and_does_nothing() -> None:
    """Markup, control and bidirectional characters of a log reach the page only as escapes."""
    html = page(fabricated.findings(hostile=HOSTILE))
    reader = read(html)
    assert not {"script", "img"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert not set("\x1b\u202e\u2028") & set(html)
    shown = "".join(reader.text)
    assert "<script>alert(1)</script>\\x1b[2J\\u202e\\u2028{{7*7}}" in shown


def test_pictures_have_names_and_tables_beside_them(found: Findings) -> None:
    """Every drawing is labelled for those who can't see it; the numbers are there as tables."""
    html = page(found)
    drawings = re.findall(r"<svg[^>]*>", html)
    assert drawings
    assert all("aria-label=" in tag or "aria-hidden=" in tag for tag in drawings)
    assert "The same as a table" in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_the_same_findings_make_the_same_page(found: Findings, tmp_path: Path) -> None:
    """Whatever the order of rows, byte for byte; and `write_page` writes that page."""
    shuffled = dataclasses.replace(
        found,
        **{
            name: getattr(found, name).take(list(range(getattr(found, name).num_rows))[::-1])
            for name in ("campaigns", "members", "evidence", "daily", "links", "accounts")
        },
    )
    assert page(shuffled) == page(found)
    path = write_page(found, tmp_path / "deep" / "page.html")
    assert path.read_text(encoding="utf-8") == page(found)
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]
