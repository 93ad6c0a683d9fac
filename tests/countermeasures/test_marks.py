"""Marks: a bit a pair by key, asked for in the right place of each form, for suspects alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stillwatch.countermeasures.forms import Form
from stillwatch.countermeasures.marks import (
    PAIRS,
    Marks,
    counted,
    instruction,
    marks_of,
    with_system,
)
from stillwatch.countermeasures.measure import Who
from stillwatch.errors import MeasureRefused
from stillwatch.privacy.keys import Epoch, Keys, new_keys

USER = {"role": "user", "content": "hello"}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A deployment's keys."""
    return new_keys(tmp_path / "keys", tmp_path / "owner")


def test_a_key_chooses_evenly(keys: Keys) -> None:
    """Over 800 accounts each pair is turned about half the time, and few accounts are alike."""
    epoch: Epoch = keys.epochs[0]
    told = [marks_of(epoch, f"acc-{number}") for number in range(800)]
    for at, pair in enumerate(PAIRS):
        assert 320 <= sum(marks[at].preferred == pair[0] for marks in told) <= 480
    assert len(set(told)) > 780
    assert told[0] == marks_of(epoch, "acc-0")
    assert all(
        sorted((m.preferred, m.other)) == sorted(p) for m, p in zip(told[0], PAIRS, strict=True)
    )


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        ({"system": "be kind", "messages": [USER]}, lambda r: r["system"]),
        (
            {"system": [{"type": "text", "text": "x"}], "messages": []},
            lambda r: r["system"][-1]["text"],
        ),
        ({"input": "hello"}, lambda r: r["instructions"]),
        ({"contents": []}, lambda r: r["systemInstruction"]["parts"][-1]["text"]),
        (
            {"messages": [{"role": "developer", "content": "be kind"}, USER]},
            lambda r: r["messages"][0]["content"],
        ),
    ],
)
def test_each_form_is_asked_in_its_own_place(request_: dict[str, Any], place: Any) -> None:
    """At the end of the system prompt, which stays."""
    told = with_system(request_, "Words.")
    assert place(told).endswith("Words.")
    if "be kind" in str(request_):
        assert place(told) == "be kind\n\nWords."
    assert "Words." not in str(request_)


def test_a_request_of_unknown_form_is_left_alone() -> None:
    """A chat without a system message may be Anthropic's; said which, it is asked."""
    request = {"messages": [USER]}
    assert with_system(request, "Words.") is request
    assert with_system(request, "Words.", Form.ANTHROPIC)["system"] == "Words."
    assert with_system(request, "Words.", Form.CHAT)["messages"][0]["role"] == "system"
    assert with_system({"prompt": "x"}, "Words.") == {"prompt": "x"}


def test_suspects_alone_are_marked(keys: Keys) -> None:
    """Below the threshold nothing is asked of the model."""
    marks, request = Marks(keys), {"system": "be kind", "messages": [USER]}
    assert marks.to_model(request, Who(account="alice", risk=0.5)) is request
    told = marks.to_model(request, Who(account="mallory", risk=0.95))
    assert "prefer these wordings" in told["system"]
    assert "mallory" not in told["system"]
    with pytest.raises(MeasureRefused):
        Marks(keys, threshold=0)


def test_phrases_are_counted_as_words(keys: Keys) -> None:
    """Without case, whole, and never a part of another word."""
    marks = marks_of(keys.epochs[0], "acc-1")
    texts = ["For example this, for instance that, because sincere since."]
    told = dict(zip(marks, counted(texts, marks), strict=True))
    assert {marks[0].preferred, marks[0].other} == {"for example", "for instance"}
    assert told[marks[0]] == (1, 1)
    assert told[marks[1]] == (1, 1)
    assert all(mark.preferred in instruction(marks) for mark in marks)
