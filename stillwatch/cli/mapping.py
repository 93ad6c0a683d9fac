"""`stillwatch map`: mapping files for logs of no known format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, examples

app = typer.Typer(
    help="Mapping files: which path of your log's records fills which column.",
    no_args_is_help=True,
)

Sample = Annotated[
    Path, typer.Argument(metavar="SAMPLE", help="A file of the log: JSON, CSV or Parquet.")
]


@app.command(
    epilog=examples(
        ("a draft, to be read and corrected", "stillwatch map draft app.jsonl --out mapping.toml")
    )
)
def draft(
    sample: Sample,
    out: Annotated[Path, typer.Option(help="The mapping file to write; not overwritten.")],
    json: Json = False,
) -> None:
    """Draft a mapping file from a sample of a log, with the reasons for each line.

    Goes by names, and by what values look like: times, addresses, ids, texts, counts of tokens.
    No value of the log is written into the file.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.errors import OutputExists
    from stillwatch.sources.draft import draft_mapping
    from stillwatch.sources.records_of import records_of
    from stillwatch.sources.sample import take_sample

    text = draft_mapping(take_sample(records_of(sample)))
    try:
        with out.open("x") as file:
            file.write(text)
    except FileExistsError:
        raise OutputExists(out, "is there already", "Name another file, or remove it") from None
    if json:
        emit({"mapping": out, "text": text})
        return
    console = people()
    for line in text.splitlines():
        console.print(safe(line))
    console.print(safe(f"Written to {out}. Next: stillwatch map check {out} {sample}", "bold"))


@app.command(epilog=examples(("what becomes of it", "stillwatch map check mapping.toml app.jsonl")))
def check(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="A mapping file.")],
    sample: Sample,
    rows: Annotated[int, typer.Option(min=1, max=100, help="How many rows to show.")] = 3,
    json: Json = False,
) -> None:
    """Check a mapping file on a sample: what is wrong with it, and what becomes of the first rows.

    Texts are shown by their length only, and ids by their first letters.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.sources.mapping_file import load_mapping
    from stillwatch.sources.trial import try_mapping

    told = try_mapping(load_mapping(mapping), sample, rows)
    if json:
        emit(told)
        return
    console = people()
    console.print(safe(f"{told['kept']} of {told['read']} records become exchanges.", "bold"))
    for reason, n in told["quarantined"].items():
        console.print(safe(f"  {reason}: {n}"))
    for name, n in told["repaired"].items():
        console.print(safe(f"  {name}: {n} values made no sense and are left out"))
    console.print(safe(f"Never filled: {', '.join(told['empty']) or 'none'}", "dim"))
    for row in told["rows"]:
        console.print()
        for name, value in row.items():
            console.print(safe(f"  {name}: {value}"))
