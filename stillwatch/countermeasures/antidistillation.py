"""Antidistillation sampling: serve tokens that would teach a student least. Experimental.

Savani et al., "Antidistillation Sampling", 2025 (arXiv 2504.13146). A token is worth less to a
student the more one step of training on it raises the student's loss on the task. For a proxy of
the student with parameters t and loss L that is, to first order, the directional derivative of the
token's log-probability along the loss's gradient g; two forward passes of the proxy, one moved
along g and one against it, give it for all tokens at once:

    d(v) = (log p(v; t + step g) - log p(v; t - step g)) / (2 step)

and what is sampled from is the teacher's logits + strength * d. Logits do in place of
log-probabilities, for their difference is the same for all tokens.

Reasoning served so is false to honest customers too, in the measure in which it works. Imports
torch, and nothing of Hugging Face or vLLM.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

Direction = Mapping[str, Tensor]
"""A gradient: a tensor for each parameter that has one, by the parameter's name."""


def antidistilled(
    teacher: Tensor, plus: Tensor, minus: Tensor, *, strength: float, step: float
) -> Tensor:
    """The logits to sample from, before any temperature; float32, shaped as the teacher's.

    `teacher`, `plus` and `minus` are logits of the next token, (..., vocabulary): the teacher's,
    and those of the proxy moved `step` along and against the gradient of its loss. `strength` 0 is
    the teacher as it is. What the teacher rules out (-inf) stays ruled out.

    >>> teacher, plus, minus = torch.zeros(2), torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    >>> antidistilled(teacher, plus, minus, strength=2.0, step=0.5).tolist()
    [2.0, -2.0]
    """
    return teacher.float() + strength * directional_derivative(plus, minus, step)


def directional_derivative(plus: Tensor, minus: Tensor, step: float) -> Tensor:
    """d(v) of each token, from the two proxies' logits; 0 where one of them rules a token out.

    Positive: a student that trains on the token gets worse at the task. Raises `ValueError` for a
    step that isn't above 0, or logits of two shapes.
    """
    if not step > 0:
        raise ValueError(f"the step has to be above 0, not {step}")
    if plus.shape != minus.shape:
        raise ValueError(f"logits of one shape are needed, not {plus.shape} and {minus.shape}")
    slope = (plus.float() - minus.float()) / (2.0 * step)
    return torch.where(slope.isfinite(), slope, 0.0)


def loss_gradient(
    model: nn.Module, batches: Iterable[object], loss_of: Callable[[nn.Module, object], Tensor]
) -> dict[str, Tensor]:
    """The mean gradient of the model's loss over `batches`: what a step of training goes against.

    `loss_of` gives a batch's mean loss. The model's own gradients are left as they were. Raises
    `ValueError` where there is no batch.
    """
    held = {name: value for name, value in model.named_parameters() if value.requires_grad}
    total = {name: torch.zeros_like(value) for name, value in held.items()}
    batches_seen = 0
    for batch in batches:
        loss = loss_of(model, batch)
        told = torch.autograd.grad(loss, list(held.values()), allow_unused=True)
        for name, slope in zip(held, told, strict=True):
            if slope is not None:
                total[name] += slope
        batches_seen += 1
    if not batches_seen:
        raise ValueError("a gradient needs at least one batch of traces")
    return {name: slope / batches_seen for name, slope in total.items()}


def step_for(model: nn.Module, direction: Direction, share: float = 1e-3) -> float:
    """A step that moves the parameters by `share` of their own length.

    The derivative is exact to second order in the step, so `share` matters little until float32
    rounds it away (below about 1e-5) or the model bends (above about 1e-2). Raises `ValueError`
    for a gradient of zeros: the proxy has nothing left to lose.
    """
    held = dict(model.named_parameters())
    length = _length(held[name] for name in direction)
    slope = _length(direction.values())
    if slope == 0:
        raise ValueError("the gradient is zero, so that no direction is worse than another")
    return share * length / slope


def nudged(model: nn.Module, direction: Direction, distance: float) -> nn.Module:
    """A copy of `model`, for inference, with its parameters moved `distance` times `direction`.

    Raises `KeyError` where the direction names a parameter that the model hasn't.
    """
    moved = copy.deepcopy(model).requires_grad_(False).eval()
    held = dict(moved.named_parameters())
    with torch.no_grad():
        for name, slope in direction.items():
            held[name].add_(slope.to(held[name]), alpha=distance)
    return moved


def proxies(model: nn.Module, direction: Direction, step: float) -> tuple[nn.Module, nn.Module]:
    """The proxy moved along the gradient of its loss, and against it."""
    return nudged(model, direction, step), nudged(model, direction, -step)


def _length(tensors: Iterable[Tensor]) -> float:
    return float(sum(float(value.detach().double().square().sum()) for value in tensors)) ** 0.5
