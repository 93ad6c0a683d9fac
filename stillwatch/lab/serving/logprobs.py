"""Log-probabilities served beside the text; a gateway strips them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stillwatch.lab.serving.form import House, Served
from stillwatch.lab.training import Batch

TOP = 5
"""How many an API commonly tells a token."""


@dataclass(frozen=True)
class LogProbs:
    """Everything, and the likeliest few tokens at each place with their log-probabilities."""

    name = "logprobs"
    says = f"undefended, with the {TOP} likeliest tokens' log-probabilities"
    withholds = ""
    truthful = True

    def forwards(self) -> int:
        """None."""
        return 0

    def serve(self, house: House, count: int) -> Served:
        """The figures are worked out from the teacher when they are read."""

        @torch.no_grad()
        def told(batch: Batch) -> Tensor:
            logits = house.teacher(input_ids=batch.ids, attention_mask=batch.mask).logits
            likely = logits.log_softmax(-1)
            least = likely.topk(TOP, dim=-1).values[..., -1:]
            return likely.masked_fill(likely < least, -torch.inf)

        return Served(list(house.clean[:count]), log_probabilities=told)
