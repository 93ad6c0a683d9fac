"""What an operator believes follows what it met, at the prices that it pays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stillwatch.arena.belief import Belief
from stillwatch.arena.moves import Move, Style, styles_of
from stillwatch.arena.prices import Prices

PLAIN, APART = Style(), Style(apart=True)


def belief(**prices: float) -> Belief:
    """A fresh one."""
    return Belief(np.random.default_rng(5), replace(Prices(), **prices))


def chosen(by: Belief, styles: list[Style], upfront: list[float]) -> Counter[Style]:
    """What it chooses, over a hundred times."""
    return Counter(by.choose(styles, 20.0, upfront) for _ in range(100))


def test_styles_that_lose_accounts_are_left() -> None:
    """Forty accounts lost in a day in one style, none in forty days in the other."""
    by = belief()
    by.worked(PLAIN, 40, 40)
    by.worked(APART, 40, 0)
    assert chosen(by, [PLAIN, APART], [1.0, 8.0])[APART] > 90
    assert by.expected(APART, 20.0) > 5 * by.expected(PLAIN, 20.0)


def test_what_is_slowed_down_is_left() -> None:
    """A style that gets one in ten of its requests answered isn't worth its money."""
    by = belief()
    for i in range(400):
        by.sent(PLAIN, i % 10 == 0)
        by.sent(APART, True)
    assert chosen(by, [PLAIN, APART], [1.0, 8.0])[APART] > 90


def test_money_counts_where_losses_are_alike() -> None:
    """Of two styles that both live, the cheaper one is bought."""
    by = belief()
    for style in (PLAIN, APART):
        by.worked(style, 2000, 5)
    assert chosen(by, [PLAIN, APART], [1.0, 800.0])[PLAIN] > 90


def test_what_was_never_tried_gets_tried() -> None:
    """Where all that was tried is lost, most choices fall on something else."""
    by = belief()
    by.worked(PLAIN, 100, 100)
    styles = list(styles_of({Move.PARAPHRASE, Move.RELOCATE}))
    assert chosen(by, styles, [1.0] * 4)[PLAIN] < 20


def test_expectations_draw_nothing() -> None:
    """Asking what to expect changes no later choice."""
    asked, silent = belief(), belief()
    assert asked.expected(PLAIN, 3.0) == asked.expected(PLAIN, 3.0)
    assert asked.expected(PLAIN, 3.0) == pytest.approx(3 * PLAIN.pace, rel=0.1)
    styles = list(styles_of(set(Move)))
    upfront = [1.0] * len(styles)
    assert [asked.choose(styles, 9, upfront) for _ in range(9)] == [
        silent.choose(styles, 9, upfront) for _ in range(9)
    ]
