"""Reasoning is taken out of every place of every form, and nothing else is."""

from __future__ import annotations

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.countermeasures.forms import (
    Form,
    form_of,
    reasoning_of,
    rewritten,
    without_reasoning,
)
from stillwatch.countermeasures.streamed import Stream
from tests.countermeasures import bodies
from tests.countermeasures.bodies import SECRET, SHOWN

NAMES = (  # noqa: SIM905
    "type choices message delta content parts thought index reasoning thinking candidates output"
    " summary item text"
).split()


def leaks(told: object) -> bool:
    """Whether a letter of the secret is anywhere in a body."""
    return any(letter in json.dumps(told, ensure_ascii=False) for letter in SECRET)


@settings(max_examples=400, deadline=None)
@given(bodies.whole)
def test_nothing_of_the_reasoning_is_left(answer: bodies.Body) -> None:
    """Withheld, an answer holds no reasoning in any place, its own words, and isn't changed."""
    before = copy.deepcopy(answer)
    told = without_reasoning(answer)
    assert not leaks(told)
    assert SHOWN in json.dumps(told)
    assert answer == before


@settings(max_examples=400, deadline=None)
@given(bodies.streamed)
def test_nothing_of_the_reasoning_is_left_in_a_stream(pieces: list[bodies.Body]) -> None:
    """The same for a stream, wherever its texts are cut."""
    before = copy.deepcopy(pieces)
    stream = Stream()
    sent = [new for piece in pieces for new in stream.piece(piece)]
    assert not leaks(sent)
    assert SHOWN in bodies.texts_shown(sent) or SHOWN in json.dumps(sent)
    assert pieces == before


@settings(max_examples=300, deadline=None)
@given(bodies.streamed)
def test_numbers_of_a_stream_have_no_gaps(pieces: list[bodies.Body]) -> None:
    """What is left of a stream is numbered from 0 on, as clients' libraries need it."""
    stream = Stream()
    sent = [new for piece in pieces for new in stream.piece(piece)]
    opened = [
        piece[name]
        for kind, name in (
            ("content_block_start", "index"),
            ("response.output_item.added", "output_index"),
        )
        for piece in sent
        if piece.get("type") == kind
    ]
    assert opened == list(range(len(opened)))
    for piece in sent:
        for name in ("index", "output_index"):
            if name in piece:
                assert piece[name] in opened


@settings(max_examples=300, deadline=None)
@given(bodies.streamed)
def test_a_replaced_trace_comes_once_and_before_the_answer(pieces: list[bodies.Body]) -> None:
    """In a stream, what takes a trace's place holds none of it."""
    stream = Stream(lambda text: f"S{len(text) > 0}S")
    sent = [new for piece in pieces for new in stream.piece(piece)]
    assert not leaks(sent)
    assert SHOWN in bodies.texts_shown(sent) or SHOWN in json.dumps(sent)


def test_a_summary_stands_where_the_trace_stood() -> None:
    """Each form's own place for reasoning holds what took its place."""
    for answer, place in (
        ({"choices": [{"message": {"reasoning": "a", "content": "b"}}]}, '"reasoning": "A"'),
        (
            {"type": "message", "content": [{"type": "thinking", "thinking": "a"}]},
            '"thinking": "A"',
        ),
        (
            {"object": "response", "output": [{"type": "reasoning", "content": [{"text": "a"}]}]},
            '"summary": [{"type": "summary_text", "text": "A"}]',
        ),
        ({"candidates": [{"content": {"parts": [{"thought": True, "text": "a"}]}}]}, '"text": "A"'),
        ({"choices": [{"text": "<think>a</think>b"}]}, '"<think>A</think>\\nb"'),
    ):
        assert place in json.dumps(rewritten(answer, str.upper, blobs=False))


def test_a_text_in_two_places_is_changed_once() -> None:
    """vLLM gives the same trace under two names; a summariser is asked once."""
    asked: list[str] = []
    message = {"reasoning": "a", "reasoning_content": "a", "content": "b"}
    rewritten({"choices": [{"message": message}]}, asked.append, blobs=False)
    assert asked == ["a"]
    assert reasoning_of({"choices": [{"message": message}]}) == ["a"]


def test_blobs_are_kept_without_their_text() -> None:
    """What only its maker can read stays, where it is wanted, as Anthropic leaves it out."""
    answer = {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "a", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
        ],
    }
    assert without_reasoning(answer, blobs=True)["content"] == [
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]


def test_words_about_thinking_are_no_reasoning() -> None:
    """A customer who asks about `<think>` gets the answer."""
    for text in ("The tag <think> opens it.", "close it with </think>", "`<think>` is a tag"):
        assert without_reasoning({"choices": [{"text": text}]})["choices"][0]["text"] == text
        stream = Stream()
        pieces = [
            {"choices": [{"index": 0, "delta": {"content": letter}, "finish_reason": None}]}
            for letter in text
        ]
        sent = [new for piece in pieces for new in stream.piece(piece)]
        assert bodies.texts_shown(sent) == text


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["choices", "candidates", "output", "object", "type", "item", "response"]),
        json_value | st.sampled_from(["response", "message", "content_block_start"]),
        max_size=5,
    )
)
def test_bodies_of_no_sense_do_no_harm(body: bodies.Body) -> None:
    """Whatever an engine says, nothing fails."""
    without_reasoning(body)
    stream = Stream(lambda text: text)
    for piece in (body, body):
        stream.piece(piece)


def test_a_form_is_recognised_by_its_whole_and_its_pieces() -> None:
    """Errors and other bodies are of no form, and are left alone."""
    assert form_of({"choices": []}) is Form.CHAT
    assert form_of({"type": "response.completed"}) is Form.RESPONSES
    assert form_of({"object": "list", "data": []}) is None
    assert without_reasoning({"error": {"message": "no"}}) == {"error": {"message": "no"}}
