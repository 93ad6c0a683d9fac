"""`stillwatch reidentify`: whom names stand for, for whoever has the owner's key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Actor, Json, examples

EXAMPLES = examples(
    (
        "one account",
        "stillwatch reidentify acc-24ljpaywqqh6xiudmglsf37c3a --lake LAKE --keys owner.json "
        '--reason "case 12 is confirmed"',
    ),
    (
        "all that findings connect with a campaign, as findings to act on",
        "stillwatch reidentify FINDINGS --lake LAKE --keys owner.json --out NAMED "
        '--reason "to be published to the gateway"',
    ),
)


def reidentify(
    what: Annotated[
        list[str],
        typer.Argument(metavar="FINDINGS|NAME...", help="A folder of findings, or names."),
    ],
    lake: Annotated[Path, typer.Option(help="The lake, in whose vault the identifiers are.")],
    keys: Annotated[Path, typer.Option(help="The owner's file of `stillwatch keys new`.")],
    reason: Annotated[str, typer.Option(help="Why; the journal keeps it.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Write the findings here with identifiers in place of names."),
    ] = None,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Tell whom names stand for. The lake's journal has who asked, when and why before it is told.

    Of findings, those that are connected with a campaign or a network are told, and nobody else.
    """
    from stillwatch.cli.cases import acting
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.custody.reidentifying import names_of, reveal, with_identifiers
    from stillwatch.findings import check_target, read_findings
    from stillwatch.privacy import read_owner

    folder = Path(what[0]) if len(what) == 1 and Path(what[0]).is_dir() else None
    if out is not None and folder is None:
        raise typer.BadParameter("--out goes with a folder of findings")
    if out is not None:
        check_target(out)
    owner = read_owner(keys)
    found = None if folder is None else read_findings(folder)
    names = set(what) if found is None else names_of(found)
    known = reveal(lake, names, owner, acting(actor), reason)
    if found is not None and out is not None:
        with_identifiers(found, known).save(out)
    if json:
        emit({"known": known, "unknown": sorted(names - known.keys()), "out": out})
        return
    console = people()
    for name, identifier in sorted(known.items()):
        console.print(safe(f"{name}  {identifier}"))
    if missing := len(names - known.keys()):
        console.print(f"{missing:,} names are not in the vault")
    if out is not None:
        console.print(safe(f"Findings with identifiers are in {out}: they are no longer private."))
