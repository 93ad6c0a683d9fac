"""Operators and moves by name."""

from __future__ import annotations

import pytest

from stillwatch.arena.moves import PACES, Move, Style, operator_named, styles_of
from stillwatch.errors import ArenaRefused


def test_the_standard_operators_differ_in_moves_alone() -> None:
    """The default one replaces and slows down; the adaptive one may do anything."""
    default, adaptive = operator_named("default"), operator_named("adaptive")
    assert default.moves == {Move.REPLACE, Move.SLOW}
    assert adaptive.moves == set(Move)
    assert (default.answers, default.dollars) == (adaptive.answers, adaptive.dollars)


@pytest.mark.parametrize(
    ("said", "moves"),
    [("all", set(Move)), ("none", set()), (" slow,probe ", {Move.SLOW, Move.PROBE})],
)
def test_moves_can_be_named(said: str, moves: set[Move]) -> None:
    """All, none, or a list."""
    assert operator_named("default", said).moves == moves


@pytest.mark.parametrize("said", ["bribe", "slow,bribe", "all,slow", "", ","])
def test_what_is_no_move_is_refused(said: str) -> None:
    """The message lists the moves there are."""
    with pytest.raises(ArenaRefused, match="paraphrase"):
        operator_named("default", said)


def test_what_is_no_operator_is_refused() -> None:
    """The message lists the operators there are."""
    with pytest.raises(ArenaRefused, match="default, adaptive"):
        operator_named("state\x1b[2J")


def test_styles_are_what_moves_allow() -> None:
    """Without moves there is one style, the plain one; with all of them every combination."""
    assert styles_of(()) == (Style(),)
    every = styles_of(set(Move))
    assert every[0] == Style()
    assert len(set(every)) == len(PACES) * 2**4
