"""Secrets and particulars are masked, words are left, and no text takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.reports.redaction import redacted

SECRET = [
    ("sk-ant-api03-Zm9vYmFyYmF6cXV4cXV1eA", "[key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[key]"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[key]"),
    ("xoxb-2345678901-abcdefghij", "[key]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "[key]"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----", "[key]"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE cut short", "[key]"),
    ("Authorization: Bearer abcdef0123456789xyz", "[key]"),
    ('password = "hunter2 and more"', "[secret]"),
    ("DB_PASSWORD=hunter2", "[secret]"),
    ("api-key: 12345abc", "[secret]"),
    ("https://user:pass@host.example/", "[credentials]"),
    ("https://x.example/?session=abc123&b=2", "[value]"),
    ("eve.müller+x@mail.example.co.uk", "[email]"),
    ("4111 1111 1111 1111", "[card]"),
    ("5500-0000-0000-0004", "[card]"),
    ("DE89 3704 0044 0532 0130 00", "[account number]"),
    ("+49 (30) 901820-12", "[phone]"),
    ("(212) 555-0123", "[phone]"),
    ("078-05-1120", "[number]"),
    ("203.0.113.77", "[address]"),
    ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "[address]"),
    ("2001:db8::1", "[address]"),
    ("/home/eve/notes.txt", "[user]"),
    ("C:\\Users\\Eve\\x", "[user]"),
    ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "[token]"),
]

PLAIN = [
    "Solve 12 * 34 step by step and show all reasoning.",
    "def add(a, b):\n    return a + b",
    "The year 1987, chapter 12, page 4512, version 3.11",
    "time 12:34:56 and ratio 3:2",
    "a b c d e f g h i j k l m n o p",
    "supercalifragilisticexpialidociousness",
]


@pytest.mark.parametrize(("secret", "mask"), SECRET)
def test_what_is_secret_is_masked(secret: str, mask: str):
    """Wherever it stands, and nothing of it is left."""
    for text in (secret, f"please use {secret} for it", f"({secret})"):
        shown = redacted(text, 1000)
        assert mask in shown
        for piece in secret.replace("\n", " ").split():
            long = len(piece) > 8 and "://" not in piece and "BEGIN" not in piece
            if long and not piece.startswith(("password", "DB_", "Author", "/home", "C:")):
                assert piece not in shown


@pytest.mark.parametrize("text", PLAIN)
def test_words_and_code_are_left(text: str):
    """What shows how a prompt is built."""
    assert redacted(text, 1000) == text


def test_a_number_that_is_no_card_stays():
    """Its check digit is wrong."""
    assert redacted("4111 1111 1111 1112", 100) == "4111 1111 1111 1112"


def test_a_secret_at_the_cut_is_masked_whole():
    """The text is cut after it was masked."""
    secret = "sk-abcdefghijklmnop1234567890"
    for before in range(80, 101):
        shown = redacted("x" * before + " " + secret, 100)
        assert "abcdef" not in shown


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str):
    """And masking again changes nothing more than it must: no error, bounded length."""
    assert len(redacted(text, 100)) <= 101


@pytest.mark.parametrize(
    "text",
    ["a@" * 500_000, "1 " * 500_000, "-----BEGIN PRIVATE KEY-----" * 40_000, "://a:" * 200_000,
     "password" * 125_000, "1." * 500_000, "a:" * 500_000, "=" * 1_000_000],
)  # fmt: skip
def test_hostile_text_takes_no_time(text: str):
    """A megabyte of what trips expressions that go back and try again."""
    began = time.process_time()
    redacted(text, 4000)
    assert time.process_time() - began < 5
