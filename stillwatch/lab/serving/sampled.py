"""Forms that change how tokens are drawn. The more they cost a student, the more of it is false."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import Module
from transformers import LogitsProcessorList

from stillwatch.countermeasures.adapters.huggingface import Antidistillation, ProductOfExperts
from stillwatch.countermeasures.antidistillation import loss_gradient, proxies, step_for
from stillwatch.lab.serving.form import House, Served
from stillwatch.lab.training import batches_of, next_token_loss

_BATCHES = 8


class _False:
    withholds = ""
    truthful = False


@dataclass(frozen=True)
class Hot(_False):
    """A high temperature: noise, the control that every other form has to beat."""

    temperature: float = 2.0

    @property
    def name(self) -> str:
        """`temperature-2`"""
        return f"temperature-{self.temperature:g}"

    @property
    def says(self) -> str:
        """How high."""
        return f"drawn at temperature {self.temperature:g}"

    def forwards(self) -> int:
        """None."""
        return 0

    def serve(self, house: House, count: int) -> Served:
        """Drawn anew."""
        return house.drawn(count, self.temperature)


@dataclass(frozen=True)
class AntidistillationSampling(_False):
    """Tokens that hurt a student: Savani et al. 2025 (arXiv 2504.13146)."""

    strength: float = 1.0

    @property
    def name(self) -> str:
        """`antidistillation-1`"""
        return f"antidistillation-{self.strength:g}"

    @property
    def says(self) -> str:
        """How strongly."""
        return f"antidistillation sampling, strength {self.strength:g}"

    def forwards(self) -> int:
        """The proxy, moved both ways."""
        return 2

    def serve(self, house: House, count: int) -> Served:
        """The proxy is a student before it is taught; its loss is that of the clean traces."""
        batches = batches_of(house.clean[:count], 64, house.seed, str(house.proxy.device))
        slope = loss_gradient(house.proxy, map(batches, range(_BATCHES)), _loss)
        step = step_for(house.proxy, slope)
        plus, minus = proxies(house.proxy, slope, step)

        def processors() -> LogitsProcessorList:
            measure = Antidistillation(
                plus,
                minus,
                strength=self.strength,
                step=step,
                serve_false_reasoning=True,  # to a student in the lab
            )
            return LogitsProcessorList([measure])

        return house.drawn(count, 1.0, processors)


@dataclass(frozen=True)
class Experts(_False):
    """A product of the teacher and an untaught student: "The Distillation Game" (2605.22737)."""

    share: float = 0.5

    @property
    def name(self) -> str:
        """`experts-0.5`"""
        return f"experts-{self.share:g}"

    @property
    def says(self) -> str:
        """The share that isn't the teacher's."""
        return f"a product of experts, {self.share:.0%} of it an untaught student"

    def forwards(self) -> int:
        """The proxy."""
        return 1

    def serve(self, house: House, count: int) -> Served:
        """Drawn at temperature 1."""

        def processors() -> LogitsProcessorList:
            measure = ProductOfExperts(
                house.proxy,
                share=self.share,
                serve_false_reasoning=True,  # to a student in the lab
            )
            return LogitsProcessorList([measure])

        return house.drawn(count, 1.0, processors)


def _loss(model: Module, batch: object) -> Tensor:
    return next_token_loss(model, batch, 0)  # pyright: ignore
