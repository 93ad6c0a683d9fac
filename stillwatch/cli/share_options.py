"""What preview and proposal of a share ask alike: how far it goes, and what people add."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import moment

if TYPE_CHECKING:
    from stillwatch.sharing.drawing_up import Draft, Wishes

CaseNumber = Annotated[int, typer.Argument(metavar="CASE", help="The confirmed case.")]
ShareNumber = Annotated[int, typer.Argument(metavar="SHARE", help="The share's number.")]
SeenVersion = Annotated[int, typer.Option("--seen", help="The version that you saw.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]
FindingsOption = Annotated[
    Path,
    typer.Option("--findings", metavar="FINDINGS", help="A folder written by `stillwatch detect`."),
]
LakeOption = Annotated[
    Path,
    typer.Option(
        "--log", metavar="LAKE", help="The lake that the findings are of: who else carries what."
    ),
]
Marking = Annotated[
    str,
    typer.Option(
        "--tlp", help="Whom readers may pass it to: clear, green, amber, amber+strict or red."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="The group's key; without it no keyed hashes are told."
    ),
]
LeastAccounts = Annotated[
    int,
    typer.Option(min=3, max=1000, help="Accounts of the campaign that must carry what is told."),
]
MostHonest = Annotated[
    float,
    typer.Option(min=0.0, max=0.01, help="Largest share of honest accounts that may carry it."),
]
Named = Annotated[
    str | None,
    typer.Option("--attributed-to", metavar="NAME", help="Whom you, a person, hold responsible."),
]
NamedAs = Annotated[str, typer.Option("--as", help="What they are: intrusion-set or threat-actor.")]
AsOf = Annotated[
    dt.datetime | None,
    typer.Option(
        "--as-of",
        parser=moment,
        metavar="TIME",
        help="Judge what has expired as on this day, for a simulated or an old log.",
    ),
]
NoteText = Annotated[str | None, typer.Option("--note", help="A note to the readers.")]


def wishes(
    tlp: str,
    key: Path | None,
    least_accounts: int,
    most_honest: float,
    attributed_to: str | None,
    named_as: str,
    note: str | None,
) -> Wishes:
    """The options as one value; a usage error where a word is none of those allowed."""
    from stillwatch.sharing.drawing_up import Wishes
    from stillwatch.sharing.indicators import ActorKind, Attribution, Tlp
    from stillwatch.sharing.keyed import GroupKey
    from stillwatch.sharing.selection import Limits

    if tlp not in set(Tlp):
        raise typer.BadParameter(f"{tlp!r} is none of {', '.join(Tlp)}")
    if named_as not in set(ActorKind):
        raise typer.BadParameter(f"{named_as!r} is none of {', '.join(ActorKind)}")
    return Wishes(
        tlp=Tlp(tlp),
        limits=Limits(least_accounts, most_honest),
        key=GroupKey.load(key) if key else None,
        attribution=Attribution(ActorKind(named_as), attributed_to) if attributed_to else None,
        note=note,
    )


def day_of(as_of: dt.datetime | None) -> dt.date:
    """The day that was asked for, or today (UTC)."""
    return (as_of or dt.datetime.now(dt.UTC)).date()


def draft(
    store: str, case: int, findings: Path, lake: Path, asked: Wishes, as_of: dt.datetime | None
) -> Draft:
    """What would be told of a case."""
    from stillwatch.cases.shares import name_of
    from stillwatch.cli.acting import opened
    from stillwatch.findings import read_findings
    from stillwatch.sharing.drawing_up import draw_up

    with opened(store) as cases:
        found = read_findings(findings, leave=("links",))
        return draw_up(cases, case, found, lake, name_of(cases, case), asked, day_of(as_of))
