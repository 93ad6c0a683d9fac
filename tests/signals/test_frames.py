"""Frames: what is masked, what edges keep, and bands against the similarity they stand for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.signals.frames import BANDS, EDGE_TOKENS, ROWS, SKETCH_TOKENS, Frames, frames
from stillwatch.signals.tokens import Tokens, tokenise


def framed(*texts: str | None) -> Frames:
    """Frames of texts."""
    return frames(tokenise(pa.array(texts, pa.string())))


def of_hashes(rows: list[np.ndarray]) -> Tokens:
    """Tokens with given hashes."""
    offsets = np.cumsum([0, *(len(r) for r in rows)])
    return Tokens(offsets, np.concatenate(rows).astype(np.uint32), np.zeros((len(rows), 10), "i4"))


def trigrams(row: np.ndarray) -> set[tuple[int, ...]]:
    """The shingles that bands are made of, as the definition has them."""
    return {tuple(row[i : i + 3].tolist()) for i in range(len(row) - 2)}


def test_one_template_with_other_numbers_is_one_frame():
    """Numbers, dates and identifiers are masked; a changed word makes another frame."""
    f = framed(
        "Grade answer 17 of run 2a9f.", "grade answer 4 of run 77c1!", "grade reply 4 of run 77c1"
    )
    assert f.frame[0] == f.frame[1] != f.frame[2]
    assert (f.bands[0] == f.bands[1]).all()


def test_order_of_words_counts():
    """The same words in another order are another frame."""
    f = framed("rate the answer", "answer the rate")
    assert f.frame[0] != f.frame[1]
    assert not (f.bands[0] == f.bands[1]).any()


def test_edges_keep_a_template_around_variable_text():
    """Long variable text between fixed edges changes the frame and keeps opening and closing."""
    words = np.array(["amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heath"])
    rng = np.random.default_rng(3)
    texts = [
        "You are a careful expert. Solve this: "
        + " ".join(rng.choice(words, 40))
        + " Reply with your full reasoning step by step."
        for _ in range(20)
    ]
    f = framed(*texts)
    assert len(np.unique(f.frame)) == 20
    assert len(np.unique(f.opening)) == len(np.unique(f.closing)) == 1
    assert f.opening[0] != f.closing[0]


@pytest.mark.parametrize("words", range(1, 2 * EDGE_TOKENS + 2))
def test_edges_are_the_first_and_last_tokens(words: int):
    """A change inside an edge changes its key, a change outside doesn't, at any length."""
    base = [f"w{chr(97 + i)}" for i in range(words)]
    f = framed(" ".join(base))
    for i in range(words):
        other = framed(" ".join([*base[:i], "changed", *base[i + 1 :]]))
        assert (other.opening[0] != f.opening[0]) == (i < EDGE_TOKENS)
        assert (other.closing[0] != f.closing[0]) == (i >= words - EDGE_TOKENS)
        assert other.frame[0] != f.frame[0]


def test_short_and_empty_prompts_have_no_bands():
    """Nothing without tokens; a frame but no bands below three tokens; no prompt is 0 by chance."""
    f = framed(None, "", "?!", "hi", "hi there", "hi there you")
    assert f.frame[:3].tolist() == f.opening[:3].tolist() == f.closing[:3].tolist() == [0, 0, 0]
    assert (f.frame[3:] != 0).all()
    assert (f.bands[:5] == 0).all()
    assert (f.bands[5] != 0).all()
    assert len(frames(tokenise(pa.array([], pa.string()))).frame) == 0


def test_only_so_many_tokens_are_sketched():
    """What follows the sketched tokens changes the frame and the closing, not the bands."""
    head = " ".join(f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrst")
    f = framed(head + " tail one", head + " tail two")
    assert SKETCH_TOKENS < 520
    assert (f.bands[0] == f.bands[1]).all()
    assert f.frame[0] != f.frame[1]


@pytest.mark.parametrize("changed", [1, 3, 6, 10, 16, 24])
def test_frames_share_a_band_as_often_as_their_similarity_says(changed: int):
    """1 - (1 - s^ROWS)^BANDS over 3,000 pairs of one similarity s (the Jaccard index of trigrams).

    The standard error of a share is at most 0.009; the hash family adds a little of its own.
    """
    rng = np.random.default_rng(changed)
    pairs, similarity = [], []
    for _ in range(3000):
        a = rng.integers(0, 2**32, 60, np.uint32)
        b = a.copy()
        begin = rng.integers(0, 60 - changed)
        b[begin : begin + changed] = rng.integers(0, 2**32, changed, np.uint32)
        s, t = trigrams(a), trigrams(b)
        similarity.append(len(s & t) / len(s | t))
        pairs += [a, b]
    bands = frames(of_hashes(pairs)).bands
    shared = (bands[::2] == bands[1::2]).any(1).mean()
    expected = (1 - (1 - np.array(similarity) ** ROWS) ** BANDS).mean()
    assert abs(shared - expected) < 0.04


def test_unlike_frames_share_no_band():
    """A thousand random frames give a thousand of each band: families don't grow by chance."""
    rng = np.random.default_rng(8)
    bands = frames(of_hashes([rng.integers(0, 2**32, 40, np.uint32) for _ in range(1000)])).bands
    assert all(len(np.unique(bands[:, b])) == 1000 for b in range(BANDS))
    assert len(np.unique(bands)) == 1000 * BANDS


def test_a_frame_does_not_depend_on_its_neighbours():
    """Row by row, in any order, the answer is the same."""
    texts = [
        "write a poem on rain",
        "",
        "sum the column b of table 7",
        "思考 过程 是 什么",
        "hi",
    ] * 3
    order = np.random.default_rng(0).permutation(len(texts))
    f, g = framed(*texts), framed(*(texts[i] for i in order))
    for name in ("frame", "opening", "closing", "bands"):
        assert (getattr(f, name)[order] == getattr(g, name)).all()
