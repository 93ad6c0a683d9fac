"""Text of logs and of people stays text, in every string field and every format."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from pathlib import Path

import pytest

from stillwatch.cases import (
    State,
    Store,
    case_accounts,
    change_state,
    comment,
    get_case,
    open_cases,
    tag,
)
from stillwatch.reports import (
    Document,
    Sample,
    appeal_pack,
    as_html,
    as_markdown,
    as_pdf,
    report,
    whole_history,
)
from stillwatch.reports.document import (
    Bars,
    Bullets,
    Heading,
    Paragraph,
    Section,
    Specimens,
    Table,
)
from tests.console.test_page import read
from tests.reports.conftest import full_findings
from tests.reports.reading import (
    HTML_TAGS,
    MARKDOWN_TAGS,
    bare,
    hides_nothing,
    html_of_markdown,
    text_of_html,
    text_of_pdf,
)

HOSTILE = [
    "</td></table><script>alert(1)</script><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;title\x07\u202e\u2066\u200b\ufeff\x00\x85\u2028",
    "# h\n\n* a\n1. b\n```\n| a | b |\n|---|---|\n> q\n---\n[x](javascript:alert(1)) ![i](http://e.x)",
    '#panic() #eval("1") $x^2$ @ref <label> #import "/etc/passwd": * \\u{41} // c /* d */ ~ -- ...',
    '=HYPERLINK("http://e.x")\t+1\t-2\t@SUM(A1)',
    "{{7*7}}{% for x in y %} ${x} %s {0} &amp; &#x3c; :+1: www.e.x http://e.x a@e.x <http://e.x>",
    "\U000e0041\ud800 \u0301\u0301\u0301\u0301\u0301\u0301 עברית 中文 😀 \ue000",
    "'; drop table members; -- \" ''' \\",
]


def document_of(text: str) -> Document:
    """A document with `text` in every place that takes text."""
    blocks = (
        Paragraph(text),
        Paragraph(text, notice=True),
        Heading(text),
        Bullets((text, text)),
        Table(text, (text, text), ((text, text), (text, text)), (1,), (0,)),
        Bars(text, dt.date(2026, 1, 1), (1, 0, 3), text),
        Specimens(text, ((text, (text, text)), (text, ()))),
    )
    return Document(text, text, dt.date(2026, 1, 2), (Section(text, blocks), Section("", ())))


@pytest.mark.parametrize("text", [*HOSTILE, "", " ", "\n", "-", "1.", "+ a", "    code"])
@pytest.mark.parametrize("before", ["", "a "])
def test_text_stays_text_in_every_place(text: str, before: str) -> None:
    """No element that isn't ours, nothing hidden, and the words are all there."""
    document = document_of(before + text)
    html, marked = as_html(document), html_of_markdown(document)
    for made, allowed in ((html, HTML_TAGS), (marked, MARKDOWN_TAGS)):
        reader = read(made)
        assert set(reader.tags) <= allowed
        assert not [name for name, _ in reader.attributes if name in ("href", "src", "onerror")]
        assert hides_nothing("".join(reader.text))
    tags, empty = (_tags(html_of_markdown(document_of(t))) for t in (before + text, "x"))
    if (before + text).strip():
        assert tags == empty, "text of the log changed the shape of the Markdown"
    assert not re.search(r"(?<!\\)<|(?<!\\):(?=//)|(?i:www)\.", as_markdown(document))
    pdf = text_of_pdf(document)
    assert pdf.startswith(before.strip()) or not before
    for word in re.findall(r"[A-Za-z]{4,}", text):
        for said in (text_of_html(html), text_of_html(marked), pdf):
            assert bare(said).count(word) >= 10


def _tags(html: str) -> list[str]:
    return [tag for tag in read(html).tags if tag != "br"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_findings_and_cases(text: str, tmp_path: Path) -> None:
    """Every string field of findings, what reviewers wrote, and texts of the log."""
    found = full_findings(text.replace("\ud800", ""))  # which Arrow can't hold
    found = dataclasses.replace(
        found,
        run={
            "version": text,
            "configuration_digest": text,
            "notes": [text],
            "world": {"name": text},
        },
    )
    store = Store.open(tmp_path / "cases.db", create=True)
    kept = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    open_cases(store, found, kept[:100] or "ana")
    case = change_state(store, get_case(store, 1).seen, State.IN_REVIEW, kept[:100], kept)
    case = comment(store, case.seen, kept, kept[:100])
    case = tag(store, case.seen, kept[:30].strip(), "ana")
    past = whole_history(store, 1)
    samples = {
        f"cmp-4f1a90c2d7-{at}": Sample(text * 3, text, text, {"ip": text}) for at in (0, 1, 10)
    }
    account = case_accounts(store, 1)[0]
    samples[f"own-{account}"] = samples["cmp-4f1a90c2d7-0"]
    for document in (
        report(found, case, past, samples),
        report(found, case, past, samples, with_accounts=True),
        appeal_pack(found, case, account, samples, accounts=case_accounts(store, 1)),
    ):
        for made, allowed in (
            (as_html(document), HTML_TAGS),
            (html_of_markdown(document), MARKDOWN_TAGS),
        ):
            reader = read(made)
            assert set(reader.tags) <= allowed
            assert not [name for name, _ in reader.attributes if name in ("href", "src", "onerror")]
            assert hides_nothing("".join(reader.text))
        assert as_pdf(document).startswith(b"%PDF")
    store.close()


def test_megabytes_are_cut_alike_by_all() -> None:
    """Of a line of a megabyte each format keeps the same part."""
    document = document_of("word " * 200_000)
    page, marked = text_of_html(as_html(document)), text_of_html(html_of_markdown(document))
    all_words = 240 * len([s for s in document.strings() if s])
    assert page.count("word") == all_words + 240  # the title stands in the head too
    assert marked.count("word") == text_of_pdf(document).count("word") == all_words


def test_pages_forbid_everything() -> None:
    """The policy stands before anything else could act."""
    html = as_html(document_of("x"))
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert html.index(policy) < html.index("<title>")
