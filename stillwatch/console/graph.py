"""The account graph: who is tied to whom inside each campaign, laid out the same on every run."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.console.story import Chapter, Row
from stillwatch.findings import Findings

_MOST_NODES = 90
_MOST_LINKS = 260
_ROUNDS = 240
_SIDE = 300.0
_MARGIN = 14.0


@dataclass(frozen=True)
class Node:
    """An account, drawn at x, y with radius r, all in the panel's units of 300 by 300."""

    account_id: str
    x: float
    y: float
    r: float
    exchanges: int
    confidence: float


@dataclass(frozen=True)
class Link:
    """A tie between two drawn accounts: where it runs, `strength` in 0..1 of the panel's most."""

    a: Node
    b: Node
    why: str
    strength: float


@dataclass(frozen=True)
class Panel:
    """One campaign's picture, and what it leaves out."""

    chapter: Chapter
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    strongest: tuple[Row, ...]
    all_links: int


def panel(findings: Findings, chapter: Chapter, around: str | None = None) -> Panel | None:
    """The picture of one campaign or network; `None` where no links were stored for it.

    Above 90 accounts a part is drawn: starting from `around`, else from the account whose id has
    the smallest digest (a choice that nobody can aim for), links are followed outwards, strongest
    first.
    """
    here = pc.field("campaign_id") == chapter.campaign_id
    rows = findings.links.filter(here).to_pylist()
    if not rows:
        return None
    rows.sort(key=lambda row: (-row["weight"], row["account_a"], row["account_b"]))
    picked = _pick(rows, around)
    place = {account_id: at for at, account_id in enumerate(picked)}
    drawn = [row for row in rows if row["account_a"] in place and row["account_b"] in place]
    drawn = drawn[:_MOST_LINKS]
    ends = np.array([[place[row["account_a"]], place[row["account_b"]]] for row in drawn])
    most = max(row["weight"] for row in drawn) or 1.0
    spots = _layout(len(picked), ends.reshape(-1, 2))
    known = {row["account_id"]: row for row in chapter.members}
    largest = max((row["exchanges"] for row in chapter.members), default=1) or 1
    nodes = []
    for account_id, (x, y) in zip(picked, spots, strict=True):
        row = known.get(account_id, {"exchanges": 0, "confidence": 0.0})
        r = 2.5 + 4.5 * float(np.sqrt(row["exchanges"] / largest))
        nodes.append(Node(account_id, x, y, r, row["exchanges"], row["confidence"]))
    links = tuple(
        Link(
            nodes[place[row["account_a"]]],
            nodes[place[row["account_b"]]],
            row["why"],
            max(row["weight"], 0.0) / most,
        )
        for row in drawn
    )
    return Panel(chapter, tuple(nodes), links, tuple(rows[:12]), len(rows))


def _pick(rows: list[Row], around: str | None) -> list[str]:
    """At most 90 linked accounts, by following links from one, else picked by digest; sorted."""
    near: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        near[row["account_a"]].append(row["account_b"])
        near[row["account_b"]].append(row["account_a"])
    waiting = sorted(
        near, key=lambda name: hashlib.blake2b(name.encode("utf-8", "replace")).digest()
    )
    if len(waiting) <= _MOST_NODES:
        return sorted(waiting)
    waiting.sort(key=lambda name: name != around)
    seen: dict[str, None] = {}
    for start in waiting:
        queue = [start]
        while queue and len(seen) < _MOST_NODES:
            account_id = queue.pop(0)
            if account_id not in seen:
                seen[account_id] = None
                queue.extend(near[account_id])
        if len(seen) >= _MOST_NODES:
            break
    return sorted(seen)


def _layout(n: int, ends: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Places for n nodes in the panel by springs and repulsion (Fruchterman and Reingold, 1991).

    Starts from a sunflower spiral, so the same links always give the same picture.
    """
    if n == 1:
        return [(_SIDE / 2, _SIDE / 2)]
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt((np.arange(n) + 0.5) / n)
    at = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    ideal = 1.6 / np.sqrt(n)
    for step in range(_ROUNDS):
        gap = at[:, None, :] - at[None, :, :]
        far2 = np.maximum((gap**2).sum(axis=2), 1e-6)
        push = (gap * (ideal**2 / far2)[:, :, None]).sum(axis=1) - 0.25 * at
        if len(ends):
            pull = at[ends[:, 0]] - at[ends[:, 1]]
            pull *= np.linalg.norm(pull, axis=1, keepdims=True) / ideal * 0.35
            np.add.at(push, ends[:, 0], -pull)
            np.add.at(push, ends[:, 1], pull)
        size = np.linalg.norm(push, axis=1, keepdims=True)
        heat = 0.12 * (1 - step / _ROUNDS)
        at += push / np.maximum(size, 1e-9) * np.minimum(size, heat)
    low, high = at.min(axis=0), at.max(axis=0)
    scale = (_SIDE - 2 * _MARGIN) / max(float((high - low).max()), 1e-9)
    centred = (at - (low + high) / 2) * scale + _SIDE / 2
    return [(round(float(x), 1), round(float(y), 1)) for x, y in centred]
