"""Training that can be killed at any time and ends with the same model.

A batch is a pure function of its step, and so are the random numbers drawn in it; with weights,
optimiser and step in one file that is replaced at once, nothing else needs to be remembered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from stillwatch.errors import LabRefused
from stillwatch.lab.tasks.task import Example

_IGNORED = -100
"""A label that costs nothing, in Hugging Face's models as in torch."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW with a linear warm-up and a cosine down to a tenth."""

    steps: int
    batch: int = 64
    rate: float = 2e-3
    warm_up: int = 20
    seed: int = 0
    save_every: int = 100

    def rate_at(self, step: int) -> float:
        """The learning rate of that step."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.rate * (0.1 + 0.45 * (1 + np.cos(np.pi * done)))


@dataclass(frozen=True)
class Batch:
    """Texts side by side, padded on the right; labels are -100 where nothing is to be learned."""

    ids: Tensor
    """Shape (texts, length), integers."""
    mask: Tensor
    labels: Tensor


Batches = Callable[[int], Batch]
Loss = Callable[[PreTrainedModel, Batch, int], Tensor]


def train(
    model: PreTrainedModel,
    batches: Batches,
    schedule: Schedule,
    *,
    loss: Loss | None = None,
    checkpoint: Path | None = None,
    at: Callable[[int], None] | None = None,
) -> list[float]:
    """Trains `model` in place; returns the loss by step.

    With `checkpoint`, goes on from that file where it is there, and writes it every `save_every`
    steps. Only weights that need a gradient are trained and kept in it. `at` is told the number of
    steps done: at the beginning, after a resumption too, and where a checkpoint is, or would be,
    written. Raises `LabRefused` where the file is of another run or can't be read.
    """
    loss = loss or next_token_loss
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimiser = torch.optim.AdamW(weights.values(), lr=schedule.rate, weight_decay=0.01)
    losses: list[float] = []
    if checkpoint is not None and checkpoint.exists():
        losses = _resume(checkpoint, schedule, weights, optimiser)
    _tell(model, at, len(losses))
    model.train()
    with torch.random.fork_rng():
        for step in range(len(losses), schedule.steps):
            torch.manual_seed(schedule.seed * 1_000_003 + step)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at(step)
            value = loss(model, batches(step), step)
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimiser.step()
            losses.append(float(value.detach()))
            if step + 1 == schedule.steps or (step + 1) % schedule.save_every == 0:
                if checkpoint is not None:
                    _save(checkpoint, schedule, weights, optimiser, losses)
                _tell(model, at, step + 1)
    model.eval()
    return losses


def next_token_loss(model: PreTrainedModel, batch: Batch, step: int) -> Tensor:
    """The mean cross-entropy of the labelled tokens."""
    return model(input_ids=batch.ids, attention_mask=batch.mask, labels=batch.labels).loss


def batches_of(examples: Sequence[Example], size: int, seed: int, device: str = "cpu") -> Batches:
    """Batches drawn from `examples`, each as often as any other (shuffled anew every pass)."""
    if not examples:
        raise LabRefused("training", "there is no example to learn from", "Give at least one")
    order = shuffled(len(examples), seed)

    def batch(step: int) -> Batch:
        places = range(step * size, (step + 1) * size)
        return collated([examples[order(place)] for place in places], device)

    return batch


def shuffled(count: int, seed: int) -> Callable[[int], int]:
    """Which of `count` things comes as the n-th: each once a pass, every pass in another order."""
    orders: dict[int, np.ndarray] = {}

    def nth(n: int) -> int:
        epoch, place = divmod(n, count)
        if epoch not in orders:
            orders.clear()
            orders[epoch] = np.random.default_rng([seed, epoch]).permutation(count)
        return int(orders[epoch][place])

    return nth


def collated(examples: Sequence[Example], device: str = "cpu") -> Batch:
    """Examples side by side; only completions are labelled."""
    longest = max(len(example.prompt) + len(example.completion) for example in examples)
    ids = np.zeros((len(examples), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    labels = np.full_like(ids, _IGNORED)
    for row, example in enumerate(examples):
        start, end = len(example.prompt), len(example.prompt) + len(example.completion)
        ids[row, :end] = example.prompt + example.completion
        mask[row, :end] = 1
        labels[row, start:end] = example.completion
    return Batch(*(torch.from_numpy(array).to(device) for array in (ids, mask, labels)))


def _tell(model: PreTrainedModel, at: Callable[[int], None] | None, done: int) -> None:
    if at is not None:
        model.eval()
        at(done)
        model.train()


def _save(
    path: Path,
    schedule: Schedule,
    weights: dict[str, torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
    losses: list[float],
) -> None:
    kept: dict[str, Any] = {
        "schedule": asdict(schedule),
        "weights": {name: weight.detach() for name, weight in weights.items()},
        "optimiser": optimiser.state_dict(),
        "losses": losses,
    }
    half = path.with_suffix(".half")
    torch.save(kept, half)
    os.replace(half, path)


def _resume(
    path: Path,
    schedule: Schedule,
    weights: dict[str, torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
) -> list[float]:
    try:
        kept = torch.load(path, weights_only=True)
        same = kept["schedule"] == asdict(schedule) and set(kept["weights"]) == set(weights)
    except Exception as fault:
        what = f"this checkpoint can't be read ({type(fault).__name__})"
        raise LabRefused(path, what, "Remove it, and the run begins anew") from None
    if not same:
        what = "this checkpoint is of a run with another schedule or model"
        raise LabRefused(path, what, "Name another folder, or remove it")
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept["weights"][name])
    optimiser.load_state_dict(kept["optimiser"])
    return kept["losses"]
