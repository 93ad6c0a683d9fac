"""A document as one HTML file: no script, no request, and it prints as it looks."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from stillwatch.console.page import environment
from stillwatch.reports.document import Bars, Document, Grid, Points, Quote, Words


def as_html(document: Document) -> str:
    """The file's content."""
    return _environment().get_template("report.html").render(document=document)


@cache
def _environment() -> Environment:
    made = environment("stillwatch.reports")
    made.tests.update(
        {name: _is(kind) for name, kind in _KINDS.items()},
    )
    loader = made.loader
    assert loader is not None
    own, _, _ = loader.get_source(made, "report.css")
    made.globals["own"] = Markup(own)
    return made


_KINDS = {"words": Words, "points": Points, "grid": Grid, "bars": Bars, "quote": Quote}


def _is(kind: type) -> Any:
    return lambda block: isinstance(block, kind)
