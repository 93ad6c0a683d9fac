"""Texts come out of a room as they went in."""

from __future__ import annotations

import msgspec
import pytest

from stillwatch.sources import kept_texts
from stillwatch.sources.kept_texts import Room


def test_texts_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any width, over many pieces, and longer ones than a piece."""
    monkeypatch.setattr(kept_texts, "PIECE_BYTES", 100)
    room = Room()
    given = [
        [],
        [""],
        ["a", "", "bc"],
        ["ä\u4e2d\U0001f600", "x"],
        ["y" * 1000],
        ["z" * n for n in range(30)],
    ]
    kept = [room.kept(texts) for texts in given]
    assert [[bytes(text).decode() for text in texts.each()] for texts in kept] == given
    assert [texts.sizes.sum() for texts in kept] == [len("".join(t).encode()) for t in given]
    for texts, all_of in zip(kept, given, strict=True):
        for first in range(len(all_of) + 1):
            for end in range(first, len(all_of) + 1):
                some = [bytes(text).decode() for text in texts.some(first, end)]
                assert some == all_of[first:end]


def test_texts_are_decoded_each_by_itself() -> None:
    """Whatever is in them: what is cut in one isn't put together with the next."""
    given = [
        ["[1]", "[2,3]"],
        ["[1]", "[2", "3]"],
        ["[1]\n[2]", " "],
        ["[1],[2", "3]"],
        ["[1]\n", "[\n2\n]"],
        ["[1]", "", "[2]"],
        ["[1] [2]", "[3]", " "],
        ["[1]\r[2]", "[3,", "4]"],
        [" ", "[3]", "[1] [2]"],
        ["[1][2]", "[3", "]"],
        ["[1][2]", "[3", "]", "[4]"],
        [],
    ]
    decoder, room = msgspec.json.Decoder(list[int]), Room()
    kept = [room.kept(texts) for texts in given]
    found = [texts.decoded(decoder) for texts in kept]
    assert found == [
        [[1], [2, 3]],
        [[1], None, None],
        [None, None],
        [None, None],
        [[1], [2]],
        [[1], None, [2]],
        [None, [3], None],
        [None, None, None],
        [None, [3], None],
        [None, None, None],
        [None, None, None, [4]],
        [],
    ]
