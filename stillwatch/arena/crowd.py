"""Honest customers at the gate: how long they try, and what it cost them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from stillwatch.gateway.answer import Answer
from stillwatch.ladder import Action


@dataclass(frozen=True)
class Patience:
    """Times that a refused request is sent again, and seconds until then where nobody says."""

    again: int
    wait_s: int


PATIENCE: Mapping[str, Patience] = {
    "person": Patience(1, 60),
    "classroom": Patience(1, 60),
    "developer": Patience(2, 10),
    "agent": Patience(2, 10),
    "enterprise": Patience(2, 10),
    "evaluation": Patience(4, 30),
    "batch": Patience(6, 60),
    "reseller": Patience(2, 30),
}
"""By role. Programs send twice again, which is what the providers' own libraries do by default;
people once; jobs that run unattended are written to go on (assumed)."""

_SENT_AGAIN = (Action.THROTTLE,)
"""What is worth trying again: a refusal that says so would be the same a moment later."""


@dataclass
class Friction:
    """What a defence did to the requests of one role, counted once however often each was sent.

    `accounts` sent anything, `touched` met anything, `denied` were denied or suspended.
    """

    requests: int = 0
    slowed: int = 0
    stepped_up: int = 0
    withheld: int = 0
    refused: int = 0
    given_up: int = 0
    accounts: set[int] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)
    denied: set[int] = field(default_factory=set)

    def to_dict(self) -> dict[str, Any]:
        """Figures, with numbers of accounts in the place of accounts."""
        told = asdict(self)
        return {k: len(v) if isinstance(v, set) else v for k, v in told.items()}


_COUNTED = {
    Action.THROTTLE: "slowed",
    Action.STEP_UP: "stepped_up",
    Action.WITHHOLD: "withheld",
    Action.DENY: "refused",
    Action.SUSPEND: "refused",
}


class Crowd:
    """All honest customers; `friction` is by role."""

    def __init__(self, roles: list[str]) -> None:
        self._roles = roles
        self._met: dict[tuple[int, int], set[str]] = {}
        self.friction: dict[str, Friction] = {}

    def saw(self, account: int, request: int, tries: int, answer: Answer) -> int | None:
        """Note what became of a `request` on its `tries`-th sending (from 0) and wait, or give up.

        Returns the seconds until it is sent again, `None` where it isn't.
        """
        role = self._roles[account]
        friction = self.friction.setdefault(role, Friction())
        if tries == 0:
            friction.requests += 1
            friction.accounts.add(account)
        counted = _COUNTED.get(answer.action) if answer.action else None
        if counted is None:
            return None
        met = self._met.setdefault((account, request), set())
        if counted not in met:
            met.add(counted)
            setattr(friction, counted, getattr(friction, counted) + 1)
        friction.touched.add(account)
        if answer.action in (Action.DENY, Action.SUSPEND):
            friction.denied.add(account)
        if answer.status == 200:
            return None
        patience = PATIENCE[role]
        if answer.action in _SENT_AGAIN and tries < patience.again:
            return answer.retry_after_s or patience.wait_s
        friction.given_up += 1
        return None
