"""`stillwatch report`: a case as a document to publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.cases import CaseNumber
from stillwatch.cli.documents import (
    FORMATS,
    FindingsOption,
    LakeOption,
    check_format,
    tell,
    write,
)
from stillwatch.cli.options import Json, StoreAddress, examples

EXAMPLES = examples(
    ("to publish", "stillwatch report 3 --findings FINDINGS --out report.pdf"),
    ("with masked prompts", "stillwatch report 3 --findings FINDINGS --log LAKE --out report.html"),
    ("all three formats", "stillwatch report 3 --findings FINDINGS --all reports"),
)


def report(
    case: CaseNumber,
    findings: FindingsOption,
    store: StoreAddress = "cases.db",
    log: LakeOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write, .md, .html or .pdf; replaced where it exists."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--all", help="A folder for all three formats.")
    ] = None,
    with_accounts: Annotated[
        bool,
        typer.Option(
            "--with-accounts", help="Name members and reviewers in an appendix, for inside only."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Write what is known of a case as a report: counts and reasons, no accounts or customers."""
    from stillwatch import reports
    from stillwatch.cases import Store, get_case
    from stillwatch.findings import read_findings

    if (out is None) == (folder is None):
        raise typer.BadParameter("name a file with --out, or a folder with --all")
    paths = [check_format(out)] if out else []
    if folder:
        paths = [folder / f"case-{case}{kind}" for kind in FORMATS]
    opened, found = Store.open(store), read_findings(findings, leave=("exchanges", "links"))
    asked, past = get_case(opened, case), reports.whole_history(opened, case)
    samples = None
    if log is not None:
        shown = reports.ids_of_frames(found, reports.campaigns_of(asked, past))
        samples = reports.read_samples(log, shown)
    document = reports.report(found, asked, past, samples, with_accounts=with_accounts)
    tell([write(document, path) for path in paths], json)
