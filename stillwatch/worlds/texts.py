"""What a world's texts offer to the makers of traffic, wherever they come from.

`builtin.py` fills a `Texts` from word lists of this package; `real.py` replaces parts of it by
published prompts. Stores are finite, so repeats across accounts are natural in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stillwatch.worlds.phrases import Pool

LANGUAGES = ("en", "zh", "es", "de", "fr", "pt")


@dataclass(frozen=True)
class Conversations:
    """What people talk about: turns in conversations in topics, each a contiguous run.

    `turns` int32 [n, k] are phrase numbers; conversation i is `turns[first[i]:first[i + 1]]`; topic
    t holds conversations `topic_first[t]` to `topic_first[t + 1]` and is spoken in `language[t]`
    (a position in `LANGUAGES`; topics of a language are contiguous). `asides` are sentences about
    oneself, by language, that a person may put before or after a turn.
    """

    turns: np.ndarray
    first: np.ndarray
    topic_first: np.ndarray
    language: np.ndarray
    asides: dict[str, np.ndarray]


@dataclass(frozen=True)
class App:
    """A developer's product: its system prompt, its tools, what its users type."""

    system: int
    tools: tuple[str, ...]
    prompts: np.ndarray


@dataclass(frozen=True)
class Job:
    """A batch job: one template (-1: inside the documents) over many documents."""

    template: int
    documents: np.ndarray


@dataclass(frozen=True)
class Project:
    """What one owner of a coding agent works on: openings, later turns, tool results."""

    openings: np.ndarray
    follow: np.ndarray
    results: np.ndarray


@dataclass(frozen=True)
class Texts:
    """Everything that can be said in one world. Arrays hold phrase numbers."""

    built_in: bool
    people: Conversations
    apps: list[App]
    jobs: list[Job]
    projects: list[Project]
    assignments: list[np.ndarray]
    subjects: list[np.ndarray]
    problem_sets: list[np.ndarray]
    suffixes: np.ndarray
    agent_systems: list[tuple[int, tuple[str, ...]]]
    steps: Pool
    pools: dict[str, Pool]
    notes: tuple[str, ...] = ()


POOLS = ("traces", "grading", "rewriting", "maths", "coding", "agentic", "tools", "data", "seeds")
"""The harvest's queues by what they are after; keys of `Texts.pools`."""


@dataclass(frozen=True)
class Need:
    """How much text a world needs, by kind (numbers of owners)."""

    people: int
    apps: int
    jobs: int
    projects: int
    assignments: int
