"""Boosted trees: what they can tell, against scikit-learn's, and that probabilities are labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from stillwatch.statistics import boosting
from stillwatch.statistics.boosting import LEAVES, Boosted, boost


def joint(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of six features and a probability that two of them raise jointly."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, (2, 2, 10, 50, 200, 256), (n, 6)).astype(np.uint8)
    odds = np.where(codes[:, 0] & codes[:, 1], 2.0, -2.0) + (codes[:, 3] > 30)
    return codes, 1 / (1 + np.exp(-odds))


def test_it_learns_what_scikit_learns():
    """On rows that it wasn't taught, it is as near to the truth as scikit-learn's boosting."""
    codes, truth = joint(8_000, 1)
    label = np.random.default_rng(2).random(len(truth)) < truth
    asked, expected = joint(4_000, 3)
    drawn = np.random.default_rng(4).random(len(expected)) < expected
    ours = boost(codes, label.astype(float), np.ones(len(label)))(asked)
    theirs = HistGradientBoostingClassifier(
        max_iter=boosting.TREES,
        max_leaf_nodes=boosting.LEAVES,
        learning_rate=boosting.RATE,
        l2_regularization=boosting.RIDGE,
        min_samples_leaf=boosting.LEAST_ROWS,
        early_stopping=False,
    )
    told = theirs.fit(codes, label).predict_proba(asked)[:, 1]
    assert log_loss(drawn, ours) < 1.02 * log_loss(drawn, told)
    assert np.abs(ours - expected).mean() < 0.06


def test_a_probability_is_that_much_of_both_labels():
    """A row of 0.3 teaches as its two copies do, one of each label, weighted so.

    Not quite: copies count twice among the rows that a leaf must have.
    """
    codes, truth = joint(2_000, 5)
    weight = np.random.default_rng(6).uniform(0.5, 2.0, len(truth))
    soft = boost(codes, truth, weight)
    hard = boost(
        np.concatenate([codes, codes]),
        np.repeat([1.0, 0.0], len(codes)),
        np.concatenate([truth * weight, (1 - truth) * weight]),
    )
    assert np.abs(soft(codes) - hard(codes)).mean() < 0.05
    assert soft.base == pytest.approx(hard.base)


def test_the_same_rows_teach_the_same_trees():
    """Nothing is drawn."""
    codes, truth = joint(2_000, 7)
    first, second = (boost(codes, truth, np.ones(len(truth))) for _ in range(2))
    np.testing.assert_array_equal(first(codes), second(codes))


@pytest.mark.parametrize("rows", [1, 2 * boosting.LEAST_ROWS - 1])
def test_too_few_rows_for_a_leaf_teach_only_the_mean(rows: int):
    """No cut leaves enough on both sides."""
    codes, truth = joint(rows, 8)
    told = boost(codes, truth, np.ones(rows))(codes)
    np.testing.assert_allclose(told, truth.mean(), rtol=1e-6)


def grown(leaves: list[int], seed: int, features: int = 6) -> Boosted:
    """Trees of so many leaves each, grown by cutting leaves at random, whatever the cuts."""
    rng = np.random.default_rng(seed)
    shape = (len(leaves), 2 * LEAVES - 1)
    feature, cut = np.full(shape, -1, np.int8), np.zeros(shape, np.uint8)
    left, value = np.zeros(shape, np.int16), np.zeros(shape)
    for tree, count in enumerate(leaves):
        ends = [0]
        for used in range(1, 2 * count - 1, 2):
            node = ends.pop(int(rng.integers(len(ends))))
            feature[tree, node] = rng.integers(features)
            cut[tree, node], left[tree, node] = rng.integers(0, 256), used
            ends += [used, used + 1]
        value[tree, ends] = rng.normal(size=count)
    return Boosted(float(rng.normal()), feature, cut, left, value)


def walked(trees: Boosted, row: list[int]) -> float:
    """The probability of one row, from the root of each tree down, one node at a time."""
    total = trees.base
    for tree in range(len(trees.feature)):
        node = 0
        while trees.feature[tree, node] >= 0:
            above = row[trees.feature[tree, node]] > trees.cut[tree, node]
            node = trees.left[tree, node] + int(above)
        total += trees.value[tree, node]
    return 1 / (1 + np.exp(-total))


@pytest.mark.parametrize("seed", range(5))
def test_trees_say_what_walking_down_them_says(seed: int):
    """Trees of any shape: of as many leaves as may be, of two, and of one that is all there is.

    Codes of the cuts and just above, so that every edge is met, and of features never asked for.
    """
    rng = np.random.default_rng(seed)
    trees = grown([LEAVES, 1, *rng.integers(1, LEAVES + 1, 30), 2, LEAVES, 1], seed)
    codes = rng.integers(0, 256, (300, 8)).astype(np.uint8)
    cuts = trees.cut[trees.feature >= 0].astype(int)
    edge = np.minimum(rng.choice(cuts, (300, 8)) + rng.integers(0, 2, (300, 8)), 255)
    rows = np.concatenate([codes, edge.astype(np.uint8), np.array([[0] * 8, [255] * 8], np.uint8)])
    expected = [walked(trees, row) for row in rows.tolist()]
    np.testing.assert_allclose(trees(rows), expected, rtol=1e-12)
    np.testing.assert_array_equal(trees(np.asfortranarray(rows)), trees(rows))


def test_learnt_trees_say_what_walking_down_them_says():
    """Of trees that were taught, rows that they were and were not taught by."""
    codes, truth = joint(3_000, 9)
    trees = boost(codes, truth, np.ones(len(truth)))
    asked = np.concatenate([codes[:100], joint(200, 10)[0]])
    expected = [walked(trees, row) for row in asked.tolist()]
    np.testing.assert_allclose(trees(asked), expected, rtol=1e-12)


def test_trees_of_one_leaf_are_a_constant():
    """All trees a single leaf: whatever is asked, their sum."""
    trees = grown([1] * 4, 0)
    expected = 1 / (1 + np.exp(-trees.base - trees.value[:, 0].sum()))
    np.testing.assert_allclose(trees(np.arange(12, dtype=np.uint8).reshape(4, 3)), expected)
    assert len(trees(np.zeros((0, 3), np.uint8))) == 0
