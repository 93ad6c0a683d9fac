"""`stillwatch journal`: what was removed from a lake, forgotten and revealed; and is that true."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, examples

app = typer.Typer(no_args_is_help=True, help="Read and verify a lake's journal of removals.")

SHOW_EXAMPLES = examples(("all of it, for an auditor", "stillwatch journal show LAKE --json"))
VERIFY_EXAMPLES = examples(
    ("is it as it was written", "stillwatch journal verify LAKE"),
    (
        "signed by our key, and nothing cut off",
        "stillwatch journal verify LAKE --key 8f1c... --head 9f2c...",
    ),
)

OfLake = Annotated[Path, typer.Argument(metavar="LAKE", help="The lake.")]


@app.command("show", epilog=SHOW_EXAMPLES)
def show(lake: OfLake, json: Json = False) -> None:
    """Show every entry: who, when, why, and how much."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.custody.journal import read

    entries = read(lake)
    if json:
        emit(entries)
        return
    for entry in entries:
        detail = entry["detail"]
        many = detail.get("exchanges", detail.get("names", detail.get("files", "")))
        head = f"{entry['seq']:>4}  {entry['at'][:19]}Z  {entry['act']:<7} {many:>12}  "
        people().print(safe(f"{head}{entry['actor']}: {entry['reason']}"))


@app.command("verify", epilog=VERIFY_EXAMPLES)
def verify(
    lake: OfLake,
    head: Annotated[
        str | None, typer.Option(help="A head that you were told: shows that nothing was cut off.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The key that proofs are signed by (`stillwatch keys show`).")
    ] = None,
    json: Json = False,
) -> None:
    """Check the chain and the signatures of a lake's journal; needs no secret."""
    from stillwatch.cli.printing import emit, people
    from stillwatch.custody.journal import verify as check

    verdict = check(lake, head, key)
    if json:
        emit(dataclasses.asdict(verdict))
        return
    people().print(
        f"{verdict.entries:,} entries, unbroken, {verdict.signed:,} signed; head {verdict.head}"
    )
    for seq in verdict.unfinished:
        people().print(f"Removal {seq} was cut short: run it again, and it is finished.")
