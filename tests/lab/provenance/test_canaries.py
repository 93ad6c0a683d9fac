"""Canary ranks and membership: exact under the null, and found where there is something."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from stillwatch.errors import NothingToRead, TraceRefused
from stillwatch.lab.provenance.canary_rank import (
    Canary,
    as_texts,
    by_likelihood,
    by_occurrence,
    fisher,
    ranked,
    read_canaries,
)
from stillwatch.lab.provenance.membership import a_token, membership
from stillwatch.lab.provenance.texts import texts_of


def _canaries(seed: int, levels: tuple[int, ...] = (0, 4), each: int = 5) -> list[Canary]:
    rng = np.random.default_rng(seed)
    found = []
    for exposures in levels:
        for _ in range(each):
            codes = [tuple(code) for code in rng.integers(1, 99, (20, 4)).tolist()]
            found.append(Canary(codes[0], tuple(codes[1:]), exposures))
    return found


def test_ranks_are_exact_under_the_null() -> None:
    """Random likelihoods: each level's p-value is uniform or greater, over 400 registries."""
    rng, canaries = np.random.default_rng(0), _canaries(1)
    many = len(as_texts(canaries))
    told = [ranked(canaries, rng.normal(size=many)) for _ in range(400)]
    for p in (np.array([one.p for one in told]), np.array([one.control for one in told])):
        assert (p <= 0.05).mean() <= stats.binom.ppf(0.9995, 400, 0.05) / 400
        assert (p <= 0.3).mean() >= 0.15


def test_planted_ones_stand_out() -> None:
    """By likelihood and by occurrence; those never served don't."""
    canaries = _canaries(2)
    known = {canary.planted for canary in canaries if canary.exposures}

    def likelihood(texts):
        rows = [tuple(text[prompt:].tolist()) for text, prompt in texts.pieces()]
        noise = np.random.default_rng(3).normal(size=len(rows))
        sums = np.array([5.0 * (row in known) for row in rows]) + noise * 0.1
        return np.repeat(sums / 4, 4)

    told = by_likelihood(canaries, likelihood, None)
    assert told.p == pytest.approx(fisher([1 / 20] * 5))
    assert told.control is not None
    assert told.control > 0.05
    written = texts_of([([1], [9, *code, 9]) for code in known])
    assert by_occurrence(canaries, written).p == pytest.approx(told.p)
    assert by_occurrence(canaries, written).control == 1.0


def test_ties_count_against_the_test() -> None:
    """A suspect that holds everything alike shows nothing."""
    canaries = _canaries(4)
    told = ranked(canaries, np.zeros(len(as_texts(canaries))))
    assert told.p == 1.0
    assert {level.p for level in told.levels} == {1.0}


def test_fisher_is_scipys() -> None:
    """Against `combine_pvalues`."""
    p = [0.2, 0.03, 0.5, 0.9]
    assert fisher(p) == pytest.approx(stats.combine_pvalues(p).pvalue)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"canary": [1, 2], "references": [], "exposures": 1}, "no references"),
        ({"canary": [1, 2], "references": [[1, 3]], "exposures": -1}, "below 0"),
        ({"canary": [1, 2], "references": [[1]], "exposures": 1}, "not as long"),
        ({"canary": [1, 2], "references": [[1, 2]], "exposures": 1}, "among its references"),
        ({"canary": [1, 2], "references": [[1, 3], [1, 3]], "exposures": 1}, "told twice"),
        ({"canary": [], "references": [[]], "exposures": 1}, "empty"),
        ({"canary": [-4], "references": [[5]], "exposures": 1}, "no token id"),
        ({"canary": "a", "references": [[1]], "exposures": 1}, "some are text"),
        ({"canary": "", "references": [""], "exposures": 1}, "empty"),
        ({"canary": [1], "exposures": 1}, "line 1"),
        ({"canary": 5, "references": [[1]], "exposures": 1}, "line 1"),
    ],
)
def test_a_wrong_registry_is_refused(tmp_path: Path, row: dict, words: str) -> None:
    """With its line."""
    path = tmp_path / "canaries.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(TraceRefused, match=words):
        read_canaries(path)


def test_canaries_of_text_are_encoded_or_looked_for(tmp_path: Path) -> None:
    """Token ids as they are; text encoded for likelihood, and found in what answers say."""
    path = tmp_path / "canaries.jsonl"
    rows = [
        {"canary": "ab", "references": ["cd", "ef"], "exposures": 2, "account": "kept elsewhere"},
        {"canary": [1, 2], "references": [[3, 4], [5, 6]], "exposures": 0},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    told = read_canaries(path)
    assert told[0].planted == "ab"
    assert told[1].candidates == [(1, 2), (3, 4), (5, 6)]
    texts = as_texts(told, 9, lambda text: [ord(letter) for letter in text])
    assert [text.tolist() for text, _ in texts.pieces()][:2] == [[9, 97, 98], [9, 99, 100]]
    written = texts_of([([1, 2], [97, 98, 97, 98]), ([97, 98], [7])])
    found = by_occurrence(told, written, lambda ids: "".join(map(chr, ids)))
    assert found.p == pytest.approx(1 / 3)
    for refused in (lambda: as_texts(told), lambda: by_occurrence(told, written)):
        with pytest.raises(TraceRefused, match="no tokenizer"):
            refused()
    path.write_text("\n")
    with pytest.raises(NothingToRead):
        read_canaries(path)


def test_membership_is_exact_under_the_null() -> None:
    """No difference: p-values are uniform, over 200 splits."""
    rng = np.random.default_rng(5)
    p = []
    for seed in range(200):
        easy = rng.normal(size=80)
        own, other = easy + rng.normal(size=80), easy + rng.normal(size=80)
        p.append(membership(own[:30], own[30:], [other[:30]], [other[30:]], seed, 199).p)
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 1e-3
    assert (np.array(p) <= 0.05).sum() <= stats.binom.ppf(0.9995, 200, 0.05)


@pytest.mark.parametrize("served", [20, 60])
def test_membership_is_found_whichever_side_is_larger(served: int) -> None:
    """References take out how easy an answer is, which alone would hide it."""
    rng = np.random.default_rng(6)
    easy = rng.normal(scale=5, size=80)
    own = easy + rng.normal(scale=0.3, size=80)
    own[:served] += 1.0
    other = easy + rng.normal(scale=0.3, size=80)
    told = membership(own[:served], own[served:], [other[:served]], [other[served:]], 0, 4999)
    assert told.p == 1 / 5000
    assert told.gain == pytest.approx(1.0, abs=0.3)


def test_permutations_agree_with_scipy() -> None:
    """Against its own permutation test on a difference of means."""
    rng = np.random.default_rng(7)
    left, right = rng.normal(0.3, size=25), rng.normal(size=40)
    zeros = [np.zeros(25)], [np.zeros(40)]
    ours = membership(left, right, *zeros, seed=1, shuffles=19_999).p
    theirs = stats.permutation_test(
        (left, right),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
        alternative="greater",
        n_resamples=19_999,
        rng=np.random.default_rng(2),
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.015)


def test_a_figure_a_text_is_the_mean_of_its_answer() -> None:
    """Prompts don't count; an empty answer has none."""
    texts = texts_of([([1], [2, 3]), ([1], []), ([], [4])])
    assert a_token(texts, np.array([-1.0, -3.0, -0.5])).tolist() == [-2.0, 0.0, -0.5]


def test_a_canary_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """Two exports put together would count one rank as two findings."""
    path = tmp_path / "canaries.jsonl"
    row = {"canary": "ab", "references": ["cd"], "exposures": 2}
    later = row | {"exposures": 5}
    path.write_text("\n".join(json.dumps(one) for one in (row, later)))
    with pytest.raises(TraceRefused, match="line 2: the canary of line 1 again"):
        read_canaries(path)
