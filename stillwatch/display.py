"""Text from logs, made safe to show.

Account ids, model names, system prompts and everything derived from them are written by the
people we look for. `plain` is the one gate between such text and a terminal: what could move the
cursor, recolour the screen, reorder letters (bidirectional overrides), hide, or break a line is
shown as an escape. Pages have a second gate, Jinja2's autoescape.
"""

from __future__ import annotations

import unicodedata

# Cc control, Cf format (bidi, zero width, tags), Cs surrogate, Co private, Cn unassigned,
# Zl and Zp line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS_IN_A_ROW = 4


def plain(text: object, limit: int = 200) -> str:
    r"""`str(text)` on one line, at most `limit` characters of it, with nothing hidden in it.

    Hidden characters become `\x1b`, `\u202e` or `\U000e0041`; a backslash is doubled so that the
    result is unambiguous; more than four combining marks in a row are dropped, so letters can't
    climb over the lines above. What is cut is marked with an ellipsis.

    >>> plain("a\x1b[2Jb")
    'a\\x1b[2Jb'
    >>> plain("x" * 10, limit=4)
    'xxxx…'
    """
    whole = str(text)
    parts: list[str] = []
    marks = 0
    for char in whole[:limit]:
        if char == "\\":
            parts.append("\\\\")
            continue
        if char.isascii() and char.isprintable():
            marks = 0
            parts.append(char)
            continue
        category = unicodedata.category(char)
        marks = marks + 1 if category.startswith("M") else 0
        if marks > _MARKS_IN_A_ROW:
            continue
        parts.append(_escape(char) if category in _HIDDEN else char)
    if len(whole) > limit:
        parts.append("…")
    return "".join(parts)


def _escape(char: str) -> str:
    code = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
