"""`stillwatch ingest`: read logs into a lake."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import (
    AccountPlace,
    Json,
    LogFormat,
    MappingFile,
    Pseudonyms,
    examples,
)


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
    ("logs of your own", "stillwatch ingest logs/ --lake LAKE --map mapping.toml"),
    (
        "a prefix of object storage; what is new since the last time",
        "stillwatch ingest s3://logs/AWSLogs/ --lake LAKE",
    ),
    (
        "a table, from where the last reading ended",
        "stillwatch ingest 'postgresql://db/litellm?table=LiteLLM_SpendLogs&cursor=startTime' "
        "--lake LAKE",
    ),
    (
        "names in place of identifiers, in a lake that is made so",
        "stillwatch ingest logs/ --lake LAKE --pseudonyms keys.json",
    ),
    ("addresses as networks only", "stillwatch ingest logs/ --lake LAKE --addresses prefix"),
)


def ingest(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Files or folders of logs (plain, .gz or .zst), or a warehouse's URL: s3://, "
            "gs://, az://, https://, delta+s3://, iceberg+s3://, postgresql://, clickhouse://.",
        ),
    ],
    lake: Annotated[Path, typer.Option(help="The lake to add to; made where it is missing.")],
    format: LogFormat = "auto",
    mapping: MappingFile = None,
    account: AccountPlace = None,
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

    if mapping is not None and format != "auto":
        raise typer.BadParameter("a mapping is a format of its own; leave out --format or --map")
    read = partial(
        sw.ingest,
        paths,
        lake=lake,
        format=format,
        mapping=mapping,
        account=account,
        pseudonyms=pseudonyms,
        addresses=None if addresses is None else str(addresses),
    )
    with watching(json) as watch:
        report = figures(read(progress=watch))
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
