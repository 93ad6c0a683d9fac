"""Reasoning taken out of a streamed answer, or replaced, piece by piece.

What a client's library adds up must fit together: blocks and items are numbered, so those after
one that is taken out move up (Anthropic's `index`, OpenAI's `output_index`, Bedrock's
`contentBlockIndex`). Where reasoning is replaced, it is held until it ends, and what takes its
place comes in one piece before the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stillwatch.countermeasures import converse
from stillwatch.countermeasures.forms import (
    CHAT_LISTS,
    CHAT_TEXTS,
    CLOSES,
    OPENS,
    Body,
    Change,
    Form,
    block,
    chat_message,
    form_of,
    part,
    response_item,
    rewritten,
)


@dataclass(slots=True)
class _Held:
    """One choice's, block's or candidate's reasoning so far, and where its text is."""

    texts: list[str] = field(default_factory=list)
    name: str = "reasoning_content"
    inside: bool | None = None
    """Whether its text is within `<think>`; None until that shows."""
    waits: str = ""
    """Text that may yet turn out to be a tag."""
    unopened: bool = False
    """Whether its text began within reasoning, if it was reasoning."""

    def taken(self) -> str:
        """The reasoning so far, which is held no longer."""
        text, self.texts = "".join(self.texts), []
        return text


class Stream:
    """One streamed answer. `change` replaces reasoning; without it, reasoning is taken out.

    Give it each piece, and send on what comes back, which may be none or several. `unopened` says
    that the model's texts begin within reasoning: they are held until a tag closes it.
    """

    def __init__(
        self, change: Change | None = None, *, blobs: bool = False, unopened: bool = False
    ) -> None:
        self._change, self._blobs, self._unopened = change, blobs, unopened
        self._converse = converse.Stream(self._new, blobs=blobs)
        self._held: dict[int, _Held] = {}
        self._moved: dict[int, int] = {}
        self._gone: set[int] = set()
        self._known: dict[str, str | None] = {}

    def piece(self, body: Body) -> list[Body]:
        """What is sent on for one piece; a piece of no known form is sent on as it is."""
        form = form_of(body)
        if form is Form.CHAT:
            return self._chat(body)
        if form is Form.ANTHROPIC:
            return self._anthropic(body)
        if form is Form.RESPONSES:
            return self._responses(body)
        if form is Form.GEMINI:
            return self._gemini(body)
        return self._converse.piece(body) if form is Form.CONVERSE else [body]

    def _new(self, text: str) -> str | None:
        if not text or self._change is None:
            return None
        if text not in self._known:
            self._known[text] = self._change(text)
        return self._known[text]

    def _of(self, key: Any) -> _Held:
        return self._held.setdefault(key if isinstance(key, int) else 0, _Held())

    # OpenAI's chat, and completions

    def _chat(self, body: Body) -> list[Body]:
        choices, before = [], []
        given = body["choices"]
        for choice in given if isinstance(given, list) else ():
            if not isinstance(choice, dict):
                choices.append(choice)
                continue
            held, told = self._of(choice.get("index")), dict(choice)
            for name in ("delta", "message"):
                if isinstance(told.get(name), dict):
                    told[name] = self._delta(told[name], held)
            ends = choice.get("finish_reason") is not None
            place, name = (told, "text") if "text" in told else (told.get("delta"), "content")
            if isinstance(place, dict):
                if isinstance(place.get(name), str):
                    place[name] = _outside(place[name], held, ends, self._unopened)
                if ends and (late := _late(held, choice["finish_reason"])):
                    place[name] = (place.get(name) or "") + late
            choices.append(told)
            if ends or _answers(told):
                new = self._new(held.taken())
                if new is not None:
                    delta = {"index": choice.get("index", 0), "delta": {held.name: new}}
                    before.append({**body, "choices": [{**delta, "finish_reason": None}]})
        return [*before, {**body, "choices": choices}]

    def _delta(self, delta: Body, held: _Held) -> Body:
        for name in CHAT_TEXTS:
            if isinstance(delta.get(name), str) and delta[name]:
                held.name = name
                held.texts.append(delta[name])
                break
        else:
            chat_message(delta, held.texts.append, True)
        told = chat_message(delta, lambda _: None, self._blobs)
        return {name: told[name] for name in told if name not in CHAT_LISTS or self._blobs}

    # Anthropic's messages

    def _anthropic(self, body: Body) -> list[Body]:
        kind, index = body.get("type"), body.get("index")
        if kind == "message_start" and isinstance(body.get("message"), dict):
            message = rewritten(body["message"], self._new, blobs=self._blobs)
            return [{**body, "message": message}]
        if kind == "message":
            return [rewritten(body, self._new, blobs=self._blobs)]
        if not isinstance(index, int):
            return [body]
        if kind == "content_block_start":
            return self._block_starts(body, index)
        if index in self._gone:
            return []
        return self._block_goes_on({**body, "index": self._moved.get(index, index)}, index)

    def _block_goes_on(self, body: Body, index: int) -> list[Body]:
        delta = body.get("delta")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if isinstance(delta, dict) and kind == "thinking_delta":
            text = delta.get("thinking")
            self._of(index).texts.append(text if isinstance(text, str) else "")
            return []
        if kind == "signature_delta" and not self._blobs:
            return []
        new = self._new(self._of(index).taken()) if body["type"] == "content_block_stop" else None
        if new is None:
            return [body]
        told = {"type": "thinking_delta", "thinking": new}
        return [{**body, "type": "content_block_delta", "delta": told}, body]

    def _block_starts(self, body: Body, index: int) -> list[Body]:
        held = body.get("content_block")
        kind = held.get("type") if isinstance(held, dict) else None
        if isinstance(held, dict) and kind in ("thinking", "redacted_thinking"):
            replaced = kind == "thinking" and self._change is not None
            if not (self._blobs or replaced):
                self._gone.add(index)
                return []
            text = held.get("thinking")
            self._of(index).texts.append(text if isinstance(text, str) else "")
            bare = block(held, lambda _: None, self._blobs)
            held = bare or {"type": "thinking", "thinking": "", "signature": ""}
        self._moved[index] = index - len([gone for gone in self._gone if gone < index])
        return [{**body, "index": self._moved[index], "content_block": held}]

    # OpenAI's responses

    def _responses(self, body: Body) -> list[Body]:
        kind, index = str(body.get("type")), body.get("output_index")
        whole, item = body.get("response"), body.get("item")
        if body.get("object") == "response":
            return [rewritten(body, self._new, blobs=self._blobs)]
        if isinstance(whole, dict):
            told = rewritten({"object": "response", **whole}, self._new, blobs=self._blobs)
            return [{**body, "response": told}]
        if kind.startswith("response.reasoning"):
            return []
        told = dict(body)
        if isinstance(item, dict) and item.get("type") == "reasoning":
            kept = response_item(item, self._new, self._blobs)
            if kept is None and self._change is None and isinstance(index, int):
                self._gone.add(index)
            if kept is None and (self._change is None or not isinstance(index, int)):
                return []
            told["item"] = kept or {**_bare(item), "summary": []}
        elif isinstance(index, int) and index in self._gone:
            return []
        if isinstance(index, int):
            told["output_index"] = index - len([gone for gone in self._gone if gone < index])
        return [told]

    # Gemini

    def _gemini(self, body: Body) -> list[Body]:
        candidates, before = [], []
        given = body["candidates"]
        for at, candidate in enumerate(given if isinstance(given, list) else ()):
            if not isinstance(candidate, dict):
                candidates.append(candidate)
                continue
            held = self._of(candidate.get("index", at))
            kept = self._kept_parts(candidate, held)
            speaks = any(isinstance(each, dict) and not each.get("thought") for each in kept)
            ends = candidate.get("finishReason") is not None
            new = self._new(held.taken()) if speaks or ends else None
            if new is not None:
                thought = {"role": "model", "parts": [{"thought": True, "text": new}]}
                place = {name: candidate[name] for name in ("index",) if name in candidate}
                before.append({**body, "candidates": [{**place, "content": thought}]})
            content = candidate.get("content")
            if isinstance(content, dict) and "parts" in content:
                candidates.append({**candidate, "content": {**content, "parts": kept}})
            else:
                candidates.append(candidate)
        return [*before, {**body, "candidates": candidates}]

    def _kept_parts(self, candidate: Body, held: _Held) -> list[Any]:
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        told = (
            part(each, held.texts.append, self._blobs)
            for each in (parts if isinstance(parts, list) else ())
        )
        return [each for each in told if each is not None]


def _answers(choice: Body) -> bool:
    """Whether a piece has something of the answer itself."""
    delta = choice.get("delta")
    spoken = delta.get("content") or delta.get("tool_calls") if isinstance(delta, dict) else None
    return bool(spoken or choice.get("text"))


def _bare(item: Body) -> Body:
    return {name: item[name] for name in ("id", "type", "status") if name in item}


def _late(held: _Held, why: Any) -> str:
    """What turns out to be the answer at its end: a tag's beginning, a text that closed no tag.

    One that was cut off before its tag is reasoning.
    """
    if held.inside and held.unopened and why != "length":
        return held.taken() + held.waits
    return held.waits if not held.inside else ""


def _outside(text: str, held: _Held, ends: bool, unopened: bool) -> str:
    """What of a piece's text is no reasoning, where a text may begin with `<think>`, or within."""
    text, held.waits = held.waits + text, ""
    if held.inside is None:
        seen = text.lstrip()
        opened = next((tag for tag in OPENS if seen.startswith(tag)), None)
        if opened is not None:
            held.inside, text = True, seen[len(opened) :]
        elif not ends and any(tag.startswith(seen) for tag in OPENS):
            held.waits = text
            return ""
        else:
            # an engine that takes reasoning apart by itself has sent it before
            held.inside = held.unopened = bool(seen) and unopened and not held.texts
    if not held.inside:
        return text
    closed = [(text.find(tag), tag) for tag in CLOSES if tag in text]
    if closed:
        at, tag = min(closed)
        held.inside = False
        held.texts.append(text[:at])
        return text[at + len(tag) :].lstrip()
    tail = 0 if ends else max(_overlap(text, tag) for tag in CLOSES)
    held.waits = text[len(text) - tail :]
    held.texts.append(text[: len(text) - tail])
    return ""


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
