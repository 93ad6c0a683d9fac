"""A score on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from stillwatch.cli.printing import safe


def print_score(console: Console, score: Mapping[str, Any]) -> None:
    """Every figure of `score.to_dict()`, nested figures indented under their name."""
    console.print(Text("Against the truth of this world", "bold"))
    _print(console, score, 1)


def _print(console: Console, figures: Mapping[str, Any], depth: int) -> None:
    pad = "  " * depth
    for name, value in figures.items():
        title = f"{pad}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            console.print(safe(title))
            _print(console, value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            console.print(safe(title))
            for row in value:
                words = ", ".join(f"{key} {_figure(item)}" for key, item in row.items())
                console.print(safe(f"{pad}  {words}"))
        else:
            console.print(safe(f"{title}: {_figure(value)}"))


def _figure(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
