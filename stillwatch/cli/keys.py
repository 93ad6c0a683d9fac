"""`stillwatch keys`: the files that identifiers are named with, and that open the vault."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Json, examples, moment

if TYPE_CHECKING:
    from stillwatch.privacy import Keys

app = typer.Typer(no_args_is_help=True, help="Make and rotate the keys that identifiers go by.")

NEW_EXAMPLES = examples(
    (
        "one file for machines that ingest, one for whoever may re-identify",
        "stillwatch keys new keys.json --owner owner.json",
    )
)
ROTATE_EXAMPLES = examples(
    ("from now on", "stillwatch keys rotate keys.json"),
    ("from the new year on", "stillwatch keys rotate keys.json --begin 2027-01-01"),
)
SHOW_EXAMPLES = examples(("what a file is for", "stillwatch keys show keys.json"))

KeysFile = Annotated[Path, typer.Argument(metavar="KEYS", help="The file of keys.")]


@app.command("new", epilog=NEW_EXAMPLES)
def new(
    keys: KeysFile,
    owner: Annotated[
        Path, typer.Option(help="The owner's file: it opens vaults, and belongs somewhere else.")
    ],
    json: Json = False,
) -> None:
    """Make both files. Keep copies: without them no name can be led back, nor made again."""
    from stillwatch.privacy import new_keys

    _say(keys, new_keys(keys, owner), json)


@app.command("rotate", epilog=ROTATE_EXAMPLES)
def rotate(
    keys: KeysFile,
    begin: Annotated[
        dt.datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="When it begins; now by default."),
    ] = None,
    json: Json = False,
) -> None:
    """Add an epoch: identifiers that are new from then on are named with another secret."""
    from stillwatch.privacy import rotate_keys

    _say(keys, rotate_keys(keys, begin), json)


@app.command("show", epilog=SHOW_EXAMPLES)
def show(keys: KeysFile, json: Json = False) -> None:
    """Show which deployment's keys these are, and its epochs; no secret."""
    from stillwatch.privacy import read_keys

    _say(keys, read_keys(keys), json)


def _say(path: Path, keys: Keys, json: bool) -> None:
    from stillwatch.cli.printing import emit, people, safe

    told: dict[str, Any] = {
        "keys": path,
        "identity": keys.identity,
        "proof_key": keys.signer.public_key().public_bytes_raw().hex(),
        "epochs": [{"epoch": e.number, "begin": e.begin} for e in keys.epochs],
    }
    if json:
        emit(told)
        return
    console = people()
    console.print(safe(f"Keys {keys.identity} in {path}", "bold"))
    for epoch in keys.epochs:
        console.print(f"  epoch {epoch.number} from {epoch.begin.isoformat()}")
    console.print(f"  proofs are signed by {told['proof_key']}")
