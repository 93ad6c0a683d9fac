"""`stillwatch ingest`: read logs into a lake."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, Pseudonyms, examples


class Format(StrEnum):
    """The formats that logs come in."""

    auto = "auto"
    contract = "contract"
    litellm = "litellm"


class Addresses(StrEnum):
    """How a lake keeps addresses."""

    exact = "exact"
    prefix = "prefix"
    keyed = "keyed"


EXAMPLES = examples(
    ("a folder of LiteLLM logs", "stillwatch ingest logs/ --lake LAKE"),
    (
        "more as they arrive; what is there is not read twice",
        "stillwatch ingest logs/2026-02-*.jsonl.gz --lake LAKE",
    ),
    (
        "names in place of identifiers, in a lake that is made so",
        "stillwatch ingest logs/ --lake LAKE --pseudonyms keys.json",
    ),
    ("addresses as networks only", "stillwatch ingest logs/ --lake LAKE --addresses prefix"),
)


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files or folders of logs; plain, .gz or .zst."),
    ],
    lake: Annotated[Path, typer.Option(help="The lake to add to; made where it is missing.")],
    format: Annotated[
        Format, typer.Option(help="Format of the logs; auto looks into each file.")
    ] = Format.auto,
    pseudonyms: Pseudonyms = None,
    addresses: Annotated[
        Addresses | None,
        typer.Option(
            help="How addresses are kept: as they are, as networks (/24, /48), or, usual with "
            "--pseudonyms, as names that are alike within a network."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Read logs into a lake: once each, whatever is run again, killed or handed in twice.

    Whether identifiers are kept or named is settled when the lake is made, and held to: without
    its keys nothing more can be read into a lake of names.

    Rows that can't be read are set aside with a reason and counted, never guessed at.
    """
    import stillwatch as sw
    from stillwatch.cli.bars import watching
    from stillwatch.cli.printing import emit, figures, people, safe
    from stillwatch.console.wording import count

    with watching(json) as watch:
        report = figures(
            sw.ingest(
                paths,
                lake=lake,
                format=str(format),
                pseudonyms=pseudonyms,
                addresses=None if addresses is None else str(addresses),
                progress=watch,
            )
        )
    if json:
        emit({"lake": lake, **report})
        return
    console = people()
    console.print(safe(f"Lake {lake}", "bold"))
    for name, value in report.items():
        if isinstance(value, dict):
            console.print(f"  {name}: {count(sum(value.values()))}")
            for reason, number in sorted(value.items(), key=lambda item: -item[1]):
                console.print(safe(f"    {reason}: {count(number)}", "dim"))
        elif isinstance(value, int):
            console.print(f"  {name}: {count(value)}")
