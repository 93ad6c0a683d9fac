"""An innocent model that copies is accused by the naive count, and not by ours."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.trace.language import VOCABULARY, language
from stillwatch.lab.provenance.controls import Scored, judged, score, wrong_keys
from stillwatch.lab.provenance.predictions import Predictions, guesses
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.scoring import collected
from stillwatch.lab.provenance.texts import Texts
from tests.lab.provenance.counting import Counting, counted

SPOKEN = language(0)
MARK = GreenList(15485863, VOCABULARY, 0.5)
SERVED = SPOKEN.served(250, 1, MARK)


@cache
def _told(model: Counting, texts: Texts) -> Predictions:
    return model.predictions(texts)


def _score(
    model: Counting, statistic: str, exclusion: str, mark: GreenList = MARK, texts: Texts = SERVED
) -> Scored:
    made = guesses(texts, _told(model, texts), statistic)
    return score(mark, collected(texts, made, mark, exclusion))


INNOCENT = counted(SPOKEN.served(600, 2))
TRAINED = counted(SPOKEN.served(600, 3, MARK))


@pytest.mark.parametrize("statistic", ["tokens", "mass"])
def test_the_naive_count_accuses_an_innocent_and_ours_does_not(statistic: str) -> None:
    """It was trained on unmarked text alone; what it copies from the context is marked."""
    assert _score(INNOCENT, statistic, "none").p < 1e-4
    for exclusion in ("pair", "context", "fresh"):
        assert _score(INNOCENT, statistic, exclusion).p > 0.01


@pytest.mark.parametrize("statistic", ["tokens", "mass"])
def test_wrong_keys_do_not_show_it(statistic: str) -> None:
    """The naive count's p-values under wrong keys are as they should be: only an innocent tells."""
    made = guesses(SERVED, _told(INNOCENT, SERVED), statistic)
    assert wrong_keys(SERVED, made, MARK, "none", None, b"seed", 300).sound


@pytest.mark.parametrize("statistic", ["tokens", "mass"])
@pytest.mark.parametrize("exclusion", ["pair", "context"])
def test_who_was_trained_on_it_is_found(statistic: str, exclusion: str) -> None:
    """With the same exclusion, on the same texts."""
    assert _score(TRAINED, statistic, exclusion).p < 1e-6


def test_a_contrast_to_an_innocent_finds_it_too() -> None:
    """And compares innocents with each other without accusing one."""
    reference = _told(INNOCENT, SERVED)
    for model, bar in ((TRAINED, True), (counted(SPOKEN.served(600, 4)), False)):
        made = guesses(SERVED, _told(model, SERVED), "contrast", reference)
        p = score(MARK, collected(SERVED, made, MARK, "context")).p
        assert p < 1e-6 if bar else p > 0.01


def test_forty_innocents_are_accused_as_often_as_the_level_says() -> None:
    """Each with a key and marked text of its own; the naive count accuses most of them."""
    found = []
    for seed in range(40):
        mark = GreenList(1000 + 7 * seed, VOCABULARY, 0.5)
        served = SPOKEN.served(60, 100 + seed, mark)
        told = INNOCENT.predictions(served)
        row = [
            score(mark, collected(served, guesses(served, told, "mass"), mark, exclusion)).p
            for exclusion in ("none", "pair", "context")
        ]
        found.append(row)
    naive, pair, context = (np.array(found) <= 0.05).sum(axis=0)
    assert naive > 10
    assert max(pair, context) <= binom.ppf(0.999, 40, 0.05)
    assert np.array(found)[:, 1:].min() > 1e-4


@pytest.mark.parametrize("statistic", ["tokens", "sampled", "mass"])
def test_wrong_keys_are_uniform_for_who_was_trained(statistic: str) -> None:
    """The exact tails and the saddlepoint's alike."""
    made = guesses(SERVED, _told(TRAINED, SERVED), statistic)
    wrong = wrong_keys(SERVED, made, MARK, "context", None, statistic.encode(), 400)
    assert wrong.sound
    assert wrong.distance < 0.1
    assert binom.ppf(0.0005, 400, 0.05) <= (wrong.p <= 0.05).sum() <= binom.ppf(0.9995, 400, 0.05)
    assert wrong.rank(0.0) == pytest.approx(1 / 401)


def test_wrong_keys_follow_their_seed() -> None:
    """Anybody who has the registration can draw them again."""
    made = guesses(SERVED, _told(TRAINED, SERVED), "tokens")
    runs = [
        wrong_keys(SERVED, made, MARK, "pair", None, seed, 100).p for seed in (b"a", b"a", b"b")
    ]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


def test_a_null_that_does_not_hold_is_seen() -> None:
    """P-values that are too small at any level."""
    rng = np.random.default_rng(0)
    assert judged(rng.random(1000)).sound
    assert not judged(rng.random(1000) ** 1.3).sound
    assert judged(np.sqrt(rng.random(1000))).sound
