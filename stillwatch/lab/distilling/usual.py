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
    keep: int = 0
    """Layers that a part of SmolLM2 keeps, and of these how many learn; 0: all."""
    train: int = 0


CHAINS = Usual(examples=4_000, held_out=500, steps=200, batch=64, rate=2e-3)
TEXTS = Usual(examples=320, held_out=64, steps=40, batch=8, rate=1e-3, keep=16, train=8)
"""Settled on seed 11 alone: with more layers own examples are enough, with all of them anything."""
