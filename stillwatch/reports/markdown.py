"""A document as Markdown (GitHub's kind), in which text stands for itself whatever it holds."""

from __future__ import annotations

import re

from stillwatch.console.wording import day
from stillwatch.display import plain
from stillwatch.reports.document import (
    LIMIT,
    Bars,
    Block,
    Bullets,
    Document,
    Heading,
    Paragraph,
    Specimens,
    Table,
)

_MEANS = re.compile(r"[\\`*_{}\[\]<>|~&#$@^]|:(?=//)|:(?=[\w+-]+:)|(?<=www)\.", re.IGNORECASE)
_OPENS = re.compile(r"([-+=]|\d{1,9}(?=[.)]))")

BREAK = "\\\n> "
"""The end of a line within a quotation."""


def as_markdown(document: Document) -> str:
    """`document` as one string of Markdown, which ends with a line break."""
    date = f" · {day(document.date)}" if document.date else ""
    parts = [f"# {escape(document.title)}", f"{escape(document.subtitle)}{date}"]
    for section in document.sections:
        parts.append(f"## {escape(section.title)}")
        parts += [_written(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    r"""`text` on one line, so that Markdown shows it as it is.

    >>> escape("1. <b>*x*</b>")
    '1\\. \\<b\\>\\*x\\*\\</b\\>'
    """
    line = _MEANS.sub(r"\\\g<0>", plain(text, LIMIT).strip(" "))
    opens = _OPENS.match(line)
    if not opens:
        return line
    at = opens.end() if opens[0][0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"


def _written(block: Block) -> str:
    match block:
        case Paragraph(text, notice):
            return f"> {escape(text)}" if notice else escape(text)
        case Heading(text):
            return f"### {escape(text)}"
        case Bullets(items):
            return "\n".join(f"- {escape(item)}" for item in items)
        case Table():
            return _table(block)
        case Bars():
            return _bars(block)
        case Specimens(caption, texts):
            told = [
                f"> {escape(label)}\n>\n> {BREAK.join(map(escape, lines))}"
                for label, lines in texts
            ]
            return "\n\n".join([escape(caption), "\n>\n".join(told)])


def _table(table: Table) -> str:
    rule = ["---:" if at in table.numbers else "---" for at in range(len(table.head))]
    lines = [table.head, *table.rows]
    head, *rows = (f"| {' | '.join(escape(cell) for cell in line)} |" for line in lines)
    return "\n".join([escape(table.caption), "", head, f"|{'|'.join(rule)}|", *rows])


def _bars(bars: Bars) -> str:
    """The chart as one row of blocks, for Markdown has no pictures of its own."""
    blocks = "".join(
        " ▁▂▃▄▅▆▇█"[min(8, max(1, round(share * 8))) if share else 0] for share in bars.shares
    )
    line = f"`{blocks}`\n\n" if blocks.strip() else ""
    caption = f"{escape(bars.caption)}, {day(bars.first)} to {day(bars.last)}"
    return f"{caption}\n\n{line}{escape(bars.says)}"
