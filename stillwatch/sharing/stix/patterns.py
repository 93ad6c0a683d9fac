"""Indicators as STIX patterns: of STIX's own observables where it has them, else of ours.

Ours are described by the extension (`fixed.EXTENSION`). A value is only ever the inside of a quoted
string, in which STIX escapes the quote and the backslash and nothing else.
"""

from __future__ import annotations

from stillwatch.sharing.indicators import KEYED, Indicator, Kind
from stillwatch.sharing.sketches import sketch_bands

_HEADER = "network-traffic:extensions.'http-request-ext'.request_header.'{}'[*]"


def pattern_of(one: Indicator) -> str:
    """The pattern of an indicator.

    >>> import datetime as dt
    >>> day = dt.date(2026, 2, 1)
    >>> pattern_of(Indicator(Kind.USER_AGENT, "it's \\\\ 1", 90, 5, day, day)).partition("= ")[2]
    "'it\\\\'s \\\\\\\\ 1']"
    """
    return f"[{_comparison(one)}]"


def _comparison(one: Indicator) -> str:
    value = quoted(one.value)
    if one.kind in KEYED:
        return f"x-stillwatch-keyed:{one.kind} = {value}"
    if one.kind == Kind.PREFIX:
        return f"{'ipv6' if ':' in one.value else 'ipv4'}-addr:value ISSUBSET {value}"
    if one.kind == Kind.HEADERS:
        return " AND ".join(
            f"{_HEADER.format(name.title())} = {quoted(text)}"
            for name, text in headers_of(one.value)
        )
    if one.kind == Kind.SKETCH:
        bands = ", ".join(f"'{band:016x}'" for band in sorted(sketch_bands(one.value)))
        return f"x-stillwatch-frame:bands[*] IN ({bands})"
    if one.kind == Kind.CENTROID:
        about = f" AND x-stillwatch-content:about = {quoted(one.about)}" if one.about else ""
        return f"x-stillwatch-content:near = {value}{about}"
    return {
        Kind.ASN: f"autonomous-system:number = {one.value.removeprefix('AS')}",
        Kind.USER_AGENT: f"{_HEADER.format('User-Agent')} = {value}",
        Kind.JA4: f"x-stillwatch-client:ja4 = {value}",
    }[one.kind]


def headers_of(value: str) -> list[tuple[str, str]]:
    """Names and values of an indicator of headers.

    >>> headers_of("x-app=cli; x-stainless-lang=js")
    [('x-app', 'cli'), ('x-stainless-lang', 'js')]
    """
    parts = (part.partition("=") for part in value.split("; "))
    return [(name, text) for name, _, text in parts]


def quoted(text: str) -> str:
    """`text` as a string of a pattern."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
