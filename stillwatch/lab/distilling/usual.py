"""How much of everything, where nobody says: for minutes on one CPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usual:
    """Numbers of prompts, and a schedule."""

    examples: int
    held_out: int
    steps: int
    batch: int
    rate: float


CHAINS = Usual(examples=4_000, held_out=500, steps=200, batch=64, rate=2e-3)
TEXTS = Usual(examples=640, held_out=96, steps=160, batch=8, rate=5e-4)
