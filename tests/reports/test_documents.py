"""What leaves the house: figures that can be recomputed, nobody named, nothing that comes alive."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pyarrow as pa
import pytest
from markdown_it import MarkdownIt
from pypdf import PdfReader

from stillwatch import tables
from stillwatch.cases import Store, change_state, get_case, history, open_cases
from stillwatch.cases.case import Case
from stillwatch.cases.ledger import Entry
from stillwatch.cases.states import State
from stillwatch.console.story import tell
from stillwatch.errors import UnknownName
from stillwatch.findings import Findings
from stillwatch.reports import (
    Document,
    Sample,
    appeal_pack,
    as_html,
    as_markdown,
    as_pdf,
    recompute,
    report,
)
from stillwatch.reports.appeal import AGAINST
from stillwatch.reports.disclosure import _figures
from tests import fabricated

HOSTILE = (
    "</title><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\u2066\u200b\x1b[2J\x07"
    "\r\n\r\n# x\n| a | b |\n![i](http://evil.example/x.png)[l](javascript:1)`c`"
    "#panic(1) $x$ @ref =cmd|' /C calc'!A0 http://evil.example/ www.evil.example \\u{41}"
)


def reviewed(findings: Findings) -> tuple[Case, list[Entry]]:
    """The first case of some findings, confirmed by two acts."""
    store = Store.open("file::memory:" if False else ":memory:", create=True)
    open_cases(store, findings, "ana")
    change_state(store, get_case(store, 1).seen, State.IN_REVIEW, "ben", "mine")
    change_state(store, get_case(store, 1).seen, State.CONFIRMED, "ben", "sure of it")
    made = get_case(store, 1), list(history(store, 1))
    store.close()
    return made


@pytest.fixture(scope="module")
def findings() -> Findings:
    """Findings made by hand."""
    return fabricated.findings(world=False)


@pytest.fixture(scope="module")
def told(findings: Findings) -> Document:
    """The report on its first case, with a sample."""
    case, entries = reviewed(findings)
    prompt = "Solve it. My key is sk-abcdefghijklmnop1234, mail eve@example.com."
    return report(findings, case, entries, {"ex-1": Sample(prompt, None, {})})


def words_of(pdf: bytes) -> str:
    """The text of a PDF, on one line."""
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", " ", " ".join(pages))


class Text(HTMLParser):
    """Elements and text of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append(tag)
        self.attributes += attrs
        self._in_style = tag == "style"

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self._in_style:
            self.text.append(data)


def parsed(html: str) -> Text:
    """HTML read as a browser would."""
    made = Text()
    made.feed(html)
    return made


def test_every_figure_of_the_appendix_can_be_recomputed(findings: Findings, told: Document):
    """From the tables, by what the appendix says; and the text has the same numbers."""
    chapter = tell(findings).campaigns[0]
    figures = _figures(findings, chapter)
    assert len(figures) > 8
    for figure in figures:
        assert recompute(findings, figure) == figure.value, figure
    appendix = next(s for s in told.sections if s.heading.startswith("Figures"))
    rows = appendix.blocks[0].rows  # pyright: ignore[reportAttributeAccessIssue]
    assert [row[:2] for row in rows] == [(f.name, f"{f.value:,}") for f in figures]
    told_numbers = as_markdown(told)
    assert f"{chapter.accounts:,} accounts made {chapter.exchanges:,} exchanges" in told_numbers


def test_the_three_formats_say_the_same(told: Document):
    """Each heading, each sentence and each cell is in Markdown, HTML and PDF."""
    markdown = re.sub(r"\\([^\w\s])", r"\1", as_markdown(told)).replace("\\", "")
    html = " ".join("".join(parsed(as_html(told)).text).split())
    pdf = words_of(as_pdf(told))
    squeezed = re.sub(r"\s", "", pdf)
    for section in told.sections:
        for block in section.blocks:
            for sentence in getattr(block, "items", ()) or [getattr(block, "text", "")]:
                assert sentence in html
                assert re.sub(r"\s", "", sentence)[:60] in squeezed, sentence
                assert sentence.replace("\\", "") in markdown, sentence
    assert "[key]" in pdf
    assert "eve@example.com" not in pdf + html + markdown


def test_the_same_report_is_the_same_file(told: Document):
    """To the byte, in all three formats."""
    for write in (as_markdown, as_html, as_pdf):
        assert write(told) == write(told)


def test_no_account_is_named(findings: Findings, told: Document):
    """Of members or others, in any format; nor are those who reviewed it."""
    everything = as_markdown(told).replace("\\", "") + as_html(told) + words_of(as_pdf(told))
    for account in findings.accounts["account_id"].to_pylist():
        assert account not in everything
    assert "ben" not in re.findall(r"\w+", everything)
    assert "1 person reviewed it" in everything


def test_what_was_done_is_told_in_order(told: Document):
    """Opened, reviewed, confirmed."""
    done = next(s for s in told.sections if s.heading == "What was done").blocks[0]
    words = " ".join(done.items)  # pyright: ignore[reportAttributeAccessIssue]
    at = [words.index(w) for w in ("was opened", "under review", "reviewed and confirmed")]
    assert at == sorted(at)


def test_an_appeal_names_nobody_else_and_no_threshold(findings: Findings):
    """No other account, no number of the evidence, no weight; its own figures are there."""
    case, _ = reviewed(findings)
    account = findings.members["account_id"][0].as_py()
    pack = appeal_pack(findings, case, account)
    words = as_markdown(pack).replace("\\", "")
    for other in findings.accounts["account_id"].to_pylist():
        assert other == account or other not in words
    assert "acc-near" not in words
    own = next(r for r in findings.members.to_pylist() if r["account_id"] == account)
    assert f"{own['exchanges']:,}" in words
    shown = set(re.findall(r"\d[\d,.]*", words))
    evidence = [json.loads(row["detail"])["says"] for row in findings.evidence.to_pylist()]
    internal = {n for says in evidence for n in re.findall(r"\d[\d,.]*\d|\d", says)}
    standing = findings.accounts.to_pylist()[0]["detail"]
    internal |= set(re.findall(r"\d+\.\d+", standing))
    assert not {n for n in internal if "." in n} & shown
    assert str(case.accounts) not in shown
    assert AGAINST["exchangeability"] in words


def test_an_appeal_of_somebody_else_is_refused(findings: Findings):
    """An account that is in no campaign, and one that isn't in the log."""
    case, _ = reviewed(findings)
    alone = next(r for r in findings.accounts.to_pylist() if r["verdict"] == "alone")
    for account in (alone["account_id"], "nobody"):
        with pytest.raises(UnknownName):
            appeal_pack(findings, case, account)


def test_a_campaign_that_the_findings_do_not_have_is_refused(findings: Findings):
    """A report is never of something else."""
    case, entries = reviewed(findings)
    with pytest.raises(UnknownName, match="no campaign is called"):
        report(fabricated.empty(), case, entries)


def hostile() -> tuple[Findings, Document, Document]:
    """Findings that say the worst everywhere, and both documents on them."""
    made = fabricated.findings(HOSTILE)
    case, entries = reviewed(made)
    sample = {"ex-1": Sample(HOSTILE * 3, HOSTILE, {}), "ex-2": Sample("x" * 1_000_000, None, {})}
    account = made.members["account_id"][0].as_py()
    return made, report(made, case, entries, sample), appeal_pack(made, case, account)


def test_hostile_text_is_inert_in_every_format():
    """Parsed as their readers parse them: only elements of ours, no hidden character."""
    _, disclosure, appeal = hostile()
    for document in (disclosure, appeal):
        page = parsed(as_html(document))
        assert not {"script", "img", "a", "iframe", "object"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        markdown = as_markdown(document)
        read = parsed(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))
        ours = {"h1", "h2", "p", "strong", "em", "ul", "li", "hr", "blockquote"}
        ours |= {"table", "thead", "tbody", "tr", "th", "td"}
        assert set(read.tags) <= ours, set(read.tags) - ours
        assert read.tags.count("h2") == len(document.sections)
        for shown in (markdown, "".join(page.text), words_of(as_pdf(document))):
            hidden = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n", "\t"}
            assert not hidden, hidden
        assert "http://evil.example" not in markdown
        assert len(markdown) < 200_000


def test_a_campaign_about_which_little_is_known():
    """No frames, no objects, no days, no evidence: shorter, and no error."""
    made = fabricated.findings()
    bare = replace(
        made,
        frames=tables.FRAMES.empty_table(),
        objects=tables.OBJECTS.empty_table(),
        daily=tables.DAILY.empty_table(),
        evidence=tables.EVIDENCE.empty_table(),
        links=tables.LINKS.empty_table(),
    )
    case, entries = reviewed(bare)
    document = report(bare, case, entries)
    for write in (as_markdown, as_html, as_pdf):
        assert write(document)
    assert isinstance(bare.accounts, pa.Table)
