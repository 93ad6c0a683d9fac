"""Content: an embedding whose inner products are the cosine of weighted bags of words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from stillwatch.signals.content import BUCKETS, COMPONENTS, SCALE, content, token_weights
from stillwatch.signals.tokens import hash_words, tokenise
from stillwatch.tables import CONTENT_COMPONENTS

LEAST_WORDS = 40
"""From so many distinct words on, hardly a component is cut off at the ends of int8."""


def vocabulary(n: int) -> np.ndarray:
    """`n` made-up words of letters."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    return np.array(
        ["".join(letters[np.random.default_rng(i).integers(0, 26, 7)]) for i in range(n)]
    )


def embed(*texts: str | None) -> np.ndarray:
    """Embeddings as floats, of length about 1."""
    return content(tokenise(pa.array(texts, pa.string()))).astype(float) / SCALE


def weighted_bag(text: str) -> dict[int, float]:
    """The words of a text with their weights, as a plain count has them."""
    weights = token_weights()
    counts = Counter(hash_words(text).tolist())
    return {h: n * float(weights[h & (BUCKETS - 1)]) for h, n in counts.items()}


def cosine(a: dict[int, float], b: dict[int, float]) -> float:
    """Cosine of two weighted bags."""
    dot = sum(a[h] * b[h] for h in a.keys() & b.keys())
    return dot / np.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))


def test_embeddings_have_unit_length_up_to_rounding():
    """Rounding 256 components to 1/320 moves the length by less than a hundredth."""
    words, rng = vocabulary(400), np.random.default_rng(1)
    texts = [" ".join(rng.choice(words, n, replace=False)) for n in range(LEAST_WORDS, 400, 6)]
    length = np.linalg.norm(embed(*texts), axis=1)
    assert np.abs(length - 1).max() < 0.01


def test_very_short_prompts_are_shorter_than_unit_length_but_not_nothing():
    """int8 holds a component of 0.397 at most; two equal components of one word would be 0.707."""
    words = vocabulary(300)
    embedded = embed(*words)
    length = np.linalg.norm(embedded, axis=1)
    assert np.abs(embedded).max() <= 127 / SCALE
    assert (length <= 1.001).all()
    # A word's two components fall together with opposite signs once in 512 times.
    assert (length > 0.55).mean() > 0.98


def test_inner_products_are_the_cosine_of_weighted_bags_of_words():
    """Over 2,000 pairs at all distances: correlation above 0.95, no bias, error about 1/16."""
    words, rng = vocabulary(600), np.random.default_rng(2)
    texts, pairs = [], []
    for i in range(2000):
        n = int(rng.integers(20, 120))
        first = rng.choice(words, n)
        second = np.where(rng.random(n) < rng.random(), first, rng.choice(words, n))
        texts += [" ".join(first), " ".join(second)]
        pairs.append((2 * i, 2 * i + 1))
    embedded = embed(*texts)
    found = np.array([embedded[i] @ embedded[j] for i, j in pairs])
    exact = np.array([cosine(weighted_bag(texts[i]), weighted_bag(texts[j])) for i, j in pairs])
    error = found - exact
    assert np.corrcoef(found, exact)[0, 1] > 0.95
    assert abs(error.mean()) < 0.01
    assert error.std() < 1.2 / np.sqrt(COMPONENTS)


def test_function_words_weigh_less_than_the_subject():
    """Two questions on one subject are nearer than two of one wording on different subjects."""
    same = embed(
        "photosynthesis chlorophyll explained", "what is the photosynthesis of a chlorophyll"
    )
    wording = embed("what is the photosynthesis of a leaf", "what is the mortgage of a house")
    assert same[0] @ same[1] > wording[0] @ wording[1]


def test_texts_without_words_are_zero_and_numbers_are_masked():
    """Null, empty and punctuation embed to nothing; digits don't tell prompts apart."""
    nothing = embed(None, "", "?!")
    assert not nothing.any()
    a, b = embed("order 17 of 2024-05-01 shipped", "order 4 of 1999-12-31 shipped")
    assert (a == b).all()
    assert content(tokenise(pa.array([], pa.string()))).shape == (0, COMPONENTS)


def test_word_order_and_neighbours_do_not_matter_up_to_rounding():
    """A bag of words: order moves a component by rounding at most; rows don't see each other."""
    words, rng = vocabulary(80), np.random.default_rng(3)
    one = embed(" ".join(words))[0] * SCALE
    other = embed("something else", " ".join(rng.permutation(words)))[1] * SCALE
    assert np.abs(one - other).max() <= 1


def test_sums_merge_exactly():
    """Sums of int8 components in any split are one integer sum, far from overflow in int32."""
    embedded = content(
        tokenise(pa.array([f"text {w} about {v}" for w in vocabulary(30) for v in "abc"]))
    )
    whole = embedded.sum(0, dtype=np.int32)
    parts = sum(part.sum(0, dtype=np.int32) for part in np.array_split(embedded[::-1], 7))
    assert (whole == parts).all()


def test_shipped_weights_cover_every_bucket():
    """A weight for each of 65,536 buckets, in (0, 1]; function words weigh less than rare ones."""
    weights = token_weights()
    assert weights.shape == (BUCKETS,)
    assert weights.dtype == np.float32
    assert weights.min() > 0
    assert weights.max() <= 1
    common = weights[hash_words("the of and to a in") & (BUCKETS - 1)]
    rare = weights[hash_words("photosynthesis mortgage chlorophyll") & (BUCKETS - 1)]
    assert common.max() < rare.min()
    assert CONTENT_COMPONENTS == COMPONENTS
