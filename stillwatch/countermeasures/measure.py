"""What a countermeasure is: what it says of itself, and what it does to a request and an answer.

A measure is a pure function of plain bodies: it changes none in place, does no input or output but
what it was given to do it with, and leaves alone what it doesn't know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stillwatch.countermeasures.forms import Body


class Needs(StrEnum):
    """What a measure has to have at hand."""

    NO_LOGITS = "no logits"
    """Bodies: a gateway will do."""
    LOGITS = "logits"
    """The engine that samples."""


@dataclass(frozen=True, slots=True)
class About:
    """What a measure says of itself, in words for people who choose.

    `truthful` is false where a served trace may be false; such a measure is never on by default,
    and has to be named with an explicit switch (`table.chosen`).
    """

    name: str
    says: str
    needs: Needs
    cost: str
    """What it costs an honest customer."""
    against: str
    """What is known to undo it."""
    truthful: bool = True
    default: str = "off"
    experimental: bool = False


@dataclass(frozen=True, slots=True)
class Who:
    """Whose request it is. `risk` is the gate's confidence that the account is a campaign's."""

    tenant: str = ""
    account: str = ""
    conversation: str = ""
    model: str = ""
    risk: float = 0.0
    withhold: tuple[str, ...] = ()
    """Parts that the gate said to withhold (`reasoning`, `logprobs`)."""


class Pieces(Protocol):
    """One streamed answer on its way to a customer."""

    def piece(self, body: Body) -> list[Body]:
        """What is sent on for one piece."""
        ...


class Measure(Protocol):
    """A countermeasure that works on bodies."""

    @property
    def about(self) -> About:
        """What it says of itself."""
        ...

    def to_model(self, request: Body, who: Who) -> Body:
        """The request that goes on to the model."""
        ...

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer, in one piece, that goes on to the customer."""
        ...

    def stream(self, who: Who) -> Pieces:
        """What changes a streamed answer, piece by piece."""
        ...


class Untouched:
    """A streamed answer that a measure leaves as it is."""

    def piece(self, body: Body) -> list[Body]:
        """The piece itself."""
        return [body]


class Together:
    """Several measures on one exchange: answers in the order given, requests in reverse."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = tuple(measures)

    def to_model(self, request: Body, who: Who) -> Body:
        """The request as all of them leave it."""
        for measure in reversed(self.measures):
            request = measure.to_model(request, who)
        return request

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer as all of them leave it."""
        for measure in self.measures:
            answer = measure.to_customer(answer, who)
        return answer

    def stream(self, who: Who) -> Pieces:
        """All of them on one streamed answer."""
        return _Chain([measure.stream(who) for measure in self.measures])


class _Chain:
    def __init__(self, links: list[Pieces]) -> None:
        self._links = links

    def piece(self, body: Body) -> list[Body]:
        pieces = [body]
        for link in self._links:
            pieces = [new for held in pieces for new in link.piece(held)]
        return pieces
