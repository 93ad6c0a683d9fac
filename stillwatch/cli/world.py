"""`stillwatch world`: make a labelled world to try the detector on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, Scale, Seed, examples

EXAMPLES = examples(
    (
        "three campaigns, about a million and a half exchanges",
        "stillwatch world plain --out LOG --scale 0.05",
    ),
    ("none, to count false alarms", "stillwatch world benign_only --out LOG --seed 3"),
)


def world(
    name: Annotated[
        str,
        typer.Argument(
            help="plain (three campaigns among honest traffic), benign_only or resellers_only.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="The folder to write the log to; new or empty.")],
    scale: Scale = 0.01,
    seed: Seed = 0,
    texts: Annotated[
        Path | None,
        typer.Option(help="A folder of real texts to draw from, instead of the built-in ones."),
    ] = None,
    json: Json = False,
) -> None:
    """Make labelled traffic: a log as the contract has it, and the truth beside it for scoring."""
    import stillwatch as sw
    from stillwatch.cli.bars import watching
    from stillwatch.cli.printing import emit, figures, people, safe
    from stillwatch.console.wording import count

    with watching(json) as watch:
        made = sw.make_world(name, out, scale=scale, seed=seed, texts=texts, progress=watch)
    report = figures(made)
    if json:
        emit({"log": out, **report})
        return
    console = people()
    console.print(safe(f"Wrote {out}: world {name}, scale {scale:g}, seed {seed}"))
    whole = f"{count(made.exchanges, 'exchange')} of {count(made.accounts, 'account')}"
    taken = f"{count(made.campaign_exchanges, 'exchange')} of "
    taken += count(made.campaign_accounts, "account")
    console.print(f"  {whole}; of campaigns {taken}")
    roles = ", ".join(f"{role} {count(number)}" for role, number in made.roles.items())
    console.print(safe(f"  accounts by role: {roles}"))
    console.print(safe(f"  texts: {made.texts}"))
    for note in made.notes:
        console.print(safe(f"  {note}"))
