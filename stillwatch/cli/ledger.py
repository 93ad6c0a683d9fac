"""`stillwatch ledger`: who did what to which case, as a file that anybody can verify."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, StoreAddress, examples
from stillwatch.errors import LedgerBroken

app = typer.Typer(no_args_is_help=True, help="Export the ledger of all acts, and verify an export.")

EXPORT_EXAMPLES = examples(
    ("every act, for an auditor", "stillwatch ledger export --out ledger.jsonl")
)
VERIFY_EXAMPLES = examples(
    ("is it as it was written", "stillwatch ledger verify ledger.jsonl"),
    (
        "and nothing cut off, by the head that `export` printed",
        "stillwatch ledger verify ledger.jsonl --head 9f2c...",
    ),
)
_SHOWN = 20


@app.command("export", epilog=EXPORT_EXAMPLES)
def export(
    out: Annotated[Path, typer.Option(help="The file to write; replaced where it exists.")],
    store: StoreAddress = "cases.db",
    json: Json = False,
) -> None:
    """Write the whole ledger as JSON Lines, and print its head: keep that somewhere else."""
    from stillwatch.cases import Store, export_ledger
    from stillwatch.cli.printing import emit, people

    count, head = export_ledger(Store.open(store), out)
    if json:
        emit({"out": str(out), "entries": count, "head": head})
    else:
        people().print(f"{count:,} entries; head {head}")


@app.command("verify", epilog=VERIFY_EXAMPLES)
def verify_(
    file: Annotated[Path, typer.Argument(help="A file written by `stillwatch ledger export`.")],
    head: Annotated[
        str | None,
        typer.Option(help="The head that you were told: shows that nothing was cut off since."),
    ] = None,
    json: Json = False,
) -> None:
    """Check an exported ledger byte for byte; needs no store."""
    from stillwatch.cases import verify
    from stillwatch.cli.printing import emit, people, safe

    verdict = verify(file, head)
    if json:
        emit(dataclasses.asdict(verdict))
    else:
        for problem in verdict.problems[:_SHOWN]:
            where = f"line {problem.line}" + (f", entry {problem.seq}" if problem.seq else "")
            name = f", {problem.field}" if problem.field else ""
            people().print(safe(f"{where}{name}: {problem.what}"))
        if len(verdict.problems) > _SHOWN:
            people().print(f"and {len(verdict.problems) - _SHOWN} more")
    if verdict.problems:
        first, count = verdict.problems[0], len(verdict.problems)
        raise LedgerBroken(
            file,
            f"{count} {'problem' if count == 1 else 'problems'}, the first at line {first.line}",
            "Get the file again from whoever keeps the ledger, and ask who had it",
        )
    if not json:
        people().print(f"{verdict.entries:,} entries, unbroken; head {verdict.head}")
