"""A teacher whose weights are here: any Hugging Face model that continues texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from transformers import PreTrainedModel

from stillwatch.errors import LabRefused
from stillwatch.lab.generating import generate
from stillwatch.lab.tasks.task import Tokens
from stillwatch.lab.teachers.codec import Codec, Unspeakable
from stillwatch.lab.teachers.teacher import Answer, Draw, Identity, Reply, Unanswered, Weights


@dataclass(frozen=True)
class Local:
    """A teacher of this process."""

    kind: str
    name: str
    model: PreTrainedModel
    codec: Codec
    at_once: int = 64
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> Weights:
        """Its model and tokens."""
        return Weights(self.model, self.codec)

    @property
    def identity(self) -> Identity:
        """With the digest of its weights."""
        return self._identity

    @cached_property
    def _identity(self) -> Identity:
        return identity_of(self.kind, self.name, self.model, self.detail)

    def answers(self, prompts: Sequence[str], draw: Draw) -> list[Reply]:
        """Replies of the model; a prompt that it has no tokens for, or no room, is unanswered."""
        replies: dict[int, Reply] = {}
        asked: dict[int, Tokens] = {}
        room = room_of(self.model) - draw.longest
        for place, prompt in enumerate(prompts):
            try:
                tokens = self.codec.prompt(prompt)
            except Unspeakable as fault:
                replies[place] = Unanswered(str(fault))
                continue
            if 0 < len(tokens) <= room:
                asked[place] = tokens
            else:
                replies[place] = Unanswered(f"it has {len(tokens)} tokens, where 1 to {room} fit")
        said = spoken(self.model, self.codec, list(asked.values()), draw, self.at_once)
        replies |= zip(asked, said, strict=True)
        return [replies[place] for place in range(len(prompts))]


def spoken(
    model: PreTrainedModel, codec: Codec, prompts: Sequence[Tokens], draw: Draw, at_once: int
) -> list[Answer]:
    """What a model says to each prompt."""
    drawn = generate(
        model,
        prompts,
        draw.longest,
        seed=draw.seed,
        temperature=draw.temperature,
        at_once=at_once,
        padded=True,
    )
    end = codec.completion("", ended=True)
    return [Answer(codec.text(tokens), tokens[-1:] == end) for tokens in drawn]


def room_of(model: PreTrainedModel) -> int:
    """How many tokens fit into a model."""
    return int(getattr(model.config, "max_position_embeddings", None) or 1_024)


def identity_of(
    kind: str, name: str, model: PreTrainedModel, detail: Mapping[str, Any] | None = None
) -> Identity:
    """Who a model is, by its weights."""
    return Identity(kind, name, weights_digest(model), model.num_parameters(), detail or {})


def weights_digest(model: PreTrainedModel) -> str:
    """SHA-256 over names, shapes and bytes of all weights."""
    told = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        told.update(f"{name} {tuple(weight.shape)} {weight.dtype}\n".encode())
        told.update(weight.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return told.hexdigest()


def device_named(name: str) -> str:
    """`cpu`, or `cuda` where there is one; `auto` takes what there is.

    Raises `LabRefused` for another, and for `cuda` where none is.
    """
    there = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if there else "cpu"
    if name not in ("cpu", "cuda"):
        raise LabRefused("--device", f"there is no {name!r}", "Name cpu, cuda or auto")
    if name == "cuda" and not there:
        raise LabRefused("--device", "torch finds no GPU here", "Use --device cpu")
    return name
