"""Small plays, each played once for all tests of this folder, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from stillwatch.arena.defence import Defence, NoDefence
from stillwatch.arena.moves import OPERATORS, Strategy, Style
from stillwatch.arena.play import Outcome, Setting, play
from tests.worlds.reading import Log

SMALL = Setting(seed=3, scale=0.0006, light=1.0, days=10, learns=1)


def small(name: str = "default", **changes: object) -> Strategy:
    """A standard operator with a small goal, and what else is said."""
    plain = {"answers": 1_200, "seats": 20, "hands": 40, "supply": 10, "dollars": 200.0}
    plain["lot"] = 20 if name == "default" else 5
    return replace(OPERATORS[name], **(plain | changes))


class Played(NamedTuple):
    """A play's outcome and its log."""

    outcome: Outcome
    log: Log


Plays = Callable[..., Played]


@pytest.fixture
def plays(tmp_path: Path) -> Plays:
    """Plays an operator against a defence in the small setting."""
    made = iter(range(100))

    def played(strategy: Strategy, defence: Defence, setting: Setting = SMALL) -> Played:
        folder = tmp_path / str(next(made))
        return Played(play(setting, strategy, defence, folder), Log(folder / "log"))

    return played


class Styles(dict[Style, Played]):
    """Undefended plays of an operator that works in one style throughout."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __missing__(self, style: Style) -> Played:
        folder = self._root / str(len(self))
        outcome = play(SMALL, small(first=style, moves=frozenset()), NoDefence(), folder)
        self[style] = Played(outcome, Log(folder / "log"))
        return self[style]


@pytest.fixture(scope="session")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Styles:
    """Undefended plays by style."""
    return Styles(tmp_path_factory.mktemp("styles"))
