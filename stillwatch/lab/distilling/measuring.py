"""How good a student is: its loss on the teacher's held-out answers, and what its own are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from stillwatch.lab.distilling.material import Material
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.teachers.codec import Codec
from stillwatch.lab.teachers.local import spoken
from stillwatch.lab.teachers.teacher import Answer, Draw
from stillwatch.lab.training import collated
from stillwatch.scoring.intervals import wilson

_AT_ONCE = 32


@dataclass(frozen=True)
class HeldOut:
    """Prompts that the student never saw, and what the teacher answers."""

    prompts: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Figures:
    """One model on held-out prompts; shares are counts of `of`.

    `right` is None where nobody knows what is right. `loss` is in nats per token of the teacher's
    answers, None for a teacher whose weights are elsewhere.
    """

    loss: float | None
    right: int | None
    judged: int
    agreed: int
    of: int

    def to_dict(self) -> dict[str, Any]:
        """With shares and their 95% intervals."""
        told: dict[str, Any] = asdict(self)
        for name, count, of in (
            ("accuracy", self.right, self.judged),
            ("agreement", self.agreed, self.of),
        ):
            interval = wilson(count, of) if count is not None else None
            if interval is None or count is None:
                told[name] = None
                continue
            told[name] = {"share": count / of, "low": interval.low, "high": interval.high}
        return told


def measured(
    model: PreTrainedModel, codec: Codec, held_out: HeldOut, material: Material, at_once: int
) -> Figures:
    """A student's figures; its answers are its likeliest ones."""
    prompts = [codec.prompt(prompt) for prompt in held_out.prompts]
    taught = [codec.completion(a.text, ended=a.ended) for a in held_out.answers]
    examples = [Example(*pair) for pair in zip(prompts, taught, strict=True)]
    with torch.inference_mode():
        losses = token_losses(model, examples)
    loss = by_token(losses, examples)
    said = spoken(model, codec, prompts, Draw(material.longest), at_once)
    return judged(held_out, said, material, loss)


def judged(
    held_out: HeldOut, said: Sequence[Answer], material: Material, loss: float | None
) -> Figures:
    """Figures of answers that are there."""
    checker = material.checker
    verdicts = [
        checker.right(prompt, answer.text)
        for prompt, answer in zip(held_out.prompts, said, strict=True)
    ]
    known = [verdict for verdict in verdicts if verdict is not None]
    agreed = sum(
        checker.said(ours.text) == checker.said(theirs.text)
        for ours, theirs in zip(said, held_out.answers, strict=True)
    )
    return Figures(loss, sum(known) if known else None, len(known), agreed, len(verdicts))


def by_token(losses: Sequence[float], examples: Sequence[Example]) -> float:
    """The mean over all tokens of the examples' mean losses."""
    sizes = [len(example.completion) for example in examples]
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)


def token_losses(model: PreTrainedModel, examples: Sequence[Example]) -> list[float]:
    """The mean negative log-likelihood of each completion's tokens, in nats."""
    losses: list[float] = []
    for start in range(0, len(examples), _AT_ONCE):
        batch = collated(examples[start : start + _AT_ONCE], str(model.device))
        out = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
        logits = out.logits[:, :-1]
        labels = batch.labels[:, 1:]
        each = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), reduction="none", ignore_index=-100
        ).view(labels.shape)
        losses += (each.sum(dim=1) / (labels >= 0).sum(dim=1)).tolist()
    return losses
