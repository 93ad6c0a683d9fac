"""Masks what a text from a log would give away of a person: secrets, addresses, numbers, names.

Patterns are RE2's, which reads hostile text in linear time. What is masked is said by its kind, as
in `[email]`. Masking is wide: it hides some that is harmless rather than show what isn't. It can't
know a person's name or a street; whoever publishes reads what is left.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import re2
from ahocorasick_rs import AhoCorasick, MatchKind

Span = tuple[int, int, str]
"""From, to, and the kind of what is there."""

_BEYOND = 4096
"""Characters read after the cut, so that what begins before it is known by its end."""

_SHORTEST_NAME = 3
_CARD = range(13, 20)
_LIKE = {"Pd": "-", "Zs": " "}
"""Dashes and blanks of all sorts, by what patterns know them as."""
_STOPS = "。｡"
"""Full stops that stand in names of hosts, too (RFC 3490)."""


def redacted(text: str, limit: int) -> str:
    """The first `limit` characters of `text`, masked, with an ellipsis where more was cut.

    The result may hold anything else that the text does: show it through `display.plain`.

    >>> redacted("write to ana@example.org, key sk-abcdefghijklmnopqrstu1", 80)
    'write to [email], key [key]'
    """
    window = _folded(text[: limit + _BEYOND])
    parts: list[str] = []
    at = 0
    for begin, end, kind in _merged(_spans(window)):
        if begin >= limit:
            break
        parts += [text[at:begin], f"[{kind}]"]
        at = end
    if at < limit:
        parts.append(text[at:limit])
    return "".join(parts) + ("…" if len(text) > max(at, limit) else "")


def without(text: str, names: Iterable[str]) -> str:
    """`text` with every one of `names` masked where it stands as a word of its own.

    >>> without("for acc-17, not acc-170", ["acc-17"])
    'for [account], not acc-170'
    """
    long_enough = [name for name in names if len(name) >= _SHORTEST_NAME]
    if not long_enough:
        return text
    mended = _mended(text)
    finder = AhoCorasick(
        [_mended(name) for name in long_enough], matchkind=MatchKind.LeftmostLongest
    )
    parts: list[str] = []
    at = 0
    for _, begin, end in finder.find_matches_as_indexes(mended):
        if _inside_word(mended, begin, end):
            continue
        parts += [mended[at:begin], "[account]"]
        at = end
    return "".join([*parts, mended[at:]])


def _inside_word(text: str, begin: int, end: int) -> bool:
    before, after = text[begin - 1 : begin], text[end : end + 1]
    return (before.isalnum() and text[begin].isalnum()) or (
        after.isalnum() and text[end - 1].isalnum()
    )


def _mended(text: str) -> str:
    """`text` without halves of surrogate pairs, which UTF-8 can't hold; as long as before."""
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def _folded(text: str) -> str:
    """`text` as patterns read it, as long as before: full-width digits and the like as ASCII."""
    return text if text.isascii() else "".join(map(_plain_form, text))


def _plain_form(char: str) -> str:
    if char.isascii():
        return char
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    if (like := _LIKE.get(unicodedata.category(char))) is not None:
        return like
    if char in _STOPS:
        return "."
    form = unicodedata.normalize("NFKC", char)
    return form if len(form) == 1 and form.isascii() else char


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in order, those that overlap as one, which is called what the first found is."""
    rank = sorted((begin, end, order, kind) for order, (begin, end, kind) in enumerate(spans))
    now: tuple[int, int, int, str] | None = None
    for begin, end, order, kind in rank:
        if now is None or begin >= now[1]:
            if now is not None:
                yield now[0], now[1], now[3]
            now = (begin, end, order, kind)
            continue
        first = min((now[2], now[3]), (order, kind))
        now = (now[0], max(now[1], end), *first)
    if now is not None:
        yield now[0], now[1], now[3]


def _spans(text: str) -> Iterator[Span]:
    """Everything to mask, the surest kinds first."""
    for kind, pattern, group, holds in _PATTERNS:
        for match in pattern.finditer(text):
            begin, end = match.span(group)
            if begin < end and (holds is None or holds(text[begin:end])):
                yield begin, end, kind
    for match in _CARDS.finditer(text):
        yield from _cards(text[match.start() : match.end()], match.start())
    for match in _URLS.finditer(text):
        yield from _url(text[match.start() : match.end()], match.start())


def _url(address: str, start: int) -> Iterator[Span]:
    """Who signs in, and the value of every part of the query."""
    authority = _USERINFO.match(address)
    if authority:
        yield start + authority.start(1), start + authority.end(1), "credentials"
    for match in _QUERY.finditer(address):
        yield start + match.start(1), start + match.end(1), "value"


def _cards(run: str, start: int) -> Iterator[Span]:
    """Numbers of cards in a run of digits that blanks or hyphens part, from part to part."""
    digits = [at for at, char in enumerate(run) if char.isdigit()]
    begins = [n for n, at in enumerate(digits) if at == 0 or not run[at - 1].isdigit()]
    ends = {n + 1 for n, at in enumerate(digits) if at + 1 == len(run) or not run[at + 1].isdigit()}
    for begin in begins:
        for size in reversed(_CARD):
            end = begin + size
            if end in ends and _luhn([int(run[at]) for at in digits[begin:end]]):
                yield start + digits[begin], start + digits[end - 1] + 1, "card"
                break


def _luhn(digits: list[int]) -> bool:
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    bare = "".join(text.replace("-", " ").split()).upper()
    return (
        15 <= len(bare) <= 34
        and int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip(".").removesuffix(":"))
    except ValueError:
        return False
    return True


def _is_phone(text: str) -> bool:
    return 7 <= sum(char.isdigit() for char in text) <= 15


def _is_card(text: str) -> bool:
    return _luhn([int(char) for char in text if char.isdigit()])


def _is_secret(text: str) -> bool:
    """Whether forty letters look like a secret in base 64, and not like a path or a name."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(char) for char in text) for kind in kinds)


def _is_token(text: str) -> bool:
    """Whether a long word looks made by chance: letters and digits, mixed."""
    return any(char.isdigit() for char in text) and any(char.isalpha() for char in text)


_Holds = Callable[[str], bool] | None


def _pattern(kind: str, source: str, holds: _Holds = None) -> tuple[str, Any, int, _Holds]:
    """What to look for; where it has a group, only the group is masked."""
    compiled = re2.compile(source)
    return kind, compiled, min(1, compiled.groups), holds


_PATTERNS = (
    _pattern(
        "private key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    _pattern(
        "private key", r"PuTTY-User-Key-File-\d(?s:.*?)(?:Private-MAC: ?[0-9a-fA-F]{0,128}|\z)"
    ),
    _pattern("token", r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"),
    _pattern(
        "key",
        r"\b(?:(?:sk|pk|rk)[-_](?:[\w-]{16,})|gh[pousr]_\w{20,}|github_pat_\w{20,}"
        r"|gl(?:pat|ptt|dt|rt|cbt|imt|agent|soat)-[\w-]{16,}|AT(?:ATT|BB|CTT)[\w=-]{16,}"
        r"|(?:xox[a-z]|xapp)-[\w-]{10,}|(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,}"
        r"|(?:LTAI|AKID|GOOG)[A-Za-z0-9]{12,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|1//0[\w-]{20,}"
        r"|hf_\w{20,}|npm_\w{20,}|pypi-[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|do[opr]_v1_\w{20,}"
        r"|shp(?:at|ss|ca|pa)_\w{16,}|gsk_\w{20,}|xai-\w{20,}|nvapi-[\w-]{20,}|r8_\w{20,}"
        r"|pplx-\w{20,}|fw_\w{16,}|tgp_v1_[\w-]{16,}|rpa_\w{16,}|ntn_\w{16,}|lin_api_\w{16,}"
        r"|dckr_pat_[\w-]{16,}|glsa_\w{16,}|sntrys?_[\w=+/]{16,}|hv[sbr]\.[\w-]{16,}|dapi[0-9a-f]{24,}"
        r"|PMAK-[\w-]{16,}|EAAA[\w-]{20,}|AGE-SECRET-KEY-\w{20,}|whsec_\w{16,}|sq0\w{3}-[\w-]{16,}"
        r"|\d{8,10}:[A-Za-z][\w-]{33,})",
    ),
    _pattern("key", r"(?i)\bhooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]+)"),
    _pattern("signature", r"(?i)\bsig(?:nature)?=([\w%+/=-]{6,})"),
    _pattern("secret", r"(?i)\b(?:password|pwd)\s{0,4}=\s{0,4}([^;\s\"'][^;\r\n\"']{0,200});"),
    _pattern("credentials", r"(?:^|\s)(?:-u|--user|--proxy-user)[ =][\"']?([^\s:\"']+:[^\s\"']+)"),
    _pattern("token", r"(?:^|[^\w/+=-])([A-Za-z0-9/+]{40})(?:$|[^\w/+=-])", _is_secret),
    _pattern("token", r"(?i)\b(?:bearer|basic|token)\s+([\w.~+/=-]{8,})", _is_token),
    _pattern(
        "secret",
        r"(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_ ]?key|access[-_ ]?key(?:[-_ ]?id)?"
        r"|account[-_ ]?key|private[-_ ]?key|auth(?:orization)?|credentials?|cookie"
        r"|session(?:[-_ ]?id)?)"
        r"[\"']?\s{0,4}(?:[:=]|=>|:=)\s{0,4}[\"']?((?:bearer |basic )?[^\s\"',;<>]{3,})",
    ),
    _pattern("email", r"[^\s@<>()\[\]{},;:\"|=/]+@[^\s@<>()\[\]{},;:\"'|/?&]+\.[\pL\pN-]+"),
    _pattern("email", r"\"[^\"\s][^\"\r\n]{0,64}\"@[\pL\pN.-]+"),
    _pattern(
        "email",
        r"(?i)[\pL\pN._%+-]+ ?[\[({] ?at ?[\])}] ?[\pL\pN-]+"
        r"(?: ?[\[({] ?dot ?[\])}] ?|\.)[\pL\pN.-]+",
    ),
    _pattern(
        "IBAN", r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b", _is_iban
    ),
    _pattern("card", r"\b\d{4}\.\d{4}\.\d{4}\.\d{1,7}\b", _is_card),
    _pattern("address", r"\b(?:\d{1,3}\.){3}\d{1,3}\b", _is_address),
    _pattern("address", r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}", _is_address),
    _pattern("address", r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b"),
    _pattern("number", r"\b\d{3}-\d{2}-\d{4}\b"),
    _pattern("phone", r"\+\d[\d ()./-]{5,20}\d", _is_phone),
    _pattern("phone", r"(?:\b|\()\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b", _is_phone),
    _pattern("phone", r"\b00\d[\d ()./-]{5,20}\d", _is_phone),
    _pattern("phone", r"\(0\d{1,5}\)[ ./-]?\d[\d ./-]{3,14}\d", _is_phone),
    _pattern("phone", r"\b(?:0\d{8,10}|1[3-9]\d{9}|[6-9]\d{4}[ -]\d{5})\b", _is_phone),
    _pattern("phone", r"\b0\d{1,4}[ /-]\d{2,8}(?:[ -]\d{2,6}){0,4}\b", _is_phone),
    _pattern("user", r"(?i)(?:/home/|/users/|\b[a-z]:[\\/]+users[\\/]+)([^\s/\\:\"'<>|]+)"),
    _pattern("token", r"\b[\w+-]{32,}={0,2}", _is_token),
)
_CARDS = re2.compile(r"\d(?:[ -]?\d){12,}")
_URLS = re2.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s<>\"']+")
_USERINFO = re2.compile(r"[^:]+://([^\s/?#@]*(?:@[^\s/?#@]*)*)@")
_QUERY = re2.compile(r"[?&;#][^=&;#]*=([^&;#]+)")
