"""A document as PDF, set by Typst: it goes in as data and never as markup."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from importlib.resources import files

import typst

from stillwatch.display import plain
from stillwatch.reports.document import Document

LONGEST = 4_000


def as_pdf(document: Document) -> bytes:
    """The file's bytes, the same for the same document."""
    year, month, number = document.day or (2000, 1, 1)
    stamp = int(dt.datetime(year, month, number, tzinfo=dt.UTC).timestamp())
    made = typst.compile(
        files("stillwatch.reports").joinpath("templates", "report.typ").read_bytes(),
        sys_inputs={"document": json.dumps(_safe(_told(document)))},
        format="pdf",
        timestamp=stamp,
    )
    assert isinstance(made, bytes)
    return made


def _told(document: Document) -> dict:
    told = asdict(document)
    for section, source in zip(told["sections"], document.sections, strict=True):
        for block, of in zip(section["blocks"], source.blocks, strict=True):
            block["kind"] = type(of).__name__.lower()
            if "right" in block:
                block["right"] = sorted(block["right"])
    return told


def _safe(value: object) -> object:
    """All texts of it, on one line each and with nothing hidden in them."""
    if isinstance(value, str):
        return plain(value, LONGEST)
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    return value
