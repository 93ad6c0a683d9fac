"""Solving for what is hidden: the tables that best explain answers whose reasoning is withheld.

A chain whose start, moves and end are seen, and whose states between are not, is a hidden Markov
model with known moves; Baum and Welch's expectation and maximisation (Rabiner 1989) fits its
tables. What was told wrong on purpose or by chance is met by noise on what is told, fitted too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.lab.tasks.reading import UNTOLD, Hidden, Walk

Array = np.ndarray
_CERTAIN = 1e-6
_LEAST, _MOST = 1e-3, 0.95


@dataclass(frozen=True)
class Solution:
    """The fitted tables."""

    moves: Array
    """Probability of the state after, shape (moves, states, states)."""
    signs: Array
    """Probability of the sign shown, shape (asks, states, signs); empty in tasks without signs."""
    fit: float
    """Mean log-likelihood of a walk."""
    noise: float
    """Share of told states that the tables don't explain."""


@dataclass(frozen=True)
class Prior:
    """Pseudo-counts added to what is expected, shaped as the tables."""

    moves: Array
    signs: Array

    @classmethod
    def flat(cls, hidden: Hidden, count: float = 0.01) -> Prior:
        """The same for all."""
        states = hidden.states
        return cls(
            np.full((hidden.moves, states, states), count),
            np.full((hidden.asks, states, hidden.signs), count),
        )


def solve(
    walks: Sequence[Walk],
    hidden: Hidden,
    *,
    trusted: int = 0,
    prior: Prior | None = None,
    rounds: int = 80,
    restarts: int = 4,
    seed: int = 0,
) -> Solution:
    """The likeliest tables of several fits from random beginnings.

    The first `trusted` walks are known to be true; what others tell may be wrong. Each fit begins
    with random tables drawn towards the `prior`, and ends after `rounds`, or when it stands still.
    Raises `ValueError` where there is no walk.
    """
    if not walks:
        raise ValueError("there is no walk to solve by")
    prior = prior or Prior.flat(hidden)
    seen = _Seen.of(walks, hidden, trusted)
    random = np.random.default_rng(seed)
    fits = (_fit(seen, hidden, prior, rounds, random) for _ in range(restarts))
    return max(fits, key=lambda solution: solution.fit)


@dataclass(frozen=True)
class _Seen:
    start: Array  # (walks, states)
    moves: Array  # (walks, steps)
    pins: Array  # (walks, steps)
    asks: Array  # (walks, steps); no steps in tasks without signs
    signs: Array
    trusted: Array  # (walks,)

    @classmethod
    def of(cls, walks: Sequence[Walk], hidden: Hidden, trusted: int) -> _Seen:
        return cls(
            np.eye(hidden.states)[[walk.start for walk in walks]],
            np.array([walk.moves for walk in walks]),
            np.array([walk.pins for walk in walks]),
            np.array([walk.asks for walk in walks], dtype=np.int64),
            np.array([walk.signs for walk in walks], dtype=np.int64),
            np.arange(len(walks)) < trusted,
        )


def _fit(
    seen: _Seen, hidden: Hidden, prior: Prior, rounds: int, random: np.random.Generator
) -> Solution:
    moves = _normal(prior.moves + random.gamma(0.5, size=prior.moves.shape))
    signs = _normal(prior.signs + random.gamma(0.5, size=prior.signs.shape))
    noise, last = 0.1, -np.inf
    for _ in range(rounds):
        told = _told(seen, hidden.states, noise)
        move_counts, sign_counts, fit, missed = _expected(seen, moves, signs, told)
        moves, signs = _normal(move_counts + prior.moves), _normal(sign_counts + prior.signs)
        noise = float(np.clip(missed, _LEAST, _MOST))
        if fit - last < 1e-5:
            break
        last = fit
    return Solution(moves, signs, float(last), noise)


def _told(seen: _Seen, states: int, noise: float) -> Array:
    """The likelihood of what is told of each state, shape (steps, walks, states)."""
    wrong = np.where(seen.trusted, _CERTAIN, noise)[:, None, None]
    exactly = np.eye(states)[seen.pins]
    likely = np.where(exactly > 0, 1 - wrong, wrong / (states - 1))
    return np.where(seen.pins[:, :, None] == UNTOLD, 1.0, likely).transpose(1, 0, 2)


def _expected(
    seen: _Seen, moves: Array, signs: Array, told: Array
) -> tuple[Array, Array, float, float]:
    """Expected counts of moves and signs, mean log-likelihood, share of told states missed."""
    steps = seen.moves.shape[1]
    shown = np.ones((steps, *seen.start.shape))
    if seen.asks.size:
        shown = signs[seen.asks, :, seen.signs].transpose(1, 0, 2)
    forward, scale = [], 0.0
    state = seen.start
    for step in range(steps):
        before = state * shown[step]
        forward.append(before)
        state = np.einsum("ns,nsr->nr", before, moves[seen.moves[:, step]]) * told[step]
        total = np.maximum(state.sum(axis=1, keepdims=True), 1e-300)
        state, scale = state / total, scale + np.log(total)
    move_counts, sign_counts = np.zeros_like(moves), np.zeros_like(signs)
    after, missed, pinned = np.ones_like(state), 0.0, 0
    for step in reversed(range(steps)):
        known = seen.moves[:, step]
        joint = forward[step][:, :, None] * moves[known] * (told[step] * after)[:, None, :]
        joint /= np.maximum(joint.sum(axis=(1, 2), keepdims=True), 1e-300)
        np.add.at(move_counts, known, joint)
        if seen.asks.size:
            np.add.at(
                sign_counts.transpose(0, 2, 1),
                (seen.asks[:, step], seen.signs[:, step]),
                joint.sum(axis=2),
            )
        pins = seen.pins[:, step]
        judged = (pins != UNTOLD) & ~seen.trusted
        missed += float((1 - joint.sum(axis=1)[np.arange(len(pins)), pins])[judged].sum())
        pinned += int(judged.sum())
        after = np.einsum("nsr,nr->ns", moves[known], told[step] * after) * shown[step]
        after /= np.maximum(after.max(axis=1, keepdims=True), 1e-300)
    return move_counts, sign_counts, float(np.mean(scale)), missed / max(pinned, 1)


def _normal(counts: Array) -> Array:
    if not counts.size:
        return counts
    return counts / counts.sum(axis=-1, keepdims=True)
