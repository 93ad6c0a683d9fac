"""`stillwatch lab canaries`: what was planted with whom, how often, and files for `lab trace`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, Pseudonyms, examples

if TYPE_CHECKING:
    from stillwatch.privacy import Keys

app = typer.Typer(no_args_is_help=True, help="List and export canaries, and plant by hand.")

LIST_EXAMPLES = examples(("who got what, and how often", "stillwatch lab canaries list CANARIES"))
PLANT_EXAMPLES = examples(
    (
        "one line for one answer, and its exposure counted",
        "stillwatch lab canaries plant CANARIES --account acct-7 --pseudonyms keys.json",
    )
)
EXPORT_EXAMPLES = examples(
    (
        "what a canary rank test reads",
        "stillwatch lab canaries export CANARIES --out canaries.jsonl --pseudonyms keys.json",
    )
)

RegistryFile = Annotated[
    Path, typer.Argument(metavar="CANARIES", help="The registry, one SQLite file.")
]


@app.command("list", epilog=LIST_EXAMPLES)
def listed(registry: RegistryFile, json: Json = False) -> None:
    """List canaries: for whom (by pseudonym), of which epoch, and how often they were shown."""
    from dataclasses import asdict

    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.countermeasures.registry import Registry

    found = Registry(registry, create=False).canaries()
    if json:
        emit({"canaries": [asdict(canary) for canary in found]})
        return
    console = people()
    console.print(f"{len(found):,} canaries, {sum(c.exposures for c in found):,} exposures")
    for canary in found:
        days = f"{canary.first} to {canary.last}" if canary.first else "never shown"
        told = f"  {canary.code}  {canary.account}  epoch {canary.epoch}"
        console.print(safe(f"{told}  {canary.exposures:>6,}  {days}"), soft_wrap=True)


@app.command("plant", epilog=PLANT_EXAMPLES)
def plant(
    registry: RegistryFile,
    account: Annotated[str, typer.Option(help="Whose answer it is for; never kept in plain.")],
    pseudonyms: Pseudonyms = None,
    most_a_day: Annotated[int, typer.Option(min=1, help="Most exposures a day.")] = 20,
    most: Annotated[int, typer.Option(min=1, help="Most exposures in all.")] = 200,
    json: Json = False,
) -> None:
    """Print the line for one answer to an account, and count it, for gateways that plant by hand.

    Plant only with accounts that a case or the gate's confidence speaks against.
    """
    from stillwatch.cli.printing import emit
    from stillwatch.countermeasures.canaries import TEMPLATE, canary_of
    from stillwatch.countermeasures.registry import Registry
    from stillwatch.errors import MeasureRefused
    from stillwatch.privacy.names import is_name, name_of

    now = dt.datetime.now(dt.UTC)
    epoch = _keys(pseudonyms).at(now)
    name = account if is_name(account) else name_of(account, "account_id", epoch.secret)
    code, held = canary_of(epoch, name), Registry(registry)
    held.register(code, name, epoch.number, now)
    if not held.expose(code, now, most_a_day=most_a_day, most=most):
        raise MeasureRefused(registry, f"{name} has had all it may have", "Wait, or raise --most")
    line = TEMPLATE.format(code=code).strip()
    if json:
        emit({"line": line, "account": name, "epoch": epoch.number})
        return
    typer.echo(line)


@app.command("export", epilog=EXPORT_EXAMPLES)
def export(
    registry: RegistryFile,
    out: Annotated[Path, typer.Option(help="Where to: JSON Lines, not there yet.")],
    pseudonyms: Pseudonyms = None,
    references: Annotated[
        int, typer.Option(min=1, max=100_000, help="Codes never shown, beside each canary.")
    ] = 999,
    controls: Annotated[
        int, typer.Option(min=0, max=10_000, help="Canaries never shown, to be found innocent.")
    ] = 20,
    json: Json = False,
) -> None:
    """Write canaries with their references and exposures, as `stillwatch lab trace` reads them.

    References are drawn by the key: with the same file of keys they are always the same.
    """
    from stillwatch.cli.printing import emit
    from stillwatch.countermeasures.exporting import export_canaries
    from stillwatch.countermeasures.registry import Registry

    keys, found = _keys(pseudonyms), Registry(registry, create=False).canaries()
    written = export_canaries(found, keys, out, references=references, controls=controls)
    if json:
        emit({"file": str(out), "canaries": len(found), "controls": written - len(found)})
        return
    typer.echo(f"{out}: {len(found):,} canaries and {written - len(found):,} controls")


def _keys(path: Path | None) -> Keys:
    from stillwatch.errors import MeasureRefused
    from stillwatch.privacy import read_keys

    if path is None:
        raise MeasureRefused(
            "canaries", "are drawn by a key", "Name the file of keys with --pseudonyms"
        )
    return read_keys(path)
