"""The windows benchmark runs, on made-up texts, and its copy of the paper's test is exact."""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import windows
from benchmarks.window_sets.corpora import nonsense, plain
from benchmarks.window_sets.paper import PaperTest
from stillwatch.scoring.baselines.mmd import unbiased_mmd2


def unit(rng: np.random.Generator, n: int, shift: float = 0.0) -> np.ndarray:
    """Unit vectors (n, 8), to one side by `shift`."""
    points = rng.normal(size=(n, 8)) + shift
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def test_the_papers_score_is_the_mean_over_its_draws():
    """By the formula, window by window."""
    rng = np.random.default_rng(1)
    benign, points = unit(rng, 120), unit(rng, 30, 0.5)
    test = PaperTest.of(benign, 30, rng, 50)
    draws = [benign[places] for places in test.reference.draws]
    brute = np.mean([unbiased_mmd2(points, d, test.reference.median) for d in draws])
    assert len(draws) == 20
    assert test.score(points, test.across(points)) == pytest.approx(brute, abs=1e-6)


def test_the_papers_threshold_is_of_single_pairs_and_far_out_for_its_scores():
    """One to one varies more than a mean over 20; the null of like scores has its 5% below."""
    rng = np.random.default_rng(2)
    benign = unit(rng, 400)
    test = PaperTest.of(benign, 40, rng, 400)
    pairs = []
    for _ in range(400):
        dealt = rng.permutation(400)
        one, two = benign[dealt[:40]], benign[dealt[40:80]]
        pairs.append(unbiased_mmd2(one, two, test.reference.median))
    assert test.stated == pytest.approx(np.quantile(pairs, 0.95), rel=0.25)
    assert test.threshold(0.05) < test.stated


def test_both_tests_see_a_shift_and_neither_flags_everything():
    """A window half made of strangers, on every comparison."""
    rng = np.random.default_rng(3)
    benign, attack = unit(rng, 500), unit(rng, 200, 1.5)
    options = argparse.Namespace(splits=2, windows=8, benign=40, null=1_000, seed=1)
    row = windows.measure(benign, {"it": attack}, 60, options)["it"]
    assert row["held_out"] == 100
    for rates in row["flagged"]["50%"].values():
        assert rates == {"mmd": 1.0, "ours": 1.0}
    for rates in row["flagged"]["benign"].values():
        assert max(rates.values()) < 0.2


def test_the_benchmark_runs_on_made_up_texts(tmp_path, monkeypatch, capsys):
    """One pair of the two corpora that are there; the others are named as left out."""
    rng = np.random.default_rng(4)

    def prompts(name: str, source: str, n: int, vocabulary: int):
        words = ["".join(rng.choice(list("aeioubdfgklmnprst"), 7)) for _ in range(vocabulary)]
        texts = [" ".join(rng.choice(words, 12)) for _ in range(n)]
        table = pa.table({"text": texts, "source": [source] * n, "id": texts})
        pq.write_table(table, tmp_path / f"{name}.parquet")

    prompts("chat_arena_hard", "arena", 300, 500)
    prompts("harvest_tools_apibench", "apibench", 80, 30)
    said = f"--texts {tmp_path} --pairs development --encoders features --size 30 --windows 4"
    extra = "--benign 20 --splits 2 --null 60"
    monkeypatch.setattr(sys, "argv", ["windows.py", *said.split(), *extra.split()])
    monkeypatch.setattr(windows, "OUR_RATE", 0.05)
    monkeypatch.setattr(windows, "CALIBRATED", 0.05)
    windows.main()
    out = capsys.readouterr()
    document = json.loads(out.out)
    (result,) = document["results"]
    assert list(result["pairs"]) == ["assistant and apibench"]
    assert set(result["mean"]) == {"benign", "5%", "10%", "25%", "50%", "100%"}
    assert result["mean"]["100%"]["stated"]["ours"] == 1.0
    assert "left out, for a corpus is absent: news and products" in out.err
    assert "| mean |" in out.err


def test_nonsense_has_the_words_of_one_and_the_lengths_of_another():
    """Four words at least."""
    made = nonsense(["one", "a b c d e f"], ["Red green", "green blue"])
    assert [len(text.split()) for text in made] == [4, 6]
    assert set(" ".join(made).split()) <= {"red", "green", "blue"}


def test_markup_is_taken_off():
    """Files with links in their captions, references, tables, entities."""
    text = (
        "[[File:a.jpg|thumb|The [[owl]]]]Owls&nbsp;hunt.&lt;ref name=x&gt;no&lt;/ref&gt;\n"
        "{| a\n| b\n|}\n== Food ==\n* mice\nThey eat [http://x.org mice]."
    )
    assert plain(text) == "Owls hunt.\nThey eat mice."
