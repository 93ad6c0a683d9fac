"""Prompts that were written out as one text by a model's chat template -> messages.

Models that are called with bare text (Llama, Mistral, Titan and Claude of old on Bedrock) get the
whole conversation as one string, turns marked as the model was trained to see them:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html,
.../model-parameters-mistral-text-completion.html, .../model-parameters-titan-text.html,
.../model-parameters-anthropic-claude-text-completion.html. What carries no such marks is one turn.
"""

from __future__ import annotations

import re
from typing import Any

_LLAMA3 = re.compile(r"<\|start_header_id\|>\s*(\w{1,32})\s*<\|end_header_id\|>")
_CHATML = re.compile(r"<\|im_start\|>\s*(\w{1,32})")
_CLAUDE = re.compile(r"\n\n(Human|Assistant):")
_TITAN = re.compile(r"(?:^|\n)(User|Bot):")
_INST = re.compile(r"\[(INST|/INST)\]")
_SYS = re.compile(r"<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_ENDS = re.compile(r"<\|(?:eot_id|im_end|begin_of_text|end_of_text)\|>|</?s>")
_ROLES = {
    "human": "user",
    "user": "user",
    "bot": "assistant",
    "assistant": "assistant",
    "inst": "user",
    "/inst": "assistant",
    "system": "system",
}


def template_to_messages(prompt: str) -> list[dict[str, Any]]:
    """The turns of `prompt`; the empty one that asks for the answer is left out.

    >>> template_to_messages("<s>[INST] Hi [/INST] Hello</s>[INST] Why? [/INST]")[-1]
    {'role': 'user', 'content': 'Why?'}
    """
    for marks in (_LLAMA3, _CHATML, _INST, _CLAUDE, _TITAN):
        parts = marks.split(prompt)
        if len(parts) > 1:
            turns = zip(parts[1::2], parts[2::2], strict=True)
            return list(_messages([("user", parts[0]), *turns]))
    return [{"role": "user", "content": prompt}]


def _messages(turns: list[tuple[str, str]]) -> list[dict[str, Any]]:
    messages = []
    for mark, text in turns:
        messages += [{"role": "system", "content": told[1].strip()} for told in _SYS.finditer(text)]
        if said := _ENDS.sub("", _SYS.sub("", text)).strip():
            messages.append({"role": _ROLES.get(mark.lower(), mark.lower()), "content": said})
    return messages
