"""What an operator may do when it meets resistance, and the two standard operators."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from stillwatch.errors import ArenaRefused
from stillwatch.worlds.parameters import Campaign


class Move(StrEnum):
    """One thing that an operator may do; without any it goes on as it began."""

    REPLACE = "replace"
    """Sign up new accounts for those that are refused, on the same machines and addresses."""
    SLOW = "slow"
    """Ask less of each account."""
    PARAPHRASE = "paraphrase"
    """Put prompts in other words, so that no two share a frame."""
    CAMOUFLAGE = "camouflage"
    """Serve customers through the same accounts."""
    RELOCATE = "relocate"
    """Network, device, client, card, settings and hours of its own for every account."""
    SPREAD = "spread"
    """Accounts with the clouds that resell the model too."""
    PROBE = "probe"
    """Try accounts that were refused again, some days later."""


PACES = (26, 13, 6, 3)
"""Most exchanges of an account in a day: the disclosed rate of a large campaign, and slower."""

SHARES = (0.0, 0.5)
"""Shares of customers in what an account sends."""


@dataclass(frozen=True)
class Style:
    """How some accounts work: the moves that are on.

    `pace` is the most exchanges of an account in a day, customers' included, who make up the share
    `camouflage`; `apart` is `Move.RELOCATE`, and the others are as the moves of their names.
    """

    pace: int = PACES[0]
    paraphrase: bool = False
    camouflage: float = 0.0
    apart: bool = False
    spread: bool = False

    @property
    def harvest(self) -> float:
        """Most exchanges of the campaign's own that an account makes in a day."""
        return self.pace * (1 - self.camouflage)


def styles_of(moves: Collection[Move]) -> tuple[Style, ...]:
    """All styles that some moves allow; the first is the one to begin with.

    >>> [style.pace for style in styles_of({Move.SLOW})]
    [26, 13, 6, 3]
    """
    return tuple(
        Style(*levels)
        for levels in product(
            PACES if Move.SLOW in moves else PACES[:1],
            (False, True) if Move.PARAPHRASE in moves else (False,),
            SHARES if Move.CAMOUFLAGE in moves else SHARES[:1],
            (False, True) if Move.RELOCATE in moves else (False,),
            (False, True) if Move.SPREAD in moves else (False,),
        )
    )


@dataclass(frozen=True)
class Strategy:
    """One operator: what it is after, what it has, and what it may do.

    It wants `answers` of the kinds of `campaign.mix`, spread over its days. It begins with `seats`
    accounts that work in the style `first`, never runs more than `hands`, and gets `supply` new
    ones a day at most; the money for all of it is `dollars`. Accounts are signed up in lots of
    `lot`, which share what a lot shares.
    """

    name: str
    says: str
    moves: frozenset[Move]
    campaign: Campaign
    answers: int = 20_000
    seats: int = 80
    hands: int = 240
    supply: int = 40
    lot: int = 80
    dollars: float = 2_400.0
    first: Style = Style()


_CAMPAIGN = Campaign(
    "operator",
    accounts=80,
    mean=250,
    mix={"agentic": 0.28, "tools": 0.27, "coding": 0.25, "data": 0.15, "maths": 0.05},
    repeats=(0.1, 2),
    cohort_days=6.0,
    per_card=6.0,
    uneven=0.25,
)
"""The work of `plain`'s middle campaign, all of it by the API at first."""

OPERATORS: dict[str, Strategy] = {
    s.name: s
    for s in (
        Strategy(
            "default",
            "replaces refused accounts and slows down, nothing else",
            frozenset({Move.REPLACE, Move.SLOW}),
            _CAMPAIGN,
        ),
        Strategy("adaptive", "uses every move", frozenset(Move), _CAMPAIGN, lot=10),
    )
}
"""The standard operators by name."""


def operator_named(name: str, moves: str | None = None) -> Strategy:
    """A standard operator, with other moves where some are named: `all`, `none` or a list.

    >>> sorted(operator_named("default", "slow, probe").moves)
    [<Move.PROBE: 'probe'>, <Move.SLOW: 'slow'>]
    """
    if name not in OPERATORS:
        raise ArenaRefused(name, "is no operator", f"There are {', '.join(OPERATORS)}")
    if moves is None:
        return OPERATORS[name]
    named = [word.strip() for word in moves.split(",") if word.strip()]
    if named in (["all"], ["none"]):
        return replace(OPERATORS[name], moves=frozenset(Move if named == ["all"] else ()))
    unknown = [word for word in named if word not in set(Move)]
    if unknown or not named:
        todo = f"Say all, none, or some of {', '.join(Move)}, with commas between them"
        raise ArenaRefused(unknown[0] if unknown else moves, "is no move", todo)
    return replace(OPERATORS[name], moves=frozenset(map(Move, named)))
