"""A document as Markdown, in which text from logs is text: nothing in it comes alive."""

from __future__ import annotations

import re

from stillwatch.console.wording import count
from stillwatch.display import plain
from stillwatch.reports.document import Bars, Block, Document, Grid, Points, Quote, Words

LONGEST = 4_000
_LIVE = re.compile(r"([\\`*_{}\[\]#|!<>~^&@$]|:(?=//)|\.(?=[A-Za-z])|^[-+=]|^[0-9]+(?=[.)]))")
"""What Markdown gives a meaning anywhere, in addresses, and where a line begins."""

DAYS_IN_A_ROW = 31
"""More bars than this are told by week."""


def as_markdown(document: Document) -> str:
    """The whole of it, ending in a line break."""
    lines = [f"# {text(document.title)}", "", text(document.subtitle), ""]
    if document.notice:
        lines += [f"**{text(document.notice)}**", ""]
    for section in document.sections:
        title = f"Appendix: {section.heading}" if section.appendix else section.heading
        lines += [f"## {text(title)}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    if document.foot:
        lines += ["---", "", text(document.foot), ""]
    return "\n".join(lines)


def text(value: str) -> str:
    r"""A text on one line, with all that Markdown or HTML would give a meaning escaped.

    >>> text("<b>*x*</b>")
    '\\<b\\>\\*x\\*\\</b\\>'
    """
    # `plain` doubles backslashes so that its escapes are unambiguous; Markdown needs each once more
    return _LIVE.sub(_escaped, plain(value, LONGEST))


def _escaped(found: re.Match[str]) -> str:
    live = found[1]
    return f"{live}\\" if live[0].isdigit() else f"\\{live}"


def _block(block: Block) -> list[str]:
    if isinstance(block, Words):
        return [text(block.text)]
    if isinstance(block, Points):
        return [f"- {text(item)}" for item in block.items]
    if isinstance(block, Quote):
        return [f"*{text(block.caption)}*", "", f"> {text(block.text)}"]
    if isinstance(block, Bars):
        step = 7 if len(block.bars) > DAYS_IN_A_ROW else 1
        parts = [block.bars[i : i + step] for i in range(0, len(block.bars), step)]
        rows = tuple((part[0][0], count(sum(value for _, value in part))) for part in parts)
        columns = ("Week from", "Exchanges") if step > 1 else ("Day", block.caption)
        return _block(Grid(columns, rows, frozenset({1})))
    assert isinstance(block, Grid)
    marks = ["---:" if i in block.right else "---" for i in range(len(block.columns))]
    rows = [block.columns, *block.rows]
    lines = [f"| {' | '.join(map(text, row))} |" for row in rows]
    return [lines[0], f"| {' | '.join(marks)} |", *lines[1:]]
