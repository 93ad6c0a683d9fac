"""A score on the terminal: how right, campaign by campaign, and who was wronged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stillwatch.cli.printing import safe
from stillwatch.console.wording import count


def print_score(console: Console, score: Mapping[str, Any]) -> None:
    """`score` as `scoring.Score.to_dict` gives it."""
    console.print(Text("Against the truth of this world", "bold"))
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "Precision", "Recall", "Right", "Wrong", "Missed"):
        table.add_column(name, justify="right" if name else "left")
    for name in ("accounts", "exchanges"):
        rate = score[name]
        counts = [rate[key] for key in ("true_positives", "false_positives", "false_negatives")]
        table.add_row(name, _ratio(rate["precision"]), _ratio(rate["recall"]), *map(count, counts))
    console.print(table)
    for match in score["campaigns"]:
        what = f"  True campaign {match['campaign']} ({count(match['accounts'], 'account')}): "
        if match["found"] is None:
            console.print(safe(f"{what}not found"))
            continue
        console.print(
            safe(
                f"{what}found as {match['found']}, {_ratio(match['completeness'])} of it, "
                f"in {count(match['pieces'], 'piece')}, purity {_ratio(match['purity'])}"
            )
        )
    wronged = {name: rate for name, rate in score["roles"].items() if rate["flagged"]}
    for name, rate in wronged.items():
        console.print(
            safe(f"  Flagged wrongly: {rate['flagged']:,} of {rate['innocent']:,} with role {name}")
        )
    if not wronged:
        console.print("  Flagged wrongly: nobody")
    console.print(
        safe(
            f"  False campaigns: {len(score['false_campaigns'])}. Networks named: "
            f"{len(score['networks_named'])} of {score['networks_true']}."
        )
    )
    if score["brier"] is not None:
        console.print(f"  Brier score of member confidence: {_ratio(score['brier'])}")


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
