"""The capability classifier: what it says of plain sentences, and that train and serve agree."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from stillwatch.signals import capability as module
from stillwatch.signals.capability import BUCKETS, WIDTH, capability, features, weights
from stillwatch.signals.tokens import tokenise
from stillwatch.tables import CAPABILITIES

SENTENCES = [
    ("Hello there, how was your weekend?", "chat"),
    ("Could you write a birthday poem for my aunt who loves gardening?", "chat"),
    ("What should I cook tonight with leftover potatoes?", "chat"),
    (
        "Write a Python function that removes duplicates from a list without changing the order.",
        "coding",
    ),
    (
        "Why does this throw a NullPointerException?\n\nString s = null;\nint n = s.length();",
        "coding",
    ),
    ("A shop sells pens at 3 for $2. How much do 21 pens cost?", "mathematical_reasoning"),
    ("Prove that the sum of two odd integers is even.", "mathematical_reasoning"),
    (
        "Question: what is 12 * 12?\nFinal answer: 144\nReconstruct the complete chain of thought"
        " that leads to this answer, without skipping a step.",
        "reasoning_elicitation",
    ),
    (
        "You are an impartial judge. Score the response below from 1 to 10 using the rubric.\n"
        "Question: why do cats purr?\nResponse: Because they are content.\nScore:",
        "grading",
    ),
    (
        'Functions: [{"name": "get_weather", "parameters": {"city": "string"}}]\n'
        "Request: check the weather in Oslo tomorrow. Respond with the function call.",
        "tool_use",
    ),
    (
        "month,sales\n1,200\n2,240\n3,180\n\nCompute the mean of sales and describe the trend.",
        "data_analysis",
    ),
    (
        "Rewrite this answer so that it is politically acceptable and avoids criticism of the"
        " government.\n\nAnswer: The ministry lied about the protests.",
        "sensitive_rewriting",
    ),
    (
        "Observation: FAILED tests/test_io.py::test_read - AssertionError\n1 failed, 7 passed\n"
        "Decide the next command and continue until all tests pass in the repository.",
        "agentic_reasoning",
    ),
    ("Which planet is largest?\nA. Mars\nB. Venus\nC. Jupiter\nD. Mercury\nAnswer:", "other"),
    ("Translate into French: The committee will meet on Monday.", "other"),
    ("用Python写一个函数，判断一个数是不是质数。", "coding"),
    (
        "Bewerte die folgende Antwort von 1 bis 10 anhand der Kriterien.\nAntwort: Weil es regnet.",
        "grading",
    ),
]


def classify(texts, tools: bool = False, thinking: int = -1):
    """Codes and probabilities of texts that share their request settings."""
    tokens = tokenise(pa.array(texts, pa.string()))
    n = len(tokens)
    return capability(tokens, np.full(n, tools), np.full(n, thinking, np.int8))


@pytest.mark.parametrize(("text", "label"), SENTENCES)
def test_plain_sentences_get_their_class(text: str, label: str):
    """Sentences of our own that training has not seen, one or more a class."""
    codes, _ = classify([text])
    assert CAPABILITIES[codes[0]] == label


def test_rows_of_training_give_the_kernel_s_answer():
    """Scores computed from `features` with the stored weights are those that `capability` uses."""
    texts = [text for text, _ in SENTENCES] + ["x " * 5000, "ab, " * 900, "問題を解く" * 50]
    tokens = tokenise(pa.array(texts))
    pointers, columns, values = features(tokens)
    x = csr_matrix((values, columns, pointers), shape=(len(texts), WIDTH))
    w = weights()
    logits = x[:, :BUCKETS] @ w.hashed + x[:, BUCKETS:] @ w.dense + w.bias
    adjusted = module.adjust(logits.copy(), np.zeros(len(texts), bool), np.full(len(texts), -1))
    odds = np.exp(adjusted - adjusted.max(axis=1, keepdims=True))
    codes, probability = classify(texts)
    assert codes.tolist() == odds.argmax(axis=1).tolist()
    np.testing.assert_allclose(probability, (odds / odds.sum(1, keepdims=True)).max(1), rtol=1e-3)


def test_hashed_features_are_square_root_counts_of_unit_length():
    """Three equal tokens give sqrt(3) times the weight of one; a span has Euclidean length one."""
    tokens = tokenise(pa.array(["aye aye aye bee", "red green blue yellow"]))
    pointers, columns, values = features(tokens)
    x = csr_matrix((values, columns, pointers), shape=(2, WIDTH))
    x.sum_duplicates()
    row = np.sort(x[0, :BUCKETS].toarray().ravel())[::-1]
    # whole text and edges: "aye" 3 times, "aye aye" twice, "bee" and "aye bee" once; 8 slots each
    expected = np.sqrt(np.array([3, 3, 2, 2, 1, 1, 1, 1]) / 8)
    np.testing.assert_allclose(row[:8], expected, rtol=1e-5)
    assert row[8] == 0


def test_empty_and_wordless_texts_are_other():
    """Nothing to read is `other` for sure, whatever the request's settings."""
    codes, probability = classify(["", None, "  \n ", "?!...", "\x00"], tools=True, thinking=1)
    assert {CAPABILITIES[c] for c in codes} == {"other"}
    assert probability.tolist() == [1.0] * 5


def test_settings_move_the_odds_in_their_direction():
    """Offered tools favour tool use; asked thinking favours traces; unknown adds nothing."""
    text = ["Find a flight from Oslo to Rome on Friday and book it."]
    plain, offered = classify(text), classify(text, tools=True)
    assert CAPABILITIES[offered[0][0]] == "tool_use"
    assert plain[0][0] != offered[0][0] or offered[1][0] > plain[1][0]
    level = np.zeros((1, len(CAPABILITIES)))
    shift = module.adjust(level.copy(), np.array([True]), np.array([1]))[0]
    names = [CAPABILITIES[i] for i in np.argsort(-shift)[:4]]
    assert names[:2] == ["agentic_reasoning", "tool_use"]
    assert {*names[2:]} == {"reasoning_elicitation", "mathematical_reasoning"}
    unknown = module.adjust(level.copy(), np.array([True]), np.array([-1]))[0]
    assert (unknown != 0).sum() == len(module.TOOLS_OFFERED)


def test_answers_are_deterministic_and_free_of_neighbours():
    """A text has the same class and probability alone, in a batch, and in reverse order."""
    texts = [text for text, _ in SENTENCES]
    codes, probability = classify(texts)
    reverse = classify(texts[::-1])
    assert codes.tolist() == reverse[0][::-1].tolist()
    assert probability.tolist() == reverse[1][::-1].tolist()
    alone = [classify([t])[1][0] for t in texts]
    assert probability.tolist() == alone
    assert ((probability > 0.1) & (probability <= 1)).all()


def test_hostile_texts_get_some_class():
    """A megabyte of one letter, damaged UTF-8, punctuation, right-to-left, NUL: no crash."""
    parts = [
        b"a" * 1_000_000,
        b"\xff\xfe\xe6\x80 write code \xed\xa0\x80",
        b"!?" * 500,
        "שלום עולם ".encode() * 40,
        b"\x00\x01 x \x00",
    ]
    ends = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int32)
    texts = pa.Array.from_buffers(
        pa.string(), len(parts), [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(parts))]
    )
    tokens = tokenise(texts)
    codes, probability = capability(tokens, np.zeros(5, bool), np.zeros(5, np.int8))
    assert ((codes >= 0) & (codes < len(CAPABILITIES))).all()
    assert np.isfinite(probability).all()


def test_stored_weights_fit_in_the_package():
    """Under a megabyte, of this version's shape, every class in use."""
    path = Path(module.__file__).parent / "weights" / "capability.npz"
    assert path.stat().st_size < 1_000_000
    assert weights().hashed.shape == (BUCKETS, len(CAPABILITIES))
    assert (np.abs(weights().hashed).max(axis=0) > 0).all()


def test_training_parts_share_no_text():
    """The split drops a held-out text that occurs in training, numbers aside."""
    path = Path(__file__).parents[2] / "scripts" / "train_capability.py"
    spec = importlib.util.spec_from_file_location("train_capability", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules["train_capability"] = script
    spec.loader.exec_module(script)
    texts = [
        script.Text("Add 3 and 4.", "chat", "a", "train"),
        script.Text("add 5 and 6", "chat", "b", "test"),
        script.Text("add them", "chat", "b", "test"),
    ]
    parts = script.split(texts)
    assert [t.text for t in parts["test"]] == ["add them"]
