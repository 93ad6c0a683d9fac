"""What the figures come to, in words; no word promises more than they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stillwatch.lab.uplift.figures import Comparison, Honest, Row

UNDONE, BLUNTED = 0.9, 0.5
"""From which share of the uplift on a measure counts as undone; below which as blunting."""
NOTABLE = 0.05
"""A difference of shares worth a word."""
FREE = 0.95
"""From which share of traces whole and true a measure costs next to nothing."""


def verdict(row: Row) -> str:
    """One measure: how much is kept, by whom and how, and the price."""
    share = row.worst.retained
    if share is None:
        return "Full answers teach next to nothing here, so nothing can be said of what is kept."
    lessons = " or ".join(dict.fromkeys(row.worst.lessons))
    many = f"the best of {len(row.kept)} operators" if len(row.kept) > 1 else "the one operator"
    plain = next((kept.retained for kept in row.kept if kept.operator == "passive"), None)
    passive = "" if plain is None else f", {_percent(plain.share)} against the passive one"
    passive += _without_form(row, share.share)
    return (
        f"Keeps {_percent(share.share)} of the uplift ({_percent(share.low)} to "
        f"{_percent(share.high)}) against {many} ({row.worst.operator}: {lessons}){passive}; "
        f"{price(row.honest)}."
    )


def _without_form(row: Row, share: float) -> str:
    if row.formless is None or share - row.formless < NOTABLE:
        return ""
    return f", {_percent(row.formless)} against those who don't know the form of what is hidden"


def price(honest: Honest) -> str:
    """What honest customers pay, in a clause."""
    costs = []
    if honest.withholds:
        costs.append(f"it withholds {honest.withholds}")
    if honest.valid is not None and honest.valid < 0.9995:
        costs.append(f"{1 - honest.valid:.1%} of traces are not whole and true")
    if honest.right < 0.9995:
        costs.append(f"{1 - honest.right:.1%} of answers are wrong")
    if honest.times_slower is not None and honest.forwards:
        costs.append(f"a token takes {honest.times_slower:.1f} times the computing")
    return "; ".join(costs) if costs else "nothing is withheld and nothing is false"


def overall(comparison: Comparison) -> str:
    """One task: whether anything is free, and what the least kept is at which price."""
    judged = [row for row in comparison.rows if row.worst.retained is not None]
    if not judged:
        return "Full answers teach next to nothing here: train the teacher longer."
    measures = [row for row in judged if "@" not in row.measure and row.measure != "full"]
    said = [_free(measures)] if measures else []
    for name, rows in (
        ("serving no false trace", [row for row in measures if row.honest.truthful]),
        ("serving false traces", [row for row in measures if not row.honest.truthful]),
        ("only limiting what gets through", [row for row in judged if "@" in row.measure]),
    ):
        if rows:
            least = min(rows, key=_kept)
            said.append(f"Of those {name}, {least.measure} keeps least: {_percent(_kept(least))}.")
    return " ".join(said)


def is_free(row: Row) -> bool:
    """Whether it blunts, surely, and costs honest customers next to nothing."""
    share, honest = row.worst.retained, row.honest
    whole = not honest.withholds and (honest.valid or 0) >= FREE and honest.right >= FREE
    return share is not None and share.high < BLUNTED and whole


def _free(measures: list[Row]) -> str:
    free = [row.measure for row in measures if is_free(row)]
    if free:
        return f"A free point: {', '.join(free)} blunt at next to no cost to honest customers."
    undone = sum(_kept(row) >= UNDONE for row in measures)
    return (
        f"No free point: no measure keeps surely less than {BLUNTED:.0%} of the uplift while "
        f"{FREE:.0%} of what it serves stays whole and true. Of {len(measures)}, {undone} are "
        f"undone ({UNDONE:.0%} of the uplift or more kept)."
    )


def _kept(row: Row) -> float:
    return row.worst.retained.share if row.worst.retained is not None else 1.0


def _percent(share: float) -> str:
    return f"{max(min(share, 1.2), -0.2):.0%}".replace("-0%", "0%")
