"""A registration of a trial, as it was read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stillwatch.cases.canonical import digest

if TYPE_CHECKING:
    from stillwatch.lab.provenance.binding import Bound
    from stillwatch.lab.provenance.plan import Levels, Test


@dataclass(frozen=True)
class Registration:
    """A registration that was read and holds."""

    hash: str
    created: dt.datetime
    why: str
    receipt: str
    parameters: tuple[dict[str, Any], ...]
    commitments: tuple[str, ...]
    tests: tuple[Test, ...]
    levels: Levels
    bound: tuple[Bound, ...]
    seed: str
    runs: int
    document: dict[str, Any]

    @property
    def number(self) -> int:
        """The seed as a number."""
        return int(digest({"seed": self.seed})[:8], 16)
