"""Less is served: the answer alone, or with a summary; or withheld from a part of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from stillwatch.lab.serving.form import House, Served
from stillwatch.lab.tasks.reading import Parts, Reader
from stillwatch.lab.tasks.task import Example


class _True:
    truthful = True

    def forwards(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True)
class Withheld(_True):
    """The answer alone."""

    name = "withheld"
    says = "the answer alone"
    withholds = "all reasoning"

    def serve(self, house: House, count: int) -> Served:
        """Without steps."""
        return _shortened(house, count, _answer)


@dataclass(frozen=True)
class Summary(_True):
    """The answer, and the results of every second step."""

    name = "summary"
    says = "the answer with every second intermediate result"
    withholds = "how results come about, and every other result"

    def serve(self, house: House, count: int) -> Served:
        """With shortened steps."""
        return _shortened(house, count, house.reader.shortened)


@dataclass(frozen=True)
class Blunted(_True):
    """Full answers, and the last `blunted` of them without reasoning: what a policy does.

    They stand last since an account is blunted once it is suspected.
    """

    answers: int
    blunted: int
    withholds = "reasoning of suspects"

    @property
    def name(self) -> str:
        """`blunted-1200@3000`"""
        return f"blunted-{self.blunted}@{self.answers}"

    @property
    def says(self) -> str:
        """Both counts."""
        return f"{self.answers:,} answers get through, {self.blunted:,} of them without reasoning"

    def serve(self, house: House, count: int) -> Served:
        """In the order asked."""
        clean = list(house.clean[: min(count, self.answers)])
        whole = max(0, len(clean) - self.blunted)
        told = [_told(house.reader, example, _answer) for example in clean[whole:]]
        return Served(clean[:whole] + told, _answer)


def _shortened(house: House, count: int, told: Callable[[Parts], Parts]) -> Served:
    return Served([_told(house.reader, example, told) for example in house.clean[:count]], told)


def _told(reader: Reader, example: Example, told: Callable[[Parts], Parts]) -> Example:
    return replace(example, completion=reader.written(told(reader.parts(example.completion))))


def _answer(parts: Parts) -> Parts:
    return replace(parts, steps=())
