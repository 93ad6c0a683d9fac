"""The states of a case, and which may follow which."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a case stands."""

    NEW = "new"
    IN_REVIEW = "in_review"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    APPEALED = "appealed"
    CLOSED = "closed"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.IN_REVIEW}),
    State.IN_REVIEW: frozenset({State.CONFIRMED, State.REJECTED, State.CLOSED}),
    State.CONFIRMED: frozenset({State.IN_REVIEW, State.APPEALED, State.CLOSED}),
    State.REJECTED: frozenset({State.IN_REVIEW, State.CLOSED}),
    State.APPEALED: frozenset({State.CONFIRMED, State.REJECTED}),
    State.CLOSED: frozenset({State.IN_REVIEW, State.APPEALED}),
}
"""From a state, the states that an act may lead to. Undo is not a transition: it goes back."""

UNDECIDED = frozenset({State.NEW, State.IN_REVIEW})
"""The states in which a case's accounts follow the findings freely, and may be merged and split."""

OUTCOMES = frozenset({State.CONFIRMED, State.REJECTED})
"""The states that decide; the outcome stays while a case is closed, and falls on appeal."""

ACTS: dict[State, str] = {
    State.IN_REVIEW: "review",
    State.CONFIRMED: "confirm",
    State.REJECTED: "reject",
    State.APPEALED: "appeal",
    State.CLOSED: "close",
}
"""The act that leads to each state, as the ledger and the command line name it."""
