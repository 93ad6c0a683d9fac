"""Students by what they learn from: the same lessons are taught once, and a killed one goes on."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from stillwatch.errors import LabRefused
from stillwatch.lab.generating import generate
from stillwatch.lab.serving.form import LogProbabilities
from stillwatch.lab.tasks.task import Example, Tokens
from stillwatch.lab.training import Batch, Loss, Schedule, batches_of, next_token_loss, train


@dataclass(frozen=True)
class Classroom:
    """Trains students from `base`; keeps them in `folder`, by the digest of their lessons.

    `desk` is where students in the making are kept; two processes need two of them.
    """

    base: PreTrainedModel
    folder: Path
    desk: Path
    schedule: Schedule
    longest: int

    def student(
        self, examples: Sequence[Example], told: LogProbabilities | None = None
    ) -> PreTrainedModel:
        """A student of these lessons, from the folder where it was trained before."""
        if not examples:
            raise LabRefused("a student", "has nothing to learn from", "Serve more, or give it own")
        name = self.digest(examples, told is not None)
        done, half = self.folder / f"{name}.pt", self.desk / f"{name}.half.pt"
        model = copy.deepcopy(self.base)
        if done.exists():
            return loaded(model, done)
        self.desk.mkdir(parents=True, exist_ok=True)
        batches = batches_of(examples, self.schedule.batch, self.schedule.seed, str(model.device))
        loss = next_token_loss if told is None else told_loss(told)
        train(model, batches, self.schedule, loss=loss, checkpoint=half)
        save(model, done, self.desk)
        half.unlink(missing_ok=True)
        return model

    def drawn(
        self, model: PreTrainedModel, prompts: Sequence[Tokens], temperature: float, seed: int
    ) -> list[Tokens]:
        """What a model says to each prompt."""
        return generate(model, prompts, self.longest, seed=seed, temperature=temperature)

    def digest(self, examples: Sequence[Example], told: bool = False) -> str:
        """A short name for a training set and how it is learned."""
        said = hashlib.blake2b(digest_size=10)
        said.update(repr((self.schedule, told)).encode())
        for example in examples:
            said.update(
                np.array((*example.prompt, -1, *example.completion, -2), np.int32).tobytes()
            )
        return said.hexdigest()


def told_loss(told: LogProbabilities) -> Loss:
    """Cross-entropy to what the teacher told of each token: its likeliest few, summing to one."""

    def loss(model: PreTrainedModel, batch: Batch, step: int) -> Tensor:
        likely = model(input_ids=batch.ids, attention_mask=batch.mask).logits.log_softmax(-1)
        target = told(batch).softmax(-1)[:, :-1]
        each = -(target * likely[:, :-1]).sum(-1)
        return each[batch.labels[:, 1:] >= 0].mean()

    return loss


def save(model: PreTrainedModel, path: Path, desk: Path) -> None:
    """Weights alone, the file replaced at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = desk / f"{path.name}.writing"
    torch.save(model.state_dict(), half)
    os.replace(half, path)


def loaded(model: PreTrainedModel, path: Path) -> PreTrainedModel:
    """Those weights; raises `LabRefused` where the file can't be read or is another model's."""
    try:
        model.load_state_dict(torch.load(path, weights_only=True, map_location=model.device))
    except Exception as fault:
        what = f"these weights can't be read ({type(fault).__name__})"
        raise LabRefused(path, what, "Remove the file, and it is trained anew") from None
    return model.eval()
