"""An operator's accounts as it knows them: who works, who rests, who is given up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """What the operator does with an account."""

    WORKING = "working"
    RESTING = "resting"
    """Told to slow down too often; left alone until the next day."""
    BURNT = "burnt"
    """Refused, and given up."""
    ON_TRIAL = "on_trial"
    """Given up before; one request will tell."""


STRIKES = 3
"""Refusals in a row after which an account is given up."""

SLOWED = 4
"""Times in a row that an account is told to slow down, after which it rests."""

RESTS = 3
"""Days of rest in a row after which an account is given up."""

TRY_AGAIN_DAYS = 5
"""Days after which an account that was given up is tried again, by an operator who does."""


@dataclass(slots=True)
class Account:
    """One account of the operator, in the lot at `lot`; `weight` is its work beside its siblings'.

    `used` are requests of today, sent or dealt to it; `burnt_day` is when it was first given up.
    """

    lot: int
    weight: float
    standing: Standing = Standing.WORKING
    refused: int = 0
    slowed: int = 0
    rests: int = 0
    used: int = 0
    burnt_day: int = -1

    def answered(self) -> None:
        """It got an answer: whatever was held against it is over."""
        self.refused = self.slowed = self.rests = 0
        self.standing = Standing.WORKING

    def was_refused(self, day: int) -> bool:
        """It was refused; true where it is given up for that."""
        self.refused += 1
        if self.refused < STRIKES and self.standing is not Standing.ON_TRIAL:
            return False
        self._burn(day)
        return True

    def was_slowed(self, day: int) -> bool:
        """It was told to slow down; true where it is given up for that."""
        self.slowed += 1
        if self.standing is Standing.WORKING and self.slowed >= SLOWED:
            self.standing, self.rests = Standing.RESTING, self.rests + 1
        if self.standing is not Standing.ON_TRIAL and self.rests < RESTS:
            return False
        self._burn(day)
        return True

    def begin_day(self, day: int, tries_again: bool) -> None:
        """A new day: who rested works again, and who was given up long ago may be tried."""
        if self.standing is Standing.RESTING:
            self.standing, self.slowed = Standing.WORKING, 0
        waited = day > self.burnt_day and (day - self.burnt_day) % TRY_AGAIN_DAYS == 0
        if self.standing is Standing.BURNT and tries_again and waited:
            self.standing = Standing.ON_TRIAL

    def _burn(self, day: int) -> None:
        self.standing = Standing.BURNT
        self.burnt_day = day if self.burnt_day < 0 else self.burnt_day
