"""Keys by the formats that those who issue them document, and people's numbers as people write
them: each is masked wherever it stands. All are made up, or examples of their issuers' own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.reports.redaction import redacted

WORD = "abcdefghijklmnop0123456789"
HEX = "0123456789abcdef" * 2
KEYS = [
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    f"sk-ant-api03-{WORD}-{WORD}_AA",
    f"sk-proj-{WORD}",
    f"sk-or-v1-{HEX}",
    "AIzaSyA-1234567890abcdefghijklmnopqrstuv",
    "ya29.a0AfH6SMBx0123456789abcdefghij",
    f"1//0{WORD}",
    f"sk_live_{WORD}",
    f"rk_live_{WORD}",
    f"whsec_{WORD}",
    f"sq0atp-{WORD}",
    f"EAAAE{WORD}",
    f"glpat-{WORD}",
    f"glrt-{WORD}",
    f"gho_{WORD}{WORD}",
    f"github_pat_{WORD}_{WORD}",
    f"ATATT3xFfGF0{WORD}",
    f"ATBB{WORD}",
    f"xoxb-123456789012-{WORD}",
    f"xapp-1-A0123456789-{WORD}",
    f"hf_{WORD}",
    f"gsk_{WORD}",
    f"xai-{WORD}",
    f"pplx-{WORD}",
    f"fw_{WORD}",
    f"tgp_v1_{WORD}",
    f"nvapi-{WORD}",
    f"r8_{WORD}",
    f"rpa_{WORD}",
    f"npm_{WORD}",
    f"pypi-AgEIcHlwaS5vcmc{WORD}",
    f"dckr_pat_{WORD}",
    f"dop_v1_{HEX}",
    f"hvs.{WORD}",
    f"dapi{HEX}",
    f"lin_api_{WORD}",
    f"ntn_{WORD}",
    f"shpat_{HEX}",
    f"glsa_{WORD}_abcdef01",
    f"LTAI5t{WORD}",
    f"AKID{WORD}",
    f"123456789:AAF-{WORD}{WORD}",
    f"SG.{WORD}.{WORD}",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123",
]
PEOPLE = [
    "+49 (0)30 901820",
    "+33 1 42 68 53 00",
    "0033 1 42 68 53 00",
    "01 42 68 53 00",
    "(030) 901820",
    "+91-98765-43210",
    "98765 43210",
    "13800138000",
    "+1.415.555.2671",
    "07911123456",
    "٠١٢٣٤٥٦٧٨٩",
    "+٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨",
    "4111 1111 1111 1111",
    "4111.1111.1111.1111",
    "4111–1111–1111–1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "٤١١١١١١١١١١١١١١١",
    "४१११११११११११११११",
    "3782 822463 10005",
    "DE89370400440532013000",
    "DE89 3704 0044 0532 0130 00",
    "DE89-3704-0044-0532-0130-00",
    "FR14 2004 1010 0505 0001 3M02 606",
    "MT84MALT011000012345MTLCAST001S",
    "ana.lovelace@example.org",
    "ana [at] example.org",
    "ana(at)example.org",
    '"ana lovelace"@example.org',
    "ana＠example。org",
]
IN_CONTEXT = [
    ("Server=db;User Id=sa;Password=pa ss;", "pa ss"),
    ("https://x.example/b?sv=2022-11-02&sig=Zm9vYmFyYmF6", "Zm9vYmFy"),
    ("sv=2022-11-02&ss=b&sig=Zm9vYmFyYmF6", "Zm9vYmFy"),
    ("AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50==;End", "Eby8vdM02"),
    ("mongodb+srv://user:p4ss@cluster.example/db", "p4ss"),
    ("redis://:s3cret@host:6379/0", "s3cret"),
    ("curl -u admin:hunter2 https://x.example", "hunter2"),
    ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX", "XXXXXXXX"),
    ("PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAAAgQ\nPrivate-MAC: 00ff", "AAAAgQ"),
    ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----", "MHcCAQ"),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQdGBF\n", "lQdGBF"),
]
BEFORE = ["", "so: ", "(", '{"v": "', "a\n", "值为 "]
AFTER = ["", ".", ")", '"}', "\n"]
UNITS = [
    "1.",
    "+1 ",
    "(0",
    "a(at)",
    '"a',
    "PuTTY-User-Key-File-1",
    "sig=",
    "AT",
    "Password=a b ",
    "-u a:",
]
HARMLESS = [
    "Chapter 10.2.3 of 2026, pages 100-120, about 1 000 000 people.",
    "it costs 4111.11 or 3.14159265358979 in 2,147,483,647 cases",
    "x[at] = y; meet (at) noon? no: at(3)",
    "stillwatch/reports/redaction.py, line 120; v2.10.0-rc1",
    "signature of f(a, b) -> c; sig = 3",
    "sk_ and hf_ are prefixes; skiing and task-oriented are words",
]


@pytest.mark.parametrize("secret", [*KEYS, *PEOPLE])
@given(
    st.sampled_from(["", "so: ", "(", '{"v": "', "a\n", "值为 "]),
    st.sampled_from(["", ".", ")", '"}', "\n"]),
)
def test_each_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    """At the start, at the end, in quotes, in brackets: not half of it is left."""
    shown = redacted(before + secret + after, 1000)
    assert "[" in shown
    third = max(4, len(secret) // 3)
    pieces = {secret[at : at + third] for at in range(len(secret) - third + 1)}
    assert not [piece for piece in pieces if piece in shown.replace("private", "")], shown


@pytest.mark.parametrize(("text", "secret"), IN_CONTEXT)
def test_what_stands_beside_tells(text: str, secret: str) -> None:
    """Secrets without a form of their own, by what they are said to be."""
    assert secret not in redacted(text, 1000)


@pytest.mark.parametrize("text", HARMLESS)
def test_the_rest_stays(text: str) -> None:
    """What only looks a little like one."""
    assert redacted(text, 1000) == text


@pytest.mark.parametrize(
    "unit",
    [
        "1.",
        "+1 ",
        "(0",
        "a(at)",
        '"a',
        "PuTTY-User-Key-File-1",
        "sig=",
        "AT",
        "Password=a b ",
        "-u a:",
    ],
)
def test_megabytes_end(unit: str) -> None:
    """Time grows with the text, and no faster: three million characters are read to their end."""
    whole = unit * (300_000 // len(unit))
    assert redacted(whole, len(whole))
    assert len(redacted(unit * (3_000_000 // len(unit)), 400)) < 8000
