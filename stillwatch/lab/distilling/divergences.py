"""How far a student's next-token distributions are from its teacher's, per token.

At a temperature T both are softened, and the loss is multiplied by T squared so that its gradients
keep their size (Hinton, Vinyals and Dean 2015, https://arxiv.org/abs/1503.02531). The generalised
Jensen-Shannon divergence is that of Agarwal et al. 2023 (https://arxiv.org/abs/2306.13649).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stillwatch.errors import LabRefused

KINDS = ("forward", "reverse", "js")


@dataclass(frozen=True)
class Divergence:
    """`forward` is KL(teacher, student), which covers; `reverse` KL(student, teacher), which seeks.

    `js` lies between them, the teacher's share in the mixture being `beta`. With `top` only the
    teacher's likeliest tokens are told apart, the rest being one more outcome, as where an engine
    gives no more than these.
    """

    kind: str = "forward"
    temperature: float = 1.0
    beta: float = 0.5
    top: int = 0

    def __post_init__(self) -> None:
        fits = self.kind in KINDS and 0 < self.beta < 1 and self.top >= 0
        if not fits or not 0.05 <= self.temperature <= 100:
            what = "needs forward, reverse or js, a temperature from 0.05 to 100, 0 < beta < 1"
            raise LabRefused("divergence", what, "Correct the method's options")

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The mean over rows of logits, each of shape (rows, tokens)."""
        ours = torch.log_softmax(student.float() / self.temperature, dim=-1)
        theirs = torch.log_softmax(teacher.float() / self.temperature, dim=-1)
        if 0 < self.top < theirs.shape[-1]:
            likeliest = theirs.topk(self.top, dim=-1).indices
            ours, theirs = _with_rest(ours, likeliest), _with_rest(theirs, likeliest)
        return self._between(theirs, ours).mean() * self.temperature**2

    def _between(self, theirs: Tensor, ours: Tensor) -> Tensor:
        if self.kind == "forward":
            return _kl(theirs, ours)
        if self.kind == "reverse":
            return _kl(ours, theirs)
        share = torch.tensor(self.beta)
        both = torch.logaddexp(theirs + share.log(), ours + (1 - share).log())
        return self.beta * _kl(theirs, both) + (1 - self.beta) * _kl(ours, both)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return (p.exp() * (p - q)).sum(dim=-1)


def _with_rest(logs: Tensor, likeliest: Tensor) -> Tensor:
    """Log-probabilities of `likeliest`, and of all others together."""
    rest = logs.scatter(-1, likeliest, float("-inf")).logsumexp(dim=-1, keepdim=True)
    return torch.cat([logs.gather(-1, likeliest), rest.clamp(min=-50)], dim=-1)
