"""What a teacher is: it answers prompts, says who it is, and may lend its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from transformers import PreTrainedModel

from stillwatch.lab.teachers.codec import Codec


@dataclass(frozen=True)
class Identity:
    """Who a model is, for the card; `weights` counts them, None where nobody can."""

    kind: str
    name: str
    digest: str
    weights: int | None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As the card says it."""
        return asdict(self)


@dataclass(frozen=True)
class Draw:
    """How answers are drawn: the likeliest tokens where `temperature` is 0."""

    longest: int
    """Tokens."""
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """What a teacher said, and whether it came to an end (else it was cut at the longest)."""

    text: str
    ended: bool


@dataclass(frozen=True)
class Unanswered:
    """Why a prompt has no usable answer."""

    reason: str


Reply = Answer | Unanswered


@dataclass(frozen=True)
class Weights:
    """A model that is here, with its tokens."""

    model: PreTrainedModel
    codec: Codec


class Teacher(Protocol):
    """Whoever answers."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    @property
    def at_once(self) -> int:
        """How many prompts are best asked together; no more are lost where a run is killed."""
        ...

    @property
    def weights(self) -> Weights | None:
        """Its model, None where it is elsewhere and only its texts come."""
        ...

    def answers(self, prompts: Sequence[str], draw: Draw) -> list[Reply]:
        """A reply to each prompt, in their order."""
        ...
