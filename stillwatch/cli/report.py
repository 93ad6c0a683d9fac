"""`stillwatch report` and `stillwatch appeal`: what leaves the house about a case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, StoreAddress, examples
from stillwatch.errors import OutputExists

if TYPE_CHECKING:
    from stillwatch.reports import Document

REPORT_EXAMPLES = examples(
    ("to publish", "stillwatch report 1 --findings FINDINGS --out report.pdf"),
    ("with masked samples", "stillwatch report 1 --findings FINDINGS --log LAKE --out report.html"),
)
APPEAL_EXAMPLES = examples(
    ("for one account", "stillwatch appeal 1 acc-5f09c1 --findings FINDINGS --out appeal.pdf"),
)

Number = Annotated[int, typer.Argument(metavar="CASE", help="The case's number.")]
Findings = Annotated[Path, typer.Option(help="The findings that the case was opened from.")]
Out = Annotated[Path, typer.Option(help="A file ending in .md, .html or .pdf; replaced if there.")]
Log = Annotated[Path | None, typer.Option(help="The lake, to show masked samples of prompts.")]


def report(
    case: Number,
    findings: Findings,
    out: Out,
    store: StoreAddress = "cases.db",
    log: Log = None,
    json: Json = False,
) -> None:
    """Write the report on a case, as one would publish it: no account, no customer in it."""
    import pyarrow.compute as pc

    from stillwatch.cases import Store, get_case, history
    from stillwatch.findings import read_findings
    from stillwatch.reports import read_samples, report

    write = _writer(out)
    found = read_findings(findings)
    opened = Store.open(str(store))
    try:
        about = get_case(opened, case)
        entries = list(history(opened, case))
    finally:
        opened.close()
    samples = None
    if log is not None:
        mine = found.frames.filter(pc.field("campaign_id") == about.campaign_id)
        samples = read_samples(log, [i for row in mine["sample"].to_pylist() for i in row or []])
    _put(write(report(found, about, entries, samples)), out, json)


def appeal(
    case: Number,
    account: Annotated[str, typer.Argument(help="The account's id, as the log has it.")],
    findings: Findings,
    out: Out,
    store: StoreAddress = "cases.db",
    json: Json = False,
) -> None:
    """Write what one account is told that appeals: what was held against it, and for it."""
    from stillwatch.cases import Store, get_case
    from stillwatch.findings import read_findings
    from stillwatch.reports import appeal_pack

    write = _writer(out)
    found = read_findings(findings)
    opened = Store.open(str(store))
    try:
        about = get_case(opened, case)
    finally:
        opened.close()
    _put(write(appeal_pack(found, about, account)), out, json)


def _writer(out: Path) -> Callable[[Document], str | bytes]:
    from stillwatch.reports import as_html, as_markdown, as_pdf

    writers = {".md": as_markdown, ".html": as_html, ".pdf": as_pdf}
    if out.suffix not in writers:
        raise OutputExists(out, "ends in no format of ours", "Name a file .md, .html or .pdf")
    return writers[out.suffix]


def _put(made: str | bytes, out: Path, json: bool) -> None:
    from stillwatch.cli.printing import emit, people, safe

    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.new")
    fresh.write_bytes(made.encode("utf-8") if isinstance(made, str) else made)
    fresh.replace(out)
    if json:
        emit({"file": out.resolve()})
    else:
        people().print(safe(str(out), limit=2000), soft_wrap=True)
