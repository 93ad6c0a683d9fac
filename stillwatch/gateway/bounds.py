"""What a table says of how its decisions are carried out: the policy's numbers for the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stillwatch.ladder import Action


@dataclass(frozen=True)
class Bounds:
    """The policy as far as a gate needs it. Times are microseconds.

    Slowed accounts have a request in `every_us`, `burst` at once; the breaker opens where
    `refused_share` of the requests in `window_us`, of at least `least_requests`, would be refused.
    `recognition` is what is done to new accounts with known work, for `recognition_us`, to at most
    `recognised_a_day` of them; `false_rate` and `first_requests` say when one is recognised.
    """

    policy_version: int
    live: bool
    every_us: int
    burst: int
    window_us: int
    refused_share: float
    least_requests: int
    recognition: Action | None
    recognition_us: int
    first_requests: int
    false_rate: float
    recognised_a_day: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Bounds:
        """As a table says them; raises `KeyError`, `TypeError` and `ValueError`."""
        wanted = {name: told[name] for name in cls.__dataclass_fields__}
        action = wanted["recognition"]
        return cls(**{**wanted, "recognition": None if action is None else Action(action)})

    def says(self) -> dict[str, Any]:
        """For a table."""
        return asdict(self)
