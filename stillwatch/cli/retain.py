"""`stillwatch retain`: exchanges leave a lake by their age, with proof."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Actor, Doing, Json, Pseudonyms, examples

if TYPE_CHECKING:
    from stillwatch.lake import Removed

EXAMPLES = examples(
    ("what would go", "stillwatch retain LAKE --older-than 90d"),
    (
        "and out of findings, too; every night",
        "stillwatch retain LAKE --older-than 90d --findings FINDINGS --yes --actor retention "
        '--reason "policy: 90 days"',
    ),
)
_AGE = re.compile(r"(\d{1,5})\s*(d|w|y)")
_DAYS = {"d": 1, "w": 7, "y": 365}


def age(text: str) -> dt.timedelta:
    """An age as the command line takes it.

    >>> age("90d").days, age("2y").days
    (90, 730)
    """
    read = _AGE.fullmatch(text.strip().lower())
    if read is None or not int(read[1]):
        raise typer.BadParameter(f"{text!r} is no age; write 90d, 12w or 2y")
    return dt.timedelta(days=int(read[1]) * _DAYS[read[2]])


def retain(
    lake: Annotated[Path, typer.Argument(metavar="LAKE", help="The lake.")],
    older_than: Annotated[
        dt.timedelta,
        typer.Option(parser=age, metavar="AGE", help="90d, 12w or 2y, before today (UTC)."),
    ],
    findings: Annotated[
        list[Path] | None,
        typer.Option(help="Findings of this lake, to take out what names what is removed."),
    ] = None,
    yes: Doing = False,
    reason: Annotated[str, typer.Option(help="Why, for the proof.")] = "retention by age",
    actor: Actor = None,
    pseudonyms: Pseudonyms = None,
    json: Json = False,
) -> None:
    """Remove what is older than an age from a lake, and prove it in the lake's journal.

    Without --yes it only tells what would go. Keys sign the proof. Source logs, backups and
    snapshots are not the lake's: remove them by their own means.
    """
    from stillwatch.cli.cases import acting
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.custody.retaining import look_back
    from stillwatch.custody.retaining import retain as do_retain
    from stillwatch.privacy import read_keys

    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before = today - older_than
    keys = None if pseudonyms is None else read_keys(pseudonyms)
    folders = findings or []
    done = (
        do_retain(lake, before, acting(actor), reason, findings=folders, keys=keys)
        if yes
        else look_back(lake, before, folders)
    )
    told = {"lake": lake, "before": before, "done": yes, **removal_told(done.removed)}
    if json:
        emit({**told, "findings": done.findings, "finished": done.finished, "head": done.head})
        return
    console = people()
    console.print(safe(f"{'Removed' if yes else 'Would remove'} what began before {before:%F}"))
    print_removal(done.removed)
    for folder, counts in done.findings.items():
        console.print(safe(f"  {folder}: {sum(counts.values()):,} rows that name some of it"))
    if done.finished:
        console.print(f"  {done.finished} earlier removals that were cut short are finished")
    if done.head:
        console.print(f"Head of the journal, to be kept elsewhere: {done.head}")
    elif not yes:
        console.print("Nothing was done; --yes does it.")


def removal_told(removed: Removed) -> dict[str, Any]:
    """A removal's figures for machines."""
    from stillwatch.custody.retaining import figures

    return {"removed": figures(removed)}


def print_removal(removed: Removed) -> None:
    """A removal's figures for people."""
    from stillwatch.cli.printing import people

    console = people()
    span = ""
    if removed.first_ts and removed.last_ts:
        span = f", from {removed.first_ts:%F} to {removed.last_ts:%F}"
    console.print(f"  {removed.exchanges:,} exchanges{span}, in {removed.segments:,} segments")
    console.print(f"  {removed.registrations:,} registrations of accounts")
    console.print(f"  {removed.refused:,} rows of the quarantine")
