"""Secrets and people's particulars in texts of a log, masked before anybody reads them.

Expressions are RE2's, which take time in proportion to the text whatever it holds. What is masked
is meant to be too much rather than too little: samples show how a prompt is built, not whose it is.
"""

from __future__ import annotations

from collections.abc import Callable

import re2

_AHEAD = 8192
"""Characters past the limit that are looked at, so that no secret is cut in two halves."""


def redacted(text: str, limit: int) -> str:
    """`text` with what is secret or personal masked, at most `limit` characters of it.

    >>> redacted("mail eve@example.com, key sk-abcdefghijklmnop1234", 100)
    'mail [email], key [key]'
    """
    seen = text[: limit + _AHEAD].encode("utf-8", "replace").decode()
    for pattern, mask in _RULES:
        seen = pattern.sub(mask, seen)
    return seen if len(seen) <= limit else f"{seen[:limit]}…"


def _luhn(found: re2._Match) -> str:
    """A card number's mask, where its check digit says that it is one."""
    text = str(found.group(0))
    digits = [int(c) for c in text if c.isdigit()]
    odd, even = digits[-1::-2], digits[-2::-2]
    total = sum(odd) + sum(sum(divmod(2 * digit, 10)) for digit in even)
    return "[card]" if total % 10 == 0 else text


def _token(found: re2._Match) -> str:
    """A long run of letters and digits: no word, so a key or a digest."""
    text = str(found.group(0))
    mixed = any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
    return "[token]" if mixed else text


_KEYS = (
    r"sk-[A-Za-z0-9_-]{16,}|[pr]k_(?:live|test)_[A-Za-z0-9]{10,}|sk_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{30,}"
    r"|hf_[A-Za-z0-9]{20,}|swt_[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
)

_SOURCES: tuple[tuple[str, str | Callable[..., str]], ...] = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", "[key]"),
    (r"://[^/\s:@]+:[^/\s@]+@", "://[credentials]@"),
    (_KEYS, "[key]"),
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{12,}", r"\1 [key]"),
    (
        r"(?i)([a-z0-9_-]*(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|token)"
        r"[\"']?\s*[:=]\s*)(?:\"[^\"\n]+\"|'[^'\n]+'|[^\s,;\"']+)",
        r"\1[secret]",
    ),
    (r"([?&][A-Za-z0-9_.-]{1,64}=)[^&\s#\"'<>]+", r"\1[value]"),
    (r"[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+", "[email]"),
    (r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", "[account number]"),
    (r"\b[0-9](?:[ -]?[0-9]){12,18}\b", _luhn),
    (r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", "[number]"),
    (r"\+[0-9][0-9 ().-]{6,18}[0-9]\b", "[phone]"),
    (r"(?:\([0-9]{3}\) ?|\b[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}\b", "[phone]"),
    (r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", "[address]"),
    (r"\b(?:[0-9A-Fa-f]{1,4}:){4,7}[0-9A-Fa-f]{0,4}\b", "[address]"),
    (r"\b(?:[0-9A-Fa-f]{1,4}:){1,6}:(?:[0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4}\b", "[address]"),
    (r"(/(?:home|Users)/)[^/\s]+", r"\1[user]"),
    (r"(?i)([A-Z]:\\+Users\\+)[^\\\s]+", r"\1[user]"),
    (r"\b[A-Za-z0-9+/_-]{32,}={0,2}", _token),
)

_RULES = tuple((re2.compile(source), mask) for source, mask in _SOURCES)
