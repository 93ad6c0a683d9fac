"""A document as PDF, set by Typst. Text goes in as data, never as markup, so it can't be code."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from importlib import resources
from typing import Any

from stillwatch.console.wording import day
from stillwatch.display import plain
from stillwatch.reports.document import LIMIT, Bars, Block, Document

_NO_DATE = dt.date(1970, 1, 1)


def as_pdf(document: Document) -> bytes:
    """`document` as the bytes of a tagged PDF, the same for the same document."""
    import typst

    date = document.date or _NO_DATE
    made = dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC)
    source = resources.files("stillwatch.reports") / "templates" / "document.typ"
    done = typst.compile(
        source.read_bytes(),
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(_tree(document))},
        timestamp=int(made.timestamp()),
    )
    assert isinstance(done, bytes)
    return done


def _tree(document: Document) -> dict[str, Any]:
    """What the template reads: every string on one line, with nothing hidden in it."""
    sections = [
        {"title": section.title, "blocks": [_block(block) for block in section.blocks]}
        for section in document.sections
    ]
    date = day(document.date) if document.date else ""
    head = {"title": document.title, "subtitle": document.subtitle, "date": date}
    return _plain({**head, "sections": sections})


def _block(block: Block) -> dict[str, Any]:
    fields = {"kind": type(block).__name__, **dataclasses.asdict(block)}
    if isinstance(block, Bars):
        fields |= {"shares": block.shares, "first": day(block.first), "last": day(block.last)}
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value, LIMIT)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
