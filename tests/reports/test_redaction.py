"""What gives somebody away is masked, what doesn't stays, and hostile text costs little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.reports.redaction import redacted, without

SECRETS = [
    ("key sk-proj-Ab12Cd34Ef56Gh78Ij90 here", "Ab12Cd34Ef56"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F"),
    ("Authorization: Bearer abc123.def-456_ghi", "abc123"),
    ("curl -H 'x-api-key: 9f8e7d6c'", "9f8e7d6c"),
    ('{"password": "hunter2"}', "hunter2"),
    ("DB_PASSWORD=hunter2", "hunter2"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123", "eyJzdWIi"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nxyz\n-----END RSA PRIVATE KEY----- end", "MIIEow"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r and it is cut", "b3BlbnNzaC1r"),
    ("write to ana.lovelace+x@mail.example.co.uk!", "lovelace"),
    ("пишите: иван@почта.рф", "иван"),
    ("ｍａｉｌ ana＠example．org", "ana"),
    ("call +44 20 7946 0958 now", "7946"),
    ("call (415) 555-2671", "555-2671"),
    ("Tel. 030 1234567", "1234567"),
    ("card 4111 1111 1111 1111 ok", "1111"),
    ("12 4111-1111-1111-1111", "1111-1111"),
    ("card ４１１１１１１１１１１１１１１１", "１１１１"),
    ("pay GB82 WEST 1234 5698 7654 32", "5698"),
    ("from 203.0.113.77 today", "203.0.113"),
    ("from 2001:db8::ff00:42:8329 today", "8329"),
    ("postgres://ana:pw1@db.internal/x", "ana"),
    ("postgres://ana:p@w1@db.internal/x", "w1"),
    ("https://x.example/cb?code=SplxlOB&state=af0#id_token=zz9", "SplxlOB"),
    ("https://x.example/cb?code=SplxlOB&state=af0#id_token=zz9", "zz9"),
    ("open /home/lovelace/thesis.tex", "lovelace"),
    ("open C:\\Users\\Lovelace\\thesis.tex", "Lovelace"),
    ("/Users/lovelace/x", "lovelace"),
    ("ssn 078-05-1120", "078-05"),
    ("digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "9f86d081"),
]

HARMLESS = [
    "Give 12 reasons in 3 paragraphs, 2026-02-01, at 12:30:45.",
    "def resolve(items, limit=48): return items[0:3]",
    "4111 1111 1111 1112 fails its check",
    "see https://docs.example/guide/page for std::string::npos",
    "AB12 is no account, ratio 3:4, version 2.1",
    "pass the ball; a token of thanks",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_masked(text: str, secret: str) -> None:
    """One of each kind, in the ways that prompts have them."""
    assert secret not in redacted(text, 1000)


@pytest.mark.parametrize("text", HARMLESS)
def test_the_rest_stays(text: str) -> None:
    """Prose, code, times and numbers are left alone."""
    assert redacted(text, 1000) == text


def test_the_cut_never_shows_half_a_secret() -> None:
    """Wherever it falls: what begins before the cut is masked whole."""
    text = "so, key=sk-proj-Ab12Cd34Ef56Gh78Ij90, ana@example.org and more"
    for limit in range(len(text) + 5):
        shown = redacted(text, limit)
        assert "Ab12" not in shown
        assert "ana@" not in shown
        assert len(shown) <= limit + 20
    assert redacted("abcdef", 3) == "abc…"
    assert redacted("abc", 3) == "abc"


@given(st.text(max_size=300), st.integers(0, 400))
def test_any_text_can_be_masked(text: str, limit: int) -> None:
    """Surrogates, control characters, anything."""
    assert len(redacted(text + "\ud800", limit)) < 3000
    redacted(text, limit).encode("utf-8")


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "1 ",
        "a@",
        "a@a.",
        ":",
        "::",
        "-----BEGIN PRIVATE KEY-----",
        "://",
        "a://b?c=d&",
        "+1",
    ],
)
def test_long_lines_are_cut_and_done(unit: str) -> None:
    """Megabytes of what trips expressions that go back and try again end, within their limit.

    One that took more than linear time would not come back from three million characters.
    """
    whole = unit * (3_000_000 // len(unit))
    assert len(redacted(whole, 400)) < 500  # the last mask is kept whole
    assert redacted(whole[:300_000], 300_000)


def test_names_are_masked_as_words() -> None:
    """An account's name inside another word, or too short to tell, stays."""
    assert without("acc-1 and acc-12, a", ["acc-1", "a"]) == "[account] and acc-12, a"
    assert without("ACME\u202e acme", ["ACME"]) == "[account]\u202e acme"
    assert without("x", []) == "x"
