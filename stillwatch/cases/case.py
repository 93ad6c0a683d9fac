"""A case as it stands, and the version of it that somebody saw."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from stillwatch.cases.states import State


@dataclass(frozen=True)
class Seen:
    """The version of a case that an act is based on."""

    case_id: int
    version: int


@dataclass(frozen=True)
class Case:
    """One campaign under review. Times are text, UTC to the microsecond."""

    case_id: int
    version: int
    """How many acts there were; each act names the one it saw."""
    state: State
    outcome: State | None
    """`confirmed` or `rejected` where a decision stands, also when closed."""
    assignee: str | None
    tags: tuple[str, ...]
    snoozed_until: str | None
    grown_since: str | None
    """When accounts first joined after the decision, which doesn't speak of them."""
    merged_into: int | None
    campaign_id: str
    confidence: float
    summary: str
    accounts: int
    exchanges: int
    """Of the accounts that the case holds."""
    first_ts: str | None
    last_ts: str | None
    opened_at: str
    changed_at: str
    changed_by: str
    decided_seq: int | None
    """The ledger's number of the decision."""
    before: str | None
    """The standing, as JSON, that an undo returns to."""

    @classmethod
    def of(cls, row: Row[Any]) -> Case:
        """The case of a row of the table."""
        fields = dict(row._mapping)
        outcome = State(row.outcome) if row.outcome else None
        tags = tuple(json.loads(row.tags))
        return cls(**{**fields, "state": State(row.state), "outcome": outcome, "tags": tags})

    @property
    def seen(self) -> Seen:
        """This version, to base an act on."""
        return Seen(self.case_id, self.version)

    def __str__(self) -> str:
        return f"case {self.case_id}"
