"""`stillwatch page`: findings as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import FindingsFolder, Json, examples

EXAMPLES = examples(("a page to hand on", "stillwatch page FINDINGS --out findings.html"))


def page(
    findings: FindingsFolder,
    out: Annotated[Path, typer.Option(help="The file to write; replaced where it exists.")],
    json: Json = False,
) -> None:
    """Write findings as one HTML page with pictures; it needs no server and makes no request."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.console import write_page
    from stillwatch.findings import read_findings

    path = write_page(read_findings(findings), out).resolve()
    if json:
        emit({"page": path, "address": path.as_uri()})
    else:
        people().print(safe(path.as_uri(), limit=2000), soft_wrap=True)
