"""`stillwatch detect`: find campaigns in a log or a lake."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, examples, moment

if TYPE_CHECKING:
    from stillwatch.leads import Lead

METHODS = (
    "stillwatch",
    "components",
    "components-rare",
    "coposting",
    "coposting-day",
    "fraudar",
    "dcube",
    "mmd-1500",
    "mmd-200",
    "mmd-global",
    "prada",
    "seat",
    "volumes",
)
"""Names of methods, said here again so that `--help` need not load them; a test compares."""

EXAMPLES = examples(
    ("a log, or a lake", "stillwatch detect LOG --out FINDINGS"),
    (
        "with the names of last week's findings",
        "stillwatch detect LAKE --out NEW --earlier OLD",
    ),
    (
        "as it would have been known on 1 February",
        "stillwatch detect LAKE --out THEN --until 2026-02-01",
    ),
    ("all of it again, however little is new", "stillwatch detect LAKE --out FINDINGS --anew"),
    (
        "with what peers told, as evidence",
        "stillwatch detect LAKE --out FINDINGS --peers cases.db",
    ),
    ("on a Spark cluster", "stillwatch detect LAKE --out FINDINGS --engine sc://HOST:15002"),
    ("what a baseline finds", "stillwatch detect LOG --out THEIRS --method fraudar"),
)


def detect(
    log: Annotated[Path, typer.Argument(metavar="LOG|LAKE", help="A folder of logs, or a lake.")],
    out: Annotated[Path, typer.Option(help="The folder to write the findings to.")],
    until: Annotated[
        dt.datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Read nothing that came after this time (RFC 3339, or a day; UTC).",
        ),
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option(
            metavar="FINDINGS",
            help="Findings of an earlier run: its campaigns keep their names, also where all "
            "their accounts are new.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The detector to run: `stillwatch`, or a baseline to compare it with: "
            f"{', '.join(f'`{name}`' for name in METHODS[1:])}.",
        ),
    ] = METHODS[0],
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE",
            help="Where signals are made and objects counted: `duckdb`, here; or a Spark cluster "
            "that sees the lake, by `sc://host:port` (Spark Connect) or `spark://host:port` "
            "(classic). Findings don't depend on it.",
        ),
    ] = "duckdb",
    anew: Annotated[
        bool,
        typer.Option(
            "--anew",
            help="Judge everything, also where a lake has grown little since it was judged.",
        ),
    ] = False,
    peers: Annotated[
        str | None,
        typer.Option(
            metavar="STORE",
            help="Follow what peers told (`stillwatch peers pull`): accounts here that carry it "
            "are looked at more closely, and judged by what this log says of them.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads to use; all cores by default. Findings don't depend on it."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Find the campaigns in a log, with the evidence for and against each.

    A lake that has grown by up to a tenth since everything in it was judged is not judged again:
    what came since is absorbed, at a small part of the cost. Campaigns by accounts that no campaign
    holds are found when all is judged: at the latest when the lake has grown by a tenth, or by
    `--anew`.

    Reads exchanges only; labels that lie beside a simulated log are never looked at.
    """
    import stillwatch as sw
    from stillwatch.cli.bars import watching
    from stillwatch.cli.campaigns import print_story
    from stillwatch.cli.printing import emit, people, rows, safe
    from stillwatch.console.story import tell

    if earlier is not None and method != METHODS[0]:
        raise typer.BadParameter(
            "baselines name their campaigns anew; leave out --earlier or --method"
        )
    if engine != "duckdb" and method != METHODS[0]:
        raise typer.BadParameter("baselines run here; leave out --engine or --method")
    if peers is not None and method != METHODS[0]:
        raise typer.BadParameter("baselines know no peers; leave out --peers or --method")
    leads = [] if peers is None else _leads(peers, until)
    with watching(json) as watch:
        found = sw.detect(
            log,
            out=out,
            until=until,
            earlier=earlier,
            method=method,
            engine=engine,
            anew=anew,
            leads=leads,
            threads=threads,
            progress=watch,
        )
    if json:
        emit({"findings": out, "run": found.run, "campaigns": rows(found.campaigns)})
        return
    console = people()
    print_story(console, tell(found))
    console.print(safe(f"Findings are in {out}; see `stillwatch show {out}`."))


def _leads(store: str, until: dt.datetime | None) -> list[Lead]:
    """What peers had told by then."""
    from stillwatch.cli.acting import opened
    from stillwatch.peers.weighing import leads

    with opened(store) as cases:
        return leads(cases, (until or dt.datetime.now(dt.UTC)).date(), until)
