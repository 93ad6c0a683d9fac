"""Matches: an operator over some seeds, without a defence and with one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from stillwatch.arena.defence import Defence, NoDefence
from stillwatch.arena.moves import Strategy
from stillwatch.arena.play import Setting, play
from stillwatch.arena.report import Duel, Report
from stillwatch.progress import Progress

Defend = Callable[[Path], Defence]
"""Makes a fresh defence that keeps what it needs in a folder of its own."""


def match(
    setting: Setting,
    strategy: Strategy,
    seeds: Sequence[int],
    defend: Defend | None,
    progress: Progress | None = None,
) -> Report:
    """Play every seed without a defence, and then with `defend`'s where there is one."""
    duels = []
    for seed in seeds:
        here = replace(setting, seed=seed)
        with tempfile.TemporaryDirectory(prefix="stillwatch-arena-") as scratch:
            free, held = Path(scratch) / "free", Path(scratch) / "held"
            undefended = play(here, strategy, NoDefence(), free, progress)
            defended = None
            if defend is not None:
                defended = play(here, strategy, defend(held), held, progress)
        duels.append(Duel(here, undefended, defended))
    return Report(duels)
