"""Streams put together: each API's, as each logger keeps them, and what is no stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sources.bodies import response_columns
from stillwatch.sources.chunks import whole_response
from stillwatch.sources.messages import response_text, stop_reason

SAMPLES = Path(__file__).parent / "samples"
CHAT = (SAMPLES / "openai_chat_stream.txt").read_text()
MESSAGES = (SAMPLES / "anthropic_messages_stream.txt").read_text()


def _events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


KEPT: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "text with carriage returns": lambda text: text.replace("\n", "\r\n"),
    "lines": lambda text: text.split("\n"),
    "lines without blank ones": lambda text: "\n".join(filter(None, text.split("\n"))),
    "events": _events,
    "events as JSON": lambda text: json.dumps(_events(text)),
    "named events": lambda text: [{"event": "x", "data": event} for event in _events(text)],
    "data as text": lambda text: [{"data": json.dumps(event)} for event in _events(text)],
}


@pytest.mark.parametrize("kept", KEPT)
def test_streams_however_kept(kept: str) -> None:
    """The same response, with its tokens and why it stopped."""
    chat = response_columns(KEPT[kept](CHAT))
    assert (chat["response"], chat["stop_reason"]) == ("hello there", "stop")
    assert (chat["input_tokens"], chat["output_tokens"]) == (8, 2)
    messages = response_columns(KEPT[kept](MESSAGES))
    assert (messages["response"], messages["stop_reason"]) == ("Der Mond.", "end_turn")
    assert (messages["input_tokens"], messages["output_tokens"]) == (25, 15)
    assert messages["cached_tokens"] == 5


def test_thinking_and_tools_are_kept_apart_from_the_text() -> None:
    """Blocks of other types grow in their own fields."""
    whole = whole_response(MESSAGES)
    assert whole["content"][0] == {"type": "thinking", "thinking": "The moon"}
    assert whole["id"] == "msg_1nZd"


def test_streams_that_were_cut() -> None:
    """Whatever had come is there; what was being said when it broke is passed over."""
    assert response_text(whole_response(CHAT[: CHAT.index('"the"') + 3])) == "hello "
    assert response_text(whole_response(MESSAGES[: MESSAGES.index("Mond")])) == "Der "
    deltas = [
        {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Two is"},
    ]
    assert response_text(whole_response(deltas)) == "Two is"
    assert stop_reason(whole_response(deltas)) == "in_progress"


@pytest.mark.parametrize(
    "value",
    ["plain", "[not JSON", "[1, 2]", '"quoted"', [], [1, 2], {"a": 1}, None, 5, "data: nothing"],
)
def test_what_is_no_stream_stays(value: Any) -> None:
    """Text and values as they stand, but for JSON that is taken apart."""
    whole = whole_response(value)
    assert whole == value or whole == json.loads(value)


def test_an_answer_that_is_json_is_an_answer() -> None:
    """It is no body: nothing in it is one of a body's keys."""
    assert response_columns('{"grade": 5}')["response"] == '{"grade": 5}'
    assert response_columns("[1, 2]")["response"] == "[1, 2]"
    assert response_columns('{"content": "hi"}')["response"] == "hi"
    assert response_columns([{"type": "text", "text": "hi"}])["response"] == "hi"


@given(st.text(max_size=60), st.integers(1, 5))
def test_any_text_survives_its_stream(text: str, step: int) -> None:
    """Cut into deltas anywhere, it comes back as it was."""
    parts = [text[at : at + step] for at in range(0, len(text), step)]
    chat = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in parts]
    if chat:
        assert response_text(whole_response(chat)) == text
        lines = "".join(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chat)
        assert response_text(whole_response(lines)) == text
