"""Where answers hold reasoning, in the forms that model APIs speak; and how it is taken out.

- Anthropic's messages: blocks `thinking` and `redacted_thinking`
  (https://docs.claude.com/en/docs/build-with-claude/extended-thinking).
- OpenAI's chat completions have no place for it, and engines and gateways made many:
  `reasoning_content` (DeepSeek, SGLang), `reasoning` (vLLM, OpenRouter), `reasoning_details`
  (OpenRouter), `thinking_blocks` and `provider_specific_fields` (LiteLLM), blocks of type
  `thinking` (Mistral), and `<think>` at the head of the text, where nothing parses it.
- OpenAI's responses: items of type `reasoning`, with texts, summaries and `encrypted_content`
  (https://platform.openai.com/docs/api-reference/responses/object).
- Gemini: parts with `thought`, and `thoughtSignature` on any part
  (https://ai.google.dev/gemini-api/docs/thought-signatures).
- Amazon Bedrock's Converse: blocks `reasoningContent` (`converse`).

Where a prompt's template opens `<think>` itself, the text has the closing tag alone. Such a tag on
a line of its own, with an answer after it, ends reasoning; elsewhere it may be what the answer is
about, and ends reasoning only of models that are said to be so (`unopened`).

A *blob* is reasoning that only its maker can read, for the client to send back: a signature,
`encrypted_content`, redacted thinking. Bodies are plain dicts and are never changed in place; what
isn't of one of these forms comes back as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from stillwatch.countermeasures import converse
from stillwatch.countermeasures.converse import Body, Change, is_converse


class Form(StrEnum):
    """The API that a body belongs to."""

    ANTHROPIC = "anthropic"
    CHAT = "chat"
    RESPONSES = "responses"
    GEMINI = "gemini"
    CONVERSE = "converse"


CHAT_TEXTS = ("reasoning_content", "reasoning", "thinking")
"""Names under which a chat message holds reasoning as one text."""
CHAT_LISTS = ("reasoning_details", "thinking_blocks")
"""Names under which it holds a list of blocks."""
BLOCKS = frozenset({"thinking", "redacted_thinking", "reasoning"})
"""Types of a block that is reasoning."""
THINK = re.compile(r"\s*<think(?:ing)?>(.*?)(?:</think(?:ing)?>\s*|\Z)", re.DOTALL)
"""Reasoning at the head of a text, closed or cut off."""
OPENS = ("<think>", "<thinking>")
CLOSES = ("</think>", "</thinking>")

_CLOSED = re.compile(r"</think(?:ing)?>\s*")
_CLOSED_ALONE = re.compile(r"^[ \t]*</think(?:ing)?>[ \t]*\r?\n\s*(?=\S)", re.MULTILINE)

_BLOBS = ("signature", "data", "encrypted_content")
SIGNATURES = ("thoughtSignature", "thought_signature", "thought_signatures")
"""Names of signatures that stand beside what they sign; the last is LiteLLM's list of them."""
_ANTHROPIC = frozenset({"message", "ping", "message_start", "message_delta", "message_stop"})


def form_of(answer: Body) -> Form | None:
    """The form of an answer, or of one piece of a streamed one; None is none that is known.

    >>> form_of({"type": "content_block_delta", "index": 0}), form_of({"error": "no"})
    (<Form.ANTHROPIC: 'anthropic'>, None)
    """
    kind = answer.get("type")
    kind = kind if isinstance(kind, str) else ""
    if "candidates" in answer:
        return Form.GEMINI
    if answer.get("object") == "response" or kind.startswith("response."):
        return Form.RESPONSES
    if "choices" in answer:
        return Form.CHAT
    if kind in _ANTHROPIC or kind.startswith("content_block_"):
        return Form.ANTHROPIC
    return Form.CONVERSE if is_converse(answer) else None


def without_reasoning(answer: Body, *, blobs: bool = False) -> Body:
    """The answer with no reasoning in it; `blobs` keeps what only its maker can read.

    >>> said = {"reasoning_content": "first I", "content": "4"}
    >>> without_reasoning({"choices": [{"message": said}]})
    {'choices': [{'message': {'content': '4'}}]}
    """
    return rewritten(answer, lambda _: None, blobs=blobs)


def reasoning_of(answer: Body) -> list[str]:
    """Every text of reasoning in an answer, once, in its order."""
    texts: dict[str, None] = {}
    rewritten(answer, texts.setdefault, blobs=True)
    return list(texts)


def rewritten(answer: Body, change: Change, *, blobs: bool, unopened: bool = False) -> Body:
    """The answer with each text of reasoning as `change` says, and its blobs if they are kept.

    A text that stands in two places is changed once. `unopened` says that the model's texts begin
    within reasoning.
    """
    known: dict[str, str | None] = {}

    def once(text: str) -> str | None:
        if text not in known:
            known[text] = change(text)
        return known[text]

    form = form_of(answer)
    if form is Form.CHAT:
        return _each(answer, "choices", lambda choice: _chat_choice(choice, once, blobs, unopened))
    if form is Form.GEMINI:
        return _each(answer, "candidates", lambda told: _candidate(told, once, blobs))
    if form is Form.RESPONSES:
        return _each(answer, "output", lambda item: response_item(item, once, blobs))
    if form is Form.ANTHROPIC:
        return _each(answer, "content", lambda held: block(held, once, blobs))
    return converse.whole(answer, once, blobs) if form is Form.CONVERSE else answer


def block(held: Any, change: Change, blobs: bool) -> Any:
    """One block of a message, or None where nothing of it is left.

    Where the text goes and the blob stays, the text is left empty, as Anthropic's own API leaves
    it for `display: omitted`.
    """
    if not isinstance(held, dict) or not _is_reasoning(held):
        return held
    kept = {
        name: value
        for name, value in held.items()
        if name not in ("thinking", "text", "summary", "content", *_BLOBS)
    }
    sealed = {name: held[name] for name in _BLOBS if blobs and held.get(name)}
    text = _text_of(held)
    new = change(text) if text else None
    if new is None and not sealed:
        return None
    if "thinking" in held:
        kept["thinking"] = _as_held(held["thinking"], new or "")
    elif new is not None:
        kept["summary" if "summary" in held and "text" not in held else "text"] = new
    if held.get("type") == "thinking" and "signature" in held:
        sealed.setdefault("signature", "")
    return kept | sealed


def response_item(item: Any, change: Change, blobs: bool) -> Any:
    """One item of OpenAI's responses, or None where nothing of it is left."""
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return item
    kept = {
        name: value
        for name, value in item.items()
        if name not in ("summary", "content", "text", *_BLOBS)
    }
    text = _joined(item.get("content")) or _joined(item.get("summary")) or _joined(item.get("text"))
    new = change(text) if text else None
    kept["summary"] = [] if new is None else [{"type": "summary_text", "text": new}]
    if blobs and item.get("encrypted_content"):
        return kept | {"encrypted_content": item["encrypted_content"]}
    return None if new is None else kept


def chat_message(message: Body, change: Change, blobs: bool) -> Body:
    """A chat message, or the delta of one, without a look at `<think>` in its text."""
    told: Body = {}
    for name, value in message.items():
        if name in CHAT_TEXTS:
            new = change(value) if isinstance(value, str) and value else None
            if new is not None:
                told[name] = new
        elif name in CHAT_LISTS:
            blocks = _kept(value, lambda held: _any_block(held, change, blobs))
            if blocks:
                told[name] = blocks
        elif name == "provider_specific_fields" and isinstance(value, dict):
            told[name] = chat_message(value, change, blobs)
        elif name == "content" and isinstance(value, list):
            told[name] = _kept(value, lambda held: block(held, change, blobs))
        elif name == "tool_calls" and not blobs:
            told[name] = _kept(value, _unsigned) if isinstance(value, list) else value
        elif name not in SIGNATURES or blobs:
            told[name] = value
    return told


def part(held: Any, change: Change, blobs: bool) -> Any:
    """One part of Gemini's content, or None where nothing of it is left."""
    if not isinstance(held, dict):
        return held
    kept = {name: value for name, value in held.items() if name not in SIGNATURES or blobs}
    if not held.get("thought"):
        return kept
    text = held.get("text")
    new = change(text) if isinstance(text, str) and text else None
    signed = any(name in kept for name in SIGNATURES)
    if new is None and not signed:
        return None
    return {name: kept[name] for name in ("thought", *SIGNATURES) if name in kept} | {
        "text": new or ""
    }


def _chat_choice(choice: Any, change: Change, blobs: bool, unopened: bool) -> Any:
    if not isinstance(choice, dict):
        return choice
    told = dict(choice)
    cut_off = choice.get("finish_reason") == "length"
    for name in ("message", "delta"):
        if isinstance(told.get(name), dict):
            message = chat_message(told[name], change, blobs)
            if name == "message" and isinstance(message.get("content"), str):
                begun = unopened and not _parsed(told[name])
                message["content"] = _headless(message["content"], change, begun, cut_off)
            told[name] = message
    if isinstance(told.get("text"), str):
        told["text"] = _headless(told["text"], change, unopened, cut_off)
    return told


def _parsed(message: Body) -> bool:
    """Whether an engine has taken reasoning out of the text already."""
    return any(message.get(name) for name in (*CHAT_TEXTS, *CHAT_LISTS))


def _headless(text: str, change: Change, unopened: bool, cut_off: bool) -> str:
    """A text without the reasoning that it begins with, or with what that became."""
    head = THINK.match(text)
    if head is None:
        return _unopened(text, change, unopened, cut_off)
    new = change(head[1].strip()) if head[1].strip() else None
    rest = text[head.end() :]
    return rest if new is None else f"<think>{new}</think>\n{rest}"


def _unopened(text: str, change: Change, unopened: bool, cut_off: bool) -> str:
    """The same for reasoning whose opening tag was the prompt's."""
    closed = (_CLOSED if unopened else _CLOSED_ALONE).search(text)
    if closed is not None and any(tag in text[: closed.start()] for tag in OPENS):
        closed = None  # a text about tags
    if closed is None and not (unopened and cut_off):
        return text
    held, rest = (text, "") if closed is None else (text[: closed.start()], text[closed.end() :])
    new = change(held.strip()) if held.strip() else None
    return rest if new is None else f"{new}</think>\n{rest}"


def _candidate(told: Any, change: Change, blobs: bool) -> Any:
    content = told.get("content") if isinstance(told, dict) else None
    if not isinstance(content, dict):
        return told
    parts = _each(content, "parts", lambda held: part(held, change, blobs))
    return {**told, "content": parts}


def _any_block(held: Any, change: Change, blobs: bool) -> Any:
    """A block of a list that holds nothing but reasoning, whatever its type is called."""
    if isinstance(held, str):
        return change(held) if held else None
    if not isinstance(held, dict):
        return None
    kind = held.get("type")
    known = isinstance(kind, str) and (kind in BLOCKS or kind.startswith("reasoning."))
    if known:
        return block(held, change, blobs)
    told = block({**held, "type": "reasoning"}, change, blobs)
    return None if told is None else {**told, "type": kind}


def _unsigned(call: Any) -> Any:
    """A tool call without Gemini's signature, which gateways carry beside it."""
    if not isinstance(call, dict):
        return call
    told = {name: value for name, value in call.items() if name not in SIGNATURES}
    for name in ("provider_specific_fields", "extra_content", "google"):
        if isinstance(told.get(name), dict):
            told[name] = _unsigned(told[name])
    return told


def _is_reasoning(held: Body) -> bool:
    kind = held.get("type")
    return isinstance(kind, str) and (kind in BLOCKS or kind.startswith("reasoning."))


def _text_of(held: Body) -> str:
    """The text of a block; Mistral's `thinking` is a list of texts."""
    for name in ("thinking", "text", "summary", "content"):
        text = _joined(held.get(name))
        if text:
            return text
    return ""


def _joined(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    texts = (each.get("text") if isinstance(each, dict) else each for each in value)
    return "\n".join(text for text in texts if isinstance(text, str))


def _as_held(was: Any, text: str) -> Any:
    if not isinstance(was, list):
        return text
    return [{"type": "text", "text": text}] if text else []


def _each(body: Body, name: str, change: Callable[[Any], Any]) -> Body:
    return {**body, name: _kept(body[name], change)} if isinstance(body.get(name), list) else body


def _kept(value: Any, change: Callable[[Any], Any]) -> list[Any]:
    """A list without what `change` takes out of it."""
    if not isinstance(value, list):
        return []
    told = ((each, change(each)) for each in value)
    return [new for was, new in told if new is not None or was is None]
