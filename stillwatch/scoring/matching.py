"""Which found campaign is which true one: best matches, splits, merges and false alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Match:
    """A true campaign and the found one that shares most accounts with it.

    `purity` is the share of the found campaign's members that belong to the true one,
    `completeness` the share of the true one's accounts that are among them. `found` is None, and
    both are 0, where nothing found touches it. `pieces` counts found campaigns of which this is the
    best true one (more than one: it was split).
    """

    campaign: str
    accounts: int
    found: str | None
    purity: float
    completeness: float
    pieces: int


@dataclass(frozen=True)
class Matching:
    """All matches, and what went wrong between the two sides.

    `false` are found campaigns of whose members less than half belong to any true campaign,
    `splits` true campaigns in several pieces, `merges` found campaigns that hold at least a tenth
    of each of two or more true ones.
    """

    matches: tuple[Match, ...]
    false: tuple[str, ...]
    splits: tuple[str, ...]
    merges: tuple[str, ...]


def match_campaigns(
    overlap: np.ndarray,
    true_sizes: np.ndarray,
    found_sizes: np.ndarray,
    true_names: list[str],
    found_names: list[str],
) -> Matching:
    """Match by shared accounts. `overlap` int [true, found]; sizes count accounts.

    Ties go to the first name in the given order.

    >>> m = match_campaigns(np.array([[8, 0]]), np.array([10]), np.array([8, 5]), ["t"], ["a", "b"])
    >>> m.matches[0].found, m.matches[0].purity, m.matches[0].completeness, m.false
    ('a', 1.0, 0.8, ('b',))
    """
    members = np.maximum(found_sizes, 1)
    mostly_true = (
        2 * overlap.sum(axis=0) >= found_sizes
        if len(true_names)
        else np.zeros(len(found_names), dtype=bool)
    )
    mostly_true &= overlap.sum(axis=0) > 0
    home = overlap.argmax(axis=0) if len(true_names) else np.zeros(len(found_names), dtype=int)
    matches = []
    for i, name in enumerate(true_names):
        pieces = int((mostly_true & (home == i)).sum())
        best = int(overlap[i].argmax()) if len(found_names) else 0
        shared = int(overlap[i, best]) if len(found_names) else 0
        matches.append(
            Match(
                name,
                int(true_sizes[i]),
                found_names[best] if shared else None,
                shared / int(members[best]) if shared else 0.0,
                shared / max(int(true_sizes[i]), 1),
                pieces,
            )
        )
    large = overlap * 10 >= true_sizes[:, None]
    large &= overlap > 0
    return Matching(
        tuple(matches),
        tuple(n for n, good in zip(found_names, mostly_true, strict=True) if not good),
        tuple(m.campaign for m in matches if m.pieces > 1),
        tuple(n for j, n in enumerate(found_names) if large[:, j].sum() > 1),
    )
