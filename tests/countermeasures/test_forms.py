"""Reasoning is taken out of every place of every form, and nothing else is."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.countermeasures.forms import (
    Change,
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
    " summary item text contentBlockDelta contentBlockIndex contentBlockStop reasoningContent"
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
    blocks = [
        event["contentBlockIndex"]
        for piece in sent
        for event in piece.values()
        if isinstance(event, dict) and "contentBlockIndex" in event
    ]
    assert blocks == sorted(blocks)
    assert set(blocks) == set(range(len(set(blocks))))


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
        ({"choices": [{"text": "a\n</think>\n\nb"}]}, '"A</think>\\nb"'),
        (
            {"output": {"message": {"content": [REASONED]}}},
            '[{"reasoningContent": {"reasoningText": {"text": "A"}}}]',
        ),
    ):
        assert place in json.dumps(rewritten(answer, str.upper, blobs=False))


REASONED = {"reasoningContent": {"reasoningText": {"text": "a", "signature": "s"}}}


def _deltas(text: str, why: str = "stop") -> list[bodies.Body]:
    letters = [{"content": letter} for letter in text]
    pieces = [{"choices": [{"index": 0, "delta": held, "finish_reason": None}]} for held in letters]
    return [*pieces, {"choices": [{"index": 0, "delta": {}, "finish_reason": why}]}]


def _sent(text: str, why: str = "stop", change: Change | None = None) -> list[bodies.Body]:
    stream = Stream(change, unopened=True)
    return [new for piece in _deltas(text, why) for new in stream.piece(piece)]


@pytest.mark.parametrize(
    ("text", "why", "shown"),
    [
        (f"{SECRET}</think>{SHOWN}", "stop", SHOWN),
        (f"{SECRET} </thinking>\n\n{SHOWN}", "stop", SHOWN),
        (f"<think>{SECRET}</think>{SHOWN}", "stop", SHOWN),
        (f"</think>\n{SHOWN}", "stop", SHOWN),
        (SHOWN, "stop", SHOWN),
        (f"{SHOWN} <", "stop", f"{SHOWN} <"),
        (f"{SECRET} and so on and", "length", ""),
    ],
)
def test_a_model_whose_texts_begin_within_reasoning(text: str, why: str, shown: str) -> None:
    """Its template opened the tag: all before the closing one is held, and what never closes is
    the answer, unless it was cut off before it came to one."""
    choice = {"message": {"content": text}, "finish_reason": why}
    told = rewritten({"choices": [choice]}, lambda _: None, blobs=False, unopened=True)
    assert told["choices"][0]["message"]["content"] == shown
    assert bodies.texts_shown(_sent(text, why)).lstrip() == shown
    assert not leaks(_sent(text, why, lambda _: "S"))


def test_a_summary_of_what_began_in_the_prompt_comes_before_the_answer() -> None:
    """And where an engine takes reasoning apart by itself, texts aren't held."""
    sent = _sent(f"{SECRET}</think>{SHOWN}", change=lambda _: "short")
    held = [piece["choices"][0]["delta"] for piece in sent]
    said = [delta for delta in held if delta.get("reasoning_content")]
    assert said == [{"reasoning_content": "short"}]
    assert held.index(said[0]) < next(at for at, d in enumerate(held) if d.get("content"))
    stream = Stream(unopened=True)
    parsed = {"choices": [{"index": 0, "delta": {"reasoning_content": SECRET}}]}
    pieces = [parsed, *_deltas(SHOWN)]
    sent = [stream.piece(piece) for piece in pieces]
    assert bodies.texts_shown(sent[1]) == SHOWN[0]
    assert not leaks(sent)


def test_only_a_tag_on_its_own_line_closes_what_nobody_said_was_open() -> None:
    """Texts about tags are answers, of models that nothing was said of."""
    honest = [
        "close it with </think>",
        "it says `</think>` and goes on",
        "```\n<think>\na\n</think>\n```",
        "an example:\n</think>\n",
    ]
    for text in honest:
        assert without_reasoning({"choices": [{"text": text}]})["choices"][0]["text"] == text
    told = without_reasoning({"choices": [{"text": f"{SECRET}\n</think>\n\n{SHOWN}"}]})
    assert told["choices"][0]["text"] == SHOWN


def test_bedrocks_blobs_are_kept_without_their_text() -> None:
    """Whole and streamed, as SDKs give events and as the wire has them."""
    redacted = {"reasoningContent": {"redactedContent": "YQ=="}}
    answer = {"output": {"message": {"role": "assistant", "content": [REASONED, redacted]}}}
    kept = without_reasoning(answer, blobs=True)["output"]["message"]["content"]
    bare = {"reasoningContent": {"reasoningText": {"text": "", "signature": "s"}}}
    assert kept == [bare, redacted]
    assert without_reasoning(answer)["output"]["message"]["content"] == []
    pieces = [
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "a"}}},
        {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}},
        {"contentBlockIndex": 0},
        {"contentBlockIndex": 1, "delta": {"text": "b"}},
        {"contentBlockIndex": 1},
    ]
    stream = Stream(blobs=True)
    sent = [new for piece in pieces for new in stream.piece(piece)]
    assert sent == pieces[1:]
    stream = Stream(str.upper)
    sent = [new for piece in pieces for new in stream.piece(piece)]
    assert sent[0] == {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "A"}}}
    assert sent[1:] == pieces[2:]


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
        st.sampled_from(
            "choices candidates output object type item response contentBlockDelta".split()  # noqa: SIM905
        ),
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
