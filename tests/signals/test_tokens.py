"""Tokens: the scan against a brute-force tokeniser, on every kind of array and of bytes."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.signals.alphabet import MIXED, NUMBER
from stillwatch.signals.tokens import (
    HEAD_BYTES,
    STRUCTURE,
    TAIL_BYTES,
    hash_words,
    tokenise,
)

_WHOLE = HEAD_BYTES + TAIL_BYTES
_WIDE = re.compile(rb"[\xe3-\xed][\x00-\xff]{2}")
_TOKEN = re.compile(rb"[\xe3-\xed][\x00-\xff]{2}|(?:(?![\xe3-\xed][\x00-\xff]{2})[\w\x80-\xff])+")
"""A character of three bytes that E3 to ED lead, or a run of what isn't the start of one."""


def _murmur(h: int) -> int:
    """The 32-bit finaliser of MurmurHash3."""
    h ^= h >> 16
    h = h * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def _hash(run: bytes) -> int:
    """FNV-1a of a lower-cased run without digits, finished; or a constant for one with them."""
    if not _WIDE.fullmatch(run):
        run = run.lower()
        if run.isdigit():
            return int(NUMBER)
        if re.search(rb"\d", run):
            return int(MIXED)
    h = 2166136261
    for byte in run:
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return _murmur(h)


def _parts(text: bytes) -> list[bytes]:
    """What counts of a text: all of it, or its head and its tail."""
    return [text] if len(text) <= _WHOLE else [text[:HEAD_BYTES], text[-TAIL_BYTES:]]


def brute_force(text: bytes) -> list[int]:
    """The hashes of a text's tokens, by a regular expression over its bytes."""
    return [_hash(run) for part in _parts(text) for run in _TOKEN.findall(part)]


def rows(texts: pa.Array) -> list[list[int]]:
    """Token hashes of each text."""
    tokens = tokenise(texts)
    return [part.tolist() for part in np.split(tokens.hashes, tokens.offsets[1:-1])]


def damaged(texts: list[bytes], kind: pa.DataType) -> pa.Array:
    """A string array of any bytes at all."""
    wide = pa.types.is_large_string(kind)
    ends = np.cumsum([0, *(len(t) for t in texts)]).astype(np.int64 if wide else np.int32)
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(kind, len(texts), buffers)


@given(st.lists(st.one_of(st.text(), st.text("aZ_ 09\n思é,がк?"), st.none()), min_size=1))
def test_tokens_are_those_of_the_brute_force_on_any_unicode(texts: list[str | None]):
    """Letters, digits, CJK and everything between are cut and hashed as a plain search does."""
    expected = [brute_force((text or "").encode("utf-8", "replace")) for text in texts]
    clean = [None if t is None else t.encode("utf-8", "replace").decode() for t in texts]
    assert rows(pa.array(clean, pa.string())) == expected
    assert rows(pa.array(clean, pa.large_string())) == expected


@given(st.lists(st.binary(max_size=40), min_size=1), st.booleans())
def test_any_bytes_are_read_without_failure(texts: list[bytes], wide: bool):
    """Damaged UTF-8 has the tokens of its bytes, and nothing of a neighbour's bytes."""
    array = damaged(texts, pa.large_string() if wide else pa.string())
    assert rows(array) == [brute_force(text) for text in texts]


@given(st.lists(st.one_of(st.text(max_size=20), st.none()), min_size=3), st.data())
def test_slices_are_read_where_they_lie(texts: list[str | None], data: st.DataObject):
    """A slice of an array has the tokens of its own rows, nulls or none."""
    clean = [None if t is None else t.encode("utf-8", "ignore").decode() for t in texts]
    whole = pa.array(clean, pa.string())
    begin = data.draw(st.integers(0, len(texts) - 1))
    stop = data.draw(st.integers(begin + 1, len(texts)))
    expected = [brute_force((t or "").encode("utf-8", "ignore")) for t in texts[begin:stop]]
    assert rows(whole.slice(begin, stop - begin)) == expected


LONG = {
    "words": b"alpha beta " * 4000,
    "one word": b"x" * 50_000,
    "digits": b"7" * 50_000,
    "one-letter words": b"a " * 30_000,
    "characters": "思".encode() * 20_000,
    "characters off the grid by one": b"a" + "思".encode() * 20_000,
    "characters off the grid by two": b"ab" + "思".encode() * 20_000,
    "letters among characters": "a思".encode() * 15_000,
    "lead bytes only": b"\xe3" * 50_000,
    "as long as is read whole": b"a " * (_WHOLE // 2),
    "a byte longer": b"a " * (_WHOLE // 2) + b"b",
}


@pytest.mark.parametrize("name", LONG)
def test_of_a_long_text_the_head_and_the_tail_count(name: str):
    """Cost is bounded whatever the text: no token reaches over the cut or lies behind it."""
    spare = b"x" * 60_000
    found = rows(damaged([spare, spare, LONG[name], spare], pa.string()))
    assert found[2] == brute_force(LONG[name])
    assert found[3] == brute_force(spare)


def test_what_lies_between_head_and_tail_does_not_count():
    """Two long texts that differ in their middle only have the same tokens."""
    head, tail = "word " * 2458, " last" * 820
    a, b = (rows(pa.array([head + middle * 3000 + tail]))[0] for middle in ("same ", "other "))
    assert a == b
    assert len(a) > 3000


@given(st.lists(st.sampled_from(["order ", "A", "é", "思", "-", "_", "\n", "#"]), max_size=30))
def test_texts_that_differ_in_digits_only_have_the_same_tokens(parts: list[str]):
    """Numbers, dates and identifiers are masked, however long they are."""
    first = "".join(p + "7" for p in parts)
    second = "".join(p + "401" for p in parts)
    assert rows(pa.array([first])) == rows(pa.array([second]))


def test_a_masked_number_is_not_a_masked_identifier():
    """A run of digits, a run with digits in it, and a word are three different tokens."""
    number, mixed, word = rows(pa.array(["2024 x86 word"]))[0]
    assert (number, mixed) == (NUMBER, MIXED)
    assert word not in (number, mixed)


def test_case_is_ignored_and_words_are_told_apart():
    """Ten thousand words have as many hashes, whatever their case."""
    words = [f"{a}{b}{c}{d}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyzabcd"
             for d in "efghijklmn"]  # fmt: skip
    lower, upper = hash_words(" ".join(words[:3000])), hash_words(" ".join(words[:3000]).upper())
    assert (lower == upper).all()
    every = np.concatenate(
        [hash_words(" ".join(words[i : i + 2000])) for i in range(0, 10_000, 2000)]
    )
    assert len(np.unique(every)) == 10_000


def test_empty_arrays_and_texts_have_no_tokens():
    """No rows, no text, and nothing but blanks are normal input."""
    assert len(tokenise(pa.array([], pa.string()))) == 0
    assert len(tokenise(pa.array([], pa.large_string()))) == 0
    assert len(tokenise(pa.array(["a", "b"]).slice(2))) == 0
    assert rows(pa.array([None, None], pa.string())) == [[], []]
    assert rows(pa.array(["", " \n\t", "?!"])) == [[], [], []]


@settings(max_examples=60)
@given(st.text("aZ_ 09\n\t思é,?'\"`()[]{}#$%\\|~@", max_size=60))
def test_structure_counts_bytes_by_class(text: str):
    """Every column of `structure` is what a count over the bytes gives."""
    raw = text.encode()
    counts = dict(zip(STRUCTURE, tokenise(pa.array([text])).structure[0].tolist(), strict=True))
    indents = sum(len(m) for m in re.findall(rb"(?:^|(?<=\n))[ \t]+", raw))
    assert counts == {
        "bytes": len(raw),
        "lines": raw.count(b"\n"),
        "digits": len(re.findall(rb"[0-9]", raw)),
        "symbols": len(re.findall(rb"[#$%&*+/;<=>@\\^|~]", raw)),
        "brackets": len(re.findall(rb"[()\[\]{}]", raw)),
        "quotes": len(re.findall(rb"[\"'`]", raw)),
        "non_ascii": sum(byte >= 128 for byte in raw),
        "questions": raw.count(b"?"),
        "indents": indents,
        "upper": len(re.findall(rb"[A-Z]", raw)),
    }
