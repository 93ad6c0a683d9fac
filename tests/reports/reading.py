"""The three formats read back, as a person's programs would."""

from __future__ import annotations

import io
import re
import unicodedata

import pypdf
from markdown_it import MarkdownIt

from stillwatch.reports import Document, as_html, as_markdown, as_pdf
from tests.console.test_page import read

OURS = {"h1", "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
MARKDOWN_TAGS = OURS | {"blockquote", "br", "code"}
HTML_TAGS = OURS | {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer"),
    *("div", "caption", "figure", "figcaption", "svg", "rect", "span", "small", "br"),
    *("blockquote", "cite"),
}


def bare(text: str) -> str:
    """`text` without white space, for comparing across formats that break lines differently."""
    return re.sub(r"\s+", "", text)


def html_of_markdown(document: Document) -> str:
    """What a reader of Markdown with tables shows, where HTML is let through."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return reader.render(as_markdown(document))


def text_of_html(html: str) -> str:
    """All that a person reads in a page."""
    return "".join(read(html).text)


def text_of_pdf(document: Document) -> str:
    """All that a person reads in the PDF."""
    reader = pypdf.PdfReader(io.BytesIO(as_pdf(document)))
    return "\n".join(page.extract_text() for page in reader.pages)


def told(document: Document) -> dict[str, str]:
    """The text of each format."""
    return {
        "markdown": text_of_html(html_of_markdown(document)),
        "html": text_of_html(as_html(document)),
        "pdf": text_of_pdf(document),
    }


def hides_nothing(text: str) -> bool:
    """Whether no character of `text` is hidden or acts; line breaks are no text."""
    return not [
        char for char in text if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Zl"}
    ]
