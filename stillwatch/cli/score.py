"""`stillwatch score`: findings against the truth of a labelled world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import FindingsFolder, Json, examples

EXAMPLES = examples(("how well it did", "stillwatch score LOG FINDINGS"))


def score(
    log: Annotated[
        Path, typer.Argument(metavar="LOG", help="A labelled log, as `stillwatch world` makes.")
    ],
    findings: FindingsFolder,
    json: Json = False,
) -> None:
    """Score findings against the labels of a world: precision, recall, and who was flagged wrongly.

    The labels are read here and nowhere else.
    """
    import stillwatch as sw
    from stillwatch.cli.printing import emit, people
    from stillwatch.cli.scores import print_score
    from stillwatch.findings import read_findings

    result = sw.score(log, read_findings(findings)).to_dict()
    if json:
        emit(result)
    else:
        print_score(people(), result)
