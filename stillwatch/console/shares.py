"""Capability shares: what each campaign asks the model for, beside what everybody else asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from stillwatch.console.story import Story
from stillwatch.console.wording import capability_title
from stillwatch.findings import Findings

_LABELLED = 0.11
_LEAST = 0.02


@dataclass(frozen=True)
class Part:
    """A share of one bar; `labelled` where it is wide enough to carry its name."""

    title: str
    share: float
    labelled: bool


@dataclass(frozen=True)
class Share:
    """One bar, its parts from the largest to the smallest; they add up to 1."""

    label: str
    tone: str
    parts: tuple[Part, ...]


def shares(findings: Findings, story: Story) -> tuple[Share, ...]:
    """A bar for each campaign and network, and one for all traffic outside campaigns."""
    bars = []
    for chapter in (*story.campaigns, *story.networks):
        tone = f"c{(chapter.number - 1) % 6 + 1}" if chapter.kind == "distillation" else "n"
        if parts := _parts(chapter.capabilities):
            bars.append(Share(chapter.name, tone, parts))
    rest: defaultdict[str, float] = defaultdict(float)
    for row in findings.daily.to_pylist():
        if row["campaign_id"] is None:
            rest[row["capability"]] += row["exchanges"]
    if parts := _parts(rest):
        bars.append(Share("All other traffic" if bars else "All traffic", "n", parts))
    return tuple(bars)


def _parts(capabilities: Mapping[str, float]) -> tuple[Part, ...]:
    whole = sum(capabilities.values())
    if not whole:
        return ()
    ranked = sorted(capabilities.items(), key=lambda item: (-item[1], item[0]))
    parts, small = [], 0.0
    for name, value in ranked:
        share = value / whole
        if share < _LEAST:
            small += share
        else:
            parts.append(Part(capability_title(name).split(" (")[0], share, share >= _LABELLED))
    if small > 0:
        parts.append(Part("everything smaller", small, small >= _LABELLED))
    return tuple(parts)
