"""A line at the end of an answer, in the forms that model APIs speak, whole or streamed.

Only answers that came to their own end get one: none that was cut off, and none that calls a tool,
for software reads those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stillwatch.countermeasures.forms import Body, Form, form_of

Ending = Callable[[str, str], str | None]
"""The line for an answer's text and its id, or None."""


def appended(answer: Body, ending: Ending) -> Body:
    """The answer with its ending, if it gets one.

    >>> told = {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}
    >>> appended(told, lambda text, ident: " !")["choices"][0]["message"]["content"]
    '4 !'
    """
    form, ident = form_of(answer), _ident(answer)
    if form is Form.CHAT:
        return _at_first(answer, "choices", lambda choice: _chat(choice, ending, ident))
    if form is Form.GEMINI:
        return _at_first(answer, "candidates", lambda told: _candidate(told, ending, ident))
    if form is Form.ANTHROPIC and answer.get("stop_reason") == "end_turn":
        return _at_last(answer, "content", lambda block: _text(block, ending, ident))
    if form is Form.RESPONSES and answer.get("status", "completed") == "completed":
        return _at_last(answer, "output", lambda item: _item(item, ending, ident))
    return answer


class Appending:
    """One streamed answer and its ending; give it each piece, and send on what comes back."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self._text, self._ident = "", ""
        self._calls = False
        self._waits: Body | None = None
        """Anthropic's end of a block of text, until it shows whether the answer ends with it."""
        self._endings: dict[Any, str] = {}
        """By item of OpenAI's responses, which are told three times over."""

    def piece(self, body: Body) -> list[Body]:
        """What is sent on for one piece."""
        self._ident = self._ident or _ident(body)
        form = form_of(body)
        if form is Form.CHAT:
            return [_at_first(body, "choices", self._chat)]
        if form is Form.GEMINI:
            return [_at_first(body, "candidates", self._candidate)]
        if form is Form.ANTHROPIC:
            return self._anthropic(body)
        if form is Form.RESPONSES:
            return self._responses(body)
        return [body]

    def _end(self) -> str | None:
        return None if self._calls else self._ending(self._text, self._ident)

    def _chat(self, choice: Any) -> Any:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict) or choice.get("index", 0) != 0:
            return choice
        content = delta.get("content")
        self._text += content if isinstance(content, str) else ""
        self._calls = self._calls or bool(delta.get("tool_calls"))
        end = self._end() if choice.get("finish_reason") == "stop" else None
        return (
            choice
            if end is None
            else {**choice, "delta": {**delta, "content": _str(content) + end}}
        )

    def _candidate(self, told: Any) -> Any:
        parts = _parts(told)
        self._text += "".join(part["text"] for part in parts if _speaks(part))
        self._calls = self._calls or any("functionCall" in part for part in parts)
        ends = isinstance(told, dict) and told.get("finishReason") == "STOP"
        end = self._end() if ends else None
        return told if end is None else _with_part(told, parts, end)

    def _anthropic(self, body: Body) -> list[Body]:
        kind, waits = body.get("type"), self._waits
        if kind == "content_block_start":
            block = body.get("content_block")
            spoken = isinstance(block, dict) and block.get("type") == "text"
            self._text, self._calls = "", not spoken
        delta = body.get("delta")
        if isinstance(delta, dict) and delta.get("type") == "text_delta":
            self._text += _str(delta.get("text"))
        self._waits = None
        if kind == "content_block_stop" and not self._calls:
            self._waits = body
            return [] if waits is None else [waits]
        if waits is None:
            return [body]
        ends = isinstance(delta, dict) and delta.get("stop_reason") == "end_turn"
        end = self._end() if ends else None
        if end is None:
            return [waits, body]
        said = {"type": "text_delta", "text": end}
        return [{**waits, "type": "content_block_delta", "delta": said}, waits, body]

    def _responses(self, body: Body) -> list[Body]:
        kind, whole = body.get("type"), body.get("response")
        if kind == "response.output_text.done" and not self._endings:
            text = _str(body.get("text"))
            end = self._ending(text, self._ident)
            if end is not None:
                self._endings[body.get("item_id")] = end
                shared = {name: held for name, held in body.items() if name != "text"}
                said = {**shared, "type": "response.output_text.delta", "delta": end}
                return [said, {**body, "text": text + end}]
        end = self._endings.get(body.get("item_id"))
        if kind == "response.content_part.done" and end is not None:
            return [{**body, "part": _added(body.get("part"), end)}]
        item = body.get("item")
        if kind == "response.output_item.done" and isinstance(item, dict):
            return [{**body, "item": self._known(item)}]
        if isinstance(whole, dict) and isinstance(whole.get("output"), list):
            items = [self._known(item) for item in whole["output"]]
            return [{**body, "response": {**whole, "output": items}}]
        return [body]

    def _known(self, item: Any) -> Any:
        end = self._endings.get(item.get("id")) if isinstance(item, dict) else None
        return item if end is None else _at_last(item, "content", lambda part: _added(part, end))


def _ident(body: Body) -> str:
    inner = body.get("message") or body.get("response")
    held = [body, inner] if isinstance(inner, dict) else [body]
    names = ("id", "responseId", "response_id")
    found = (each.get(name) for each in held for name in names)
    return next((ident for ident in found if isinstance(ident, str)), "")


def _chat(choice: Any, ending: Ending, ident: str) -> Any:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict) or choice.get("finish_reason") != "stop":
        return choice
    content = message.get("content")
    if message.get("tool_calls") or not isinstance(content, str):
        return choice
    end = ending(content, ident)
    return choice if end is None else {**choice, "message": {**message, "content": content + end}}


def _text(block: Any, ending: Ending, ident: str) -> Any:
    if not isinstance(block, dict) or not isinstance(block.get("text"), str):
        return block
    end = ending(block["text"], ident)
    return block if end is None else _added(block, end)


def _item(item: Any, ending: Ending, ident: str) -> Any:
    if not isinstance(item, dict) or item.get("type") != "message":
        return item
    return _at_last(item, "content", lambda part: _text(part, ending, ident))


def _candidate(told: Any, ending: Ending, ident: str) -> Any:
    parts = _parts(told)
    if not parts or told.get("finishReason") != "STOP" or any("functionCall" in p for p in parts):
        return told
    end = ending("".join(part["text"] for part in parts if _speaks(part)), ident)
    return told if end is None else _with_part(told, parts, end)


def _parts(told: Any) -> list[Body]:
    content = told.get("content") if isinstance(told, dict) else None
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _with_part(told: Body, parts: list[Body], end: str) -> Body:
    held = told.get("content")
    content = held if isinstance(held, dict) else {"role": "model"}
    return {**told, "content": {**content, "parts": [*parts, {"text": end}]}}


def _speaks(part: Body) -> bool:
    return isinstance(part.get("text"), str) and not part.get("thought")


def _added(held: Any, end: str) -> Any:
    if not isinstance(held, dict):
        return held
    return {**held, "text": _str(held.get("text")) + end}


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _at_first(body: Body, name: str, change: Callable[[Any], Any]) -> Body:
    held = body.get(name)
    return {**body, name: [change(held[0]), *held[1:]]} if isinstance(held, list) and held else body


def _at_last(body: Body, name: str, change: Callable[[Any], Any]) -> Body:
    held = body.get(name)
    return (
        {**body, name: [*held[:-1], change(held[-1])]} if isinstance(held, list) and held else body
    )
