"""Documents as files: the format is told by the name, and a file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stillwatch.reports import Document

FORMATS = (".md", ".html", ".pdf")

FindingsOption = Annotated[
    Path,
    typer.Option("--findings", metavar="FINDINGS", help="A folder written by `stillwatch detect`."),
]
LakeOption = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="LAKE",
        help="The lake that the findings are of, to show texts, masked; without, there is no text.",
    ),
]


def check_format(path: Path) -> Path:
    """`path`, where its name ends as one of `FORMATS`; else a usage error."""
    if path.suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"{path.name!r} ends in none of {', '.join(FORMATS)}")
    return path


def write(document: Document, path: Path) -> Path:
    """Write `document` to `path`; its folder is made where it is missing."""
    from stillwatch.reports import as_html, as_markdown, as_pdf

    kind = path.suffix.lower()
    if kind == ".pdf":
        content = as_pdf(document)
    else:
        content = (as_html if kind == ".html" else as_markdown)(document).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    os.replace(fresh, path)
    return path.resolve()


def tell(paths: list[Path], json: bool) -> None:
    """Say where documents were written."""
    from stillwatch.cli.printing import emit, people, safe

    if json:
        emit({"documents": paths})
        return
    for path in paths:
        people().print(safe(path, limit=2000), soft_wrap=True)
