"""`plain` shows everything and obeys nothing; examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.display import plain


@given(st.text(st.characters(codec=None), max_size=80))
def test_nothing_hidden_remains(text: str) -> None:
    """No control, format, surrogate, private, unassigned or separator character is left."""
    shown = plain(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"}]
    assert not {"\u2028", "\u2029", "\n"} & set(shown)
    shown.encode("utf-8")


@given(st.text(st.characters(codec=None, exclude_categories=["M"]), max_size=60))
def test_different_texts_look_different(text: str) -> None:
    """What is shown can be turned back: two account ids are never shown alike."""
    shown = plain(text, 60)
    assert shown.encode("raw_unicode_escape").decode("unicode_escape") == text


def test_letters_and_emoji_stay() -> None:
    """Ordinary writing of any language is shown as it is, with marks, within reason."""
    assert plain("naïve 模型 नमस्ते مرحبا 🙂") == "naïve 模型 नमस्ते مرحبا 🙂"
    assert plain("e" + "\u0301" * 50) == "e" + "\u0301" * 4


@pytest.mark.parametrize(
    "name",
    ["stillwatch.display", "stillwatch.progress", "stillwatch.console.wording",
     "stillwatch.cli.options", "stillwatch.cli.bars"],
)  # fmt: skip
def test_examples(name: str) -> None:
    """The examples in docstrings are true."""
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed
