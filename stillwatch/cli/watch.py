"""`stillwatch watch`: follow a folder of logs into a lake."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import AccountPlace, Json, LogFormat, MappingFile, Pseudonyms, examples

if TYPE_CHECKING:
    from stillwatch.watching import Watch

EXAMPLES = examples(
    ("whatever a gateway adds to its logs", "stillwatch watch logs/ --lake LAKE"),
    ("from cron: what is new, then leave", "stillwatch watch logs/ --lake LAKE --once"),
    (
        "and look for campaigns every hour",
        "stillwatch watch logs/ --lake LAKE --detect-every 60 --out FINDINGS",
    ),
)


def watch(
    log: Annotated[
        Path, typer.Argument(metavar="LOG", help="A folder that logs are written to, or one file.")
    ],
    lake: Annotated[Path, typer.Option(help="The lake to add to; made where it is missing.")],
    every: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How often to look.")
    ] = 60.0,
    settled: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="A file that can't be read from its middle (compressed, Parquet, CSV) is read "
            "once it hasn't changed for so long.",
        ),
    ] = 30.0,
    once: Annotated[bool, typer.Option("--once", help="Read what is new, then leave.")] = False,
    format: LogFormat = "auto",
    mapping: MappingFile = None,
    account: AccountPlace = None,
    pseudonyms: Pseudonyms = None,
    detect_every: Annotated[
        float | None,
        typer.Option(min=1.0, metavar="MINUTES", help="Run `detect` on the lake so often."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FINDINGS", help="Where `detect` writes, with --detect-every."),
    ] = None,
    json: Json = False,
) -> None:
    """Follow a folder of logs into a lake: what is added is read, once, also after a kill.

    Half-written lines wait for their end; rotated, renamed and truncated files are known. Ends by
    Ctrl-C or a polite kill, between two commits. With --json, one document a line and round.
    """
    from stillwatch.watching import Watch

    if (detect_every is None) != (out is None):
        raise typer.BadParameter("--detect-every and --out go together")
    if mapping is not None and format != "auto":
        raise typer.BadParameter("a mapping is a format of its own; leave out --format or --map")
    follow = Watch(
        log,
        lake,
        format=format,
        mapping=mapping,
        account=account,
        pseudonyms=pseudonyms,
        settled_s=0.0 if once else settled,
    )
    detected = time.monotonic()
    try:
        while True:
            _catch_up(follow, json)
            if out is not None and detect_every is not None:
                due = once or time.monotonic() - detected >= detect_every * 60
                if due:
                    _detect(lake, out, json)
                    detected = time.monotonic()
            if once:
                return
            time.sleep(every)
    except KeyboardInterrupt:
        _tell({"stopped": "what is committed stays; the next watch goes on from there"}, json)


def _catch_up(follow: Watch, json: bool) -> None:
    """Rounds until nothing is new; a lake that another process writes to is left until later."""
    from stillwatch.cli.printing import figures
    from stillwatch.errors import LakeBusy

    try:
        while (report := follow.round()) is not None:
            _tell(figures(report), json)
    except LakeBusy as fault:
        _tell({"waiting": str(fault)}, json)


def _detect(lake: Path, out: Path, json: bool) -> None:
    import stillwatch as sw
    from stillwatch.errors import NothingToRead

    try:
        found = sw.detect(lake, out=out)
    except NothingToRead as fault:
        _tell({"waiting": str(fault)}, json)
        return
    _tell({"findings": str(out), "campaigns": len(found.campaigns)}, json)


def _tell(what: dict[str, Any], json: bool) -> None:
    from stillwatch.cli.printing import emit_line, people, safe
    from stillwatch.console.wording import count

    if json:
        emit_line(what)
        return
    told = {k: sum(v.values()) if isinstance(v, dict) else v for k, v in what.items()}
    words = [
        f"{name} {count(value) if isinstance(value, int) else value}"
        for name, value in told.items()
        if isinstance(value, int | str) and value
    ]
    people().print(safe(f"{time.strftime('%H:%M:%S')} {', '.join(words)}"))
