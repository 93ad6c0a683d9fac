"""Answers in every form, whole and streamed, with a secret in each place that holds reasoning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

SECRET = "ЖЩЮ"
"""Letters that stand nowhere but in reasoning, so that one of them is a leak."""
SHOWN = "the answer is 4"
Body = dict[str, Any]

think = st.text(max_size=12).map(lambda more: f"{more}{SECRET}{more}")
spoken = st.sampled_from([SHOWN, f"  {SHOWN}", f"see </think> {SHOWN}", f"<th{SHOWN}"])
tools = st.just({"type": "tool_use", "id": "t", "name": "run", "input": {"thinking": SHOWN}})


def _maybe(**places: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    return st.fixed_dictionaries({}, optional=places)


details = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("reasoning.text"), "text": think, "index": st.just(0)}
        ),
        st.fixed_dictionaries({"type": st.just("reasoning.summary"), "summary": think}),
        st.fixed_dictionaries({"type": st.just("reasoning.encrypted"), "data": think}),
        st.fixed_dictionaries({"type": st.just("other"), "text": think}),
        think,
        st.none(),
    ),
    max_size=3,
)
thinking_block = st.one_of(
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": think, "signature": think}),
    st.fixed_dictionaries(
        {
            "type": st.just("thinking"),
            "thinking": st.lists(
                st.fixed_dictionaries({"type": st.just("text"), "text": think}), max_size=2
            ),
        }
    ),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": think}),
)
inline = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", " ", "\n"]),
    st.just("<think>"),
    think,
    st.sampled_from(["</think>", "</think>\n\n"]),
    spoken,
)
hidden = {
    "reasoning_content": think,
    "reasoning": st.one_of(think, details),
    "thinking": think,
    "reasoning_details": details,
    "thinking_blocks": st.lists(thinking_block, max_size=2),
    "thought_signatures": st.lists(think, max_size=1),
    "tool_calls": think.map(
        lambda text: [
            {"function": {"name": "run"}, "provider_specific_fields": {"thought_signature": text}},
            {"extra_content": {"google": {"thought_signature": text}}},
        ]
    ),
}
chat_message = st.builds(
    lambda text, places, beside: {
        "role": "assistant",
        **text,
        **places,
        "provider_specific_fields": {"citations": None, **beside},
    },
    st.one_of(
        spoken.map(lambda text: {"content": text}),
        inline.map(lambda text: {"content": text}),
        st.tuples(st.lists(thinking_block, max_size=2), spoken).map(
            lambda two: {"content": [*two[0], {"type": "text", "text": two[1]}]}
        ),
    ),
    _maybe(**hidden),
    _maybe(**hidden),
)
chat = st.lists(chat_message, min_size=1, max_size=3).map(
    lambda messages: {
        "object": "chat.completion",
        "choices": [
            {"index": at, "message": message, "finish_reason": "stop"}
            for at, message in enumerate(messages)
        ],
    }
)
completion = inline.map(lambda text: {"choices": [{"index": 0, "text": text}]})
anthropic = st.tuples(st.lists(thinking_block, max_size=3), spoken, tools).map(
    lambda told: {
        "type": "message",
        "content": [*told[0], {"type": "text", "text": told[1]}, told[2]],
    }
)
reasoning_item = st.builds(
    lambda places: {"type": "reasoning", "id": "rs_1", **places},
    _maybe(
        summary=st.lists(
            st.fixed_dictionaries({"type": st.just("summary_text"), "text": think}), max_size=2
        ),
        content=st.lists(
            st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": think}), max_size=2
        ),
        encrypted_content=think,
    ),
)


def said_item(text: str) -> Body:
    """An item of the answer itself."""
    return {
        "type": "message",
        "id": "msg_1",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    }


responses = st.tuples(st.lists(reasoning_item, max_size=2), spoken).map(
    lambda told: {"object": "response", "output": [*told[0], said_item(told[1])]}
)
thought_part = st.one_of(
    st.fixed_dictionaries({"thought": st.just(True), "text": think}),
    st.fixed_dictionaries({"thought": st.just(True), "text": think, "thoughtSignature": think}),
)
said_part = st.one_of(
    spoken.map(lambda text: {"text": text}),
    st.tuples(spoken, think).map(lambda two: {"text": two[0], "thoughtSignature": two[1]}),
    st.tuples(spoken, think).map(
        lambda two: {
            "functionCall": {"name": "run", "args": {"a": two[0]}},
            "thought_signature": two[1],
        }
    ),
)
gemini = st.tuples(st.lists(thought_part, max_size=3), said_part).map(
    lambda told: {
        "candidates": [
            {"content": {"role": "model", "parts": [*told[0], told[1]]}, "finishReason": "STOP"}
        ]
    }
)
converse_reasoning = st.one_of(
    think.map(lambda text: {"reasoningContent": {"reasoningText": {"text": text}}}),
    st.tuples(think, think).map(
        lambda two: {"reasoningContent": {"reasoningText": {"text": two[0], "signature": two[1]}}}
    ),
    think.map(lambda text: {"reasoningContent": {"redactedContent": text}}),
)
converse = st.tuples(st.lists(converse_reasoning, max_size=3), spoken).map(
    lambda told: {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    *told[0],
                    {"text": told[1]},
                    {"toolUse": {"toolUseId": "t", "name": "run", "input": {"text": SHOWN}}},
                ],
            }
        },
        "stopReason": "end_turn",
    }
)
whole = st.one_of(chat, completion, anthropic, responses, gemini, converse)


def _cut(text: str, at: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(where % (len(text) + 1) for where in at)})
    return [text[a:b] for a, b in pairwise(edges)]


cuts = st.lists(st.integers(0, 200), max_size=6)


def chat_pieces(body: Body, at: list[int]) -> list[Body]:
    """A chat answer as its stream: one choice after another, texts cut anywhere."""
    pieces: list[Body] = []
    for choice in body["choices"]:
        index = choice["index"]

        def delta(held: Body, ends: str | None = None, index: int = index) -> Body:
            return {"choices": [{"index": index, "delta": held, "finish_reason": ends}]}

        message = choice["message"]
        pieces.append(delta({"role": "assistant"}))
        for name, value in message.items():
            if name in ("role", "content"):
                continue
            texts = _cut(value, at) if isinstance(value, str) else [value]
            pieces += [delta({name: text}) for text in texts]
        content = message["content"]
        texts = _cut(content, at) if isinstance(content, str) else [content]
        pieces += [delta({"content": text}) for text in texts]
        pieces.append(delta({}, "stop"))
    return pieces


def anthropic_pieces(body: Body, at: list[int]) -> list[Body]:
    """A message as its stream of events."""
    pieces: list[Body] = [{"type": "message_start", "message": {**body, "content": []}}]
    for index, block in enumerate(body["content"]):
        place = {"index": index}
        empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}}
        start = {**block, **empty.get(block["type"], {})}
        pieces.append({"type": "content_block_start", **place, "content_block": start})

        def delta(held: Body, place: Body = place) -> Body:
            return {"type": "content_block_delta", **place, "delta": held}

        if isinstance(block.get("thinking"), str):
            pieces += [
                delta({"type": "thinking_delta", "thinking": text})
                for text in _cut(block["thinking"], at)
            ]
            pieces.append(delta({"type": "signature_delta", "signature": block["signature"]}))
        if block["type"] == "text":
            pieces += [
                delta({"type": "text_delta", "text": text}) for text in _cut(block["text"], at)
            ]
        pieces.append({"type": "content_block_stop", **place})
    return [*pieces, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}]


def responses_pieces(body: Body, at: list[int]) -> list[Body]:
    """A response as its stream of events."""
    pieces: list[Body] = [{"type": "response.created", "response": {**body, "output": []}}]
    for index, item in enumerate(body["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        bare = {"type": item["type"], "id": item["id"], "summary": []}
        pieces.append({"type": "response.output_item.added", **place, "item": bare})
        for name, kind in (("content", "reasoning_text"), ("summary", "reasoning_summary_text")):
            for part in item.get(name, []) if item["type"] == "reasoning" else []:
                pieces += [
                    {"type": f"response.{kind}.delta", **place, "delta": text}
                    for text in _cut(part["text"], at)
                ]
                pieces.append({"type": f"response.{kind}.done", **place, "text": part["text"]})
        if item["type"] == "message":
            pieces += [
                {"type": "response.output_text.delta", **place, "delta": text}
                for text in _cut(item["content"][0]["text"], at)
            ]
        pieces.append({"type": "response.output_item.done", **place, "item": item})
    return [*pieces, {"type": "response.completed", "response": body}]


def gemini_pieces(body: Body, at: list[int]) -> list[Body]:
    """Gemini's answer as its stream: parts one after another."""
    parts = body["candidates"][0]["content"]["parts"]
    pieces: list[Body] = []
    for part in parts:
        texts = _cut(part["text"], at) if "text" in part else [None]
        for number, text in enumerate(texts):
            held = {**part, **({} if text is None else {"text": text})}
            if number < len(texts) - 1:
                held.pop("thoughtSignature", None)
            pieces.append({"candidates": [{"content": {"role": "model", "parts": [held]}}]})
    return [*pieces, {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]}]


def converse_pieces(body: Body, at: list[int]) -> list[Body]:
    """Bedrock's answer as its stream of events: a block of reasoning has no start."""
    pieces: list[Body] = [{"messageStart": {"role": "assistant"}}]
    for index, block in enumerate(body["output"]["message"]["content"]):
        place = {"contentBlockIndex": index}

        def delta(held: Body, place: Body = place) -> Body:
            return {"contentBlockDelta": {**place, "delta": held}}

        reasoning = block.get("reasoningContent", {})
        said = reasoning.get("reasoningText", {})
        pieces += [
            delta({"reasoningContent": {"text": text}}) for text in _cut(said.get("text", ""), at)
        ]
        if "signature" in said:
            pieces.append(delta({"reasoningContent": {"signature": said["signature"]}}))
        if "redactedContent" in reasoning:
            pieces.append(delta({"reasoningContent": reasoning}))
        pieces += [delta({"text": text}) for text in _cut(block.get("text", ""), at)]
        if "toolUse" in block:
            start = {"toolUse": {"toolUseId": "t", "name": "run"}}
            pieces.append({"contentBlockStart": {**place, "start": start}})
            pieces.append(delta({"toolUse": {"input": "{}"}}))
        pieces.append({"contentBlockStop": place})
    return [*pieces, {"messageStop": {"stopReason": body["stopReason"]}}]


def _streams(form: st.SearchStrategy[Body], made: Any) -> st.SearchStrategy[list[Body]]:
    return st.tuples(form, cuts).map(lambda two: made(*two))


streamed = st.one_of(
    _streams(chat, chat_pieces),
    _streams(
        anthropic.filter(
            lambda body: all(
                isinstance(block.get("thinking", ""), str) for block in body["content"]
            )
        ),
        anthropic_pieces,
    ),
    _streams(responses, responses_pieces),
    _streams(gemini, gemini_pieces),
    _streams(converse, converse_pieces),
)


def texts_shown(pieces: list[Body]) -> str:
    """All of the answer's own text in a stream, put together."""
    shown: list[str] = []
    for piece in pieces:
        for choice in piece.get("choices", []):
            content = choice["delta"].get("content")
            if isinstance(content, list):
                content = "".join(part.get("text", "") for part in content)
            shown.append(content or "")
        if piece.get("type") == "content_block_delta":
            shown.append(piece["delta"].get("text", ""))
        if piece.get("type") == "response.output_text.delta":
            shown.append(piece["delta"])
        if "contentBlockDelta" in piece:
            shown.append(piece["contentBlockDelta"]["delta"].get("text", ""))
        for candidate in piece.get("candidates", []):
            for part in candidate["content"]["parts"]:
                shown.append("" if part.get("thought") else part.get("text", ""))
    return "".join(shown)
