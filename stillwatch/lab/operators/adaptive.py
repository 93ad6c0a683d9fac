"""Knows which countermeasure it faces and does its best against it, as far as it can tell.

It tries what the others do, solves for the tables that explain the answers, and, where reasoning
isn't served whole, inverts: draws reasoning from a model of its own and keeps what a verifier
accepts. Which of these its student learns from is decided by served answers that it set aside.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stillwatch.lab.operators.cleaning import Cleaning, votes_of
from stillwatch.lab.operators.inverting import inverted
from stillwatch.lab.operators.operator import OWN_WEIGHT, Holdings, Lesson, trusted
from stillwatch.lab.operators.passive import Passive
from stillwatch.lab.operators.solving import Prior, Solution, solve
from stillwatch.lab.operators.votes import Votes
from stillwatch.lab.tasks.reading import Hidden, Question, Reader, Walk
from stillwatch.lab.tasks.task import Example

SOLVED = "solved"
"""The lesson that needs to know the form of what is hidden."""
_VOTE = 0.1
"""Pseudo-counts of a vote: weak, for votes may be of what is false."""
_AGREEING = 0.25
"""Share of traces that have to end as served, for those that don't to be dropped."""


class Adaptive:
    """The strongest that we know of; a countermeasure is worth what it is worth against this."""

    name = "adaptive"
    says = "solves for what is hidden, inverts traces; keeps what works on answers set aside"

    def lessons(self, holdings: Holdings) -> list[Lesson]:
        """All that it tries."""
        tried = [*Passive().lessons(holdings), *Cleaning().lessons(holdings), solved(holdings)]
        if holdings.served.told is not None:
            tried.append(inverted(holdings))
        return tried


def solved(holdings: Holdings) -> Lesson:
    """Traces written by the tables that explain the answers best, with votes to begin from.

    Only what ends in the served answer is kept, unless next to nothing does, or one's own examples
    show that what is served is false.
    """
    reader, votes = holdings.reader, votes_of(holdings)
    solution = _solution(holdings, votes)
    known = votes.winners() | told_by(solution, reader)
    written, agreeing = [], []
    for prompt, told in holdings.parts():
        completion = reader.solved(prompt, known)
        if completion is None:
            continue
        written.append(Example(prompt, completion))
        if reader.parts(completion).answer == told.answer:
            agreeing.append(written[-1])
    share = len(agreeing) / len(written) if written else 0.0
    verified = share >= _AGREEING and trusted(holdings)
    examples = agreeing if verified else written
    figures = {"agreeing": round(share, 4), "noise": round(solution.noise, 4)}
    return Lesson(SOLVED, [*holdings.own, *examples], figures=figures)


def told_by(solution: Solution, reader: Reader) -> dict[Question, int]:
    """The likeliest result of each cell."""
    known: dict[Question, int] = {}
    for move, state in np.ndindex(*solution.moves.shape[:2]):
        known[reader.move_asked(move, state)] = int(solution.moves[move, state].argmax())
    if solution.signs.size:
        for ask, state in np.ndindex(*solution.signs.shape[:2]):
            known[reader.sign_asked(ask, state)] = int(solution.signs[ask, state].argmax())
    return known


def _solution(holdings: Holdings, votes: Votes) -> Solution:
    reader, short = holdings.reader, holdings.served.told is not None
    own = [_walk(reader, example, steps=True) for example in holdings.own]
    # steps that may be false are votes, and no more; what was only shortened is true
    served = [_walk(reader, example, steps=short) for example in holdings.lessons]
    known = [walk for walk in own if walk is not None]
    walks = known + [walk for walk in served if walk is not None]
    prior = _prior(reader, votes)
    return solve(walks, reader.hidden, trusted=len(known), prior=prior, seed=holdings.seed)


def _walk(reader: Reader, example: Example, *, steps: bool) -> Walk | None:
    parts = reader.parts(example.completion)
    return reader.walk(example.prompt, parts if steps else replace(parts, steps=()))


def _prior(reader: Reader, votes: Votes) -> Prior:
    hidden: Hidden = reader.hidden
    prior = Prior.flat(hidden)
    for move, state in np.ndindex(hidden.moves, hidden.states):
        for result, count in votes.counts.get(reader.move_asked(move, state), {}).items():
            prior.moves[move, state, result] += _VOTE * min(count, OWN_WEIGHT)
    for ask, state in np.ndindex(hidden.asks, hidden.states):
        for result, count in votes.counts.get(reader.sign_asked(ask, state), {}).items():
            prior.signs[ask, state, result] += _VOTE * min(count, OWN_WEIGHT)
    return prior
