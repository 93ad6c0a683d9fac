"""A document as one self-contained HTML file, through the gates of the web page."""

from __future__ import annotations

from jinja2 import ChoiceLoader, PackageLoader
from markupsafe import Markup

from stillwatch.console.page import environment
from stillwatch.reports.document import Document


def as_html(document: Document) -> str:
    """`document` as a string of HTML: no script, no request, nothing but the file."""
    pages = environment()
    own = PackageLoader("stillwatch.reports", "templates")
    pages.loader = ChoiceLoader([own, pages.loader] if pages.loader else [own])
    sheet, _, _ = own.get_source(pages, "document.css")
    template = pages.get_template("document.html")
    kinds = [
        [(type(block).__name__, block) for block in section.blocks] for section in document.sections
    ]
    return template.render(document=document, kinds=kinds, sheet=Markup(sheet))
