"""Boosted trees: what they can tell, against scikit-learn's, and that probabilities are labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from stillwatch.statistics import boosting
from stillwatch.statistics.boosting import boost


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
