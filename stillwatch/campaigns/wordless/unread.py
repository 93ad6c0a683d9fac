"""Unread answers: what is left of harvest signs where nothing is known of the text.

A thread counts as a sign if it got a long answer and nobody took the time to read one: it ended
there, or went on at a program's pace. Statistic: the share of such threads, by account. Null: the
same in sets of at most sixteen outsiders, drawn at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stillwatch.campaigns.component import Test
from stillwatch.campaigns.harvest import INDEPENDENT
from stillwatch.campaigns.wordless.settings import DRAWN_AT_ONCE, DRAWS
from stillwatch.campaigns.wordless.works import LONG_TOKENS, PAUSE_US
from stillwatch.statistics.evalues import log10_e

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unread_answers(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> Test:
    """The test for one group, by the rates of its accounts (a,) and of outsiders (b,)."""
    none = np.zeros(0, np.int64)
    ours, theirs = inside[np.isfinite(inside)], np.sort(outside[np.isfinite(outside)])
    if len(ours) == 0 or len(theirs) == 0 or not theirs.any():
        says = "The log doesn't tell how long answers are."
        return Test("harvest_signs", 0.0, says, {}, none)
    size, rng = min(INDEPENDENT, len(ours)), np.random.default_rng(20260223)
    higher = sum(
        int(
            (
                rng.choice(theirs, (min(DRAWN_AT_ONCE, DRAWS - begin), size)).mean(1) >= ours.mean()
            ).sum()
        )
        for begin in range(0, DRAWS, DRAWN_AT_ONCE)
    )
    p = (1 + higher) / (1 + DRAWS)
    figures = {
        "share_of_threads": round(float(ours.mean()), 4),
        "share_outside": round(float(theirs.mean()), 4),
        "long_tokens": LONG_TOKENS,
        "pause_s": PAUSE_US // 1_000_000,
        "p": p,
    }
    says = (
        f"{ours.mean():.0%} of a member's threads got {LONG_TOKENS} tokens or more and no pause of "
        f"{PAUSE_US // 1_000_000} s, in which somebody could read them; outside it is "
        f"{theirs.mean():.0%}."
    )
    return Test("harvest_signs", float(log10_e(p)), says, figures, none)
