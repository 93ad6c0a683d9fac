"""Amazon Bedrock's Converse API: where its answers hold reasoning, whole and streamed.

A block of `output.message.content` is reasoning where its one key is `reasoningContent`, which
holds `reasoningText` (`text`, `signature`) or `redactedContent` (base64). A stream's events are
objects of one key, as SDKs give them, or what is under it, as the wire has it: `contentBlockDelta`
with a `contentBlockIndex` and a `delta`, whose `reasoningContent` holds a piece of `text`, the
`signature` or `redactedContent`. A block of reasoning has no start, only deltas and
`contentBlockStop`
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ReasoningContentBlock.html,
.../API_runtime_ReasoningContentBlockDelta.html, .../API_runtime_ConverseStreamOutput.html).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
Change = Callable[[str], str | None]
"""What becomes of a text of reasoning; None takes it out."""

REASONING = "reasoningContent"
TEXT = "reasoningText"
REDACTED = "redactedContent"
EVENTS = (
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
)
"""Keys of a stream's events; what comes besides (`metadata`, exceptions) holds no text."""


def is_converse(body: Body) -> bool:
    """Whether a body is an answer of Converse, or one piece of a streamed one.

    >>> is_converse({"output": {"message": {}}}), is_converse({"contentBlockIndex": 0})
    (True, True)
    """
    output = body.get("output")
    if isinstance(output, dict) and "message" in output:
        return True
    return "contentBlockIndex" in body or any(isinstance(body.get(each), dict) for each in EVENTS)


def whole(answer: Body, change: Change, blobs: bool) -> Body:
    """A whole answer, with its blocks of reasoning as `change` says."""
    output = answer.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not (isinstance(output, dict) and isinstance(message, dict) and isinstance(content, list)):
        return answer
    told = (block(each, change, blobs) for each in content)
    kept = [each for each in told if each is not None]
    return {**answer, "output": {**output, "message": {**message, "content": kept}}}


def block(held: Any, change: Change, blobs: bool) -> Any:
    """One block, or None where nothing of it is left."""
    if not isinstance(held, dict) or REASONING not in held:
        return held
    reasoning = held[REASONING]
    reasoning = reasoning if isinstance(reasoning, dict) else {}
    said = reasoning.get(TEXT)
    said = said if isinstance(said, dict) else {}
    text, signature = said.get("text"), said.get("signature") if blobs else None
    new = change(text) if isinstance(text, str) and text else None
    told: Body = {}
    if new is not None or signature:
        told[TEXT] = {"text": new or "", **({"signature": signature} if signature else {})}
    if blobs and reasoning.get(REDACTED):
        told[REDACTED] = reasoning[REDACTED]
    return {REASONING: told} if told else None


@dataclass(slots=True)
class _Block:
    """One block of a stream: its text so far, and the number that it is sent on with."""

    texts: list[str] = field(default_factory=list)
    number: int | None = None
    reasons: bool = False


class Stream:
    """One streamed answer. `new` replaces reasoning; None, and None for a text, takes it out."""

    def __init__(self, new: Callable[[str], str | None], *, blobs: bool) -> None:
        self._new, self._blobs = new, blobs
        self._blocks: dict[int, _Block] = {}
        self._sent = 0

    def piece(self, body: Body) -> list[Body]:
        """What is sent on for one piece, numbered without gaps."""
        if isinstance(body.get("output"), dict):
            return [whole(body, self._new, self._blobs)]
        name = next((each for each in EVENTS if isinstance(body.get(each), dict)), None)
        event = body if name is None else body[name]
        index = event.get("contentBlockIndex")
        if not isinstance(index, int):
            return [body]
        held = self._blocks.setdefault(index, _Block())
        return [
            told if name is None else {**body, name: told} for told in self._event(event, held)
        ] + self._late(body, name, event, held)

    def _event(self, event: Body, held: _Block) -> list[Body]:
        delta = event.get("delta")
        reasoning = delta.get(REASONING) if isinstance(delta, dict) else None
        if isinstance(delta, dict) and REASONING in delta:
            held.reasons = True
            reasoning = reasoning if isinstance(reasoning, dict) else {}
            text = reasoning.get("text")
            held.texts.append(text if isinstance(text, str) else "")
            kept = {
                name: reasoning[name]
                for name in ("signature", REDACTED)
                if self._blobs and reasoning.get(name)
            }
            return [self._numbered({**event, "delta": {REASONING: kept}}, held)] if kept else []
        ends = delta is None and "start" not in event
        if held.reasons and ends:
            return []  # what replaces it, and its end, come together
        return [self._numbered(event, held)]

    def _late(self, body: Body, name: str | None, event: Body, held: _Block) -> list[Body]:
        """At the end of a block of reasoning: what replaces it, and its end."""
        if not held.reasons or "delta" in event or "start" in event:
            return []
        text, held.texts = "".join(held.texts), []
        new = self._new(text) if text else None
        told: list[Body] = []
        if new is not None:
            said = self._numbered({**event, "delta": {REASONING: {"text": new}}}, held)
            told.append(said if name is None else {"contentBlockDelta": said})
        if held.number is not None:
            end = self._numbered(event, held)
            told.append(end if name is None else {**body, name: end})
        return told

    def _numbered(self, event: Body, held: _Block) -> Body:
        if held.number is None:
            held.number, self._sent = self._sent, self._sent + 1
        return {**event, "contentBlockIndex": held.number}
