"""`stillwatch demo`: the whole of it on a world made for the purpose."""

from __future__ import annotations

import json as jsonlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, Scale, Seed, examples
from stillwatch.errors import OutputExists

EXAMPLES = examples(
    ("the small one, served until Ctrl-C", "stillwatch demo"),
    ("larger, written and not served", "stillwatch demo --scale 0.05 --no-serve"),
)

_WORLD = "plain"
_MARK = "demo.json"
_PARTS = ("log", "lake", "findings")
_STORE = "cases.db"


def demo(
    scale: Scale = 0.01,
    seed: Seed = 0,
    out: Annotated[
        Path, typer.Option(help="The folder for the log, the lake, the findings, page and cases.")
    ] = Path("demo"),
    serve: Annotated[
        bool,
        typer.Option(
            "--serve/--no-serve",
            help="Serve the console on 127.0.0.1 until Ctrl-C, or only write the page.",
        ),
    ] = True,
    json: Json = False,
) -> None:
    """See it work: make a world with three campaigns, find them, score it, and open the console.

    The traffic is simulated and labelled; the detector never sees the labels. With --json nothing
    is served.
    """
    import stillwatch as sw
    from stillwatch.cli.bars import watching
    from stillwatch.cli.campaigns import print_story
    from stillwatch.cli.printing import emit, people, rows, safe
    from stillwatch.cli.scores import print_score
    from stillwatch.cli.serve import first_administrator, run
    from stillwatch.console import write_page
    from stillwatch.console.story import tell
    from stillwatch.web.settings import Settings

    log, lake, findings = _clear(out, scale, seed)
    with watching(json) as watch:
        sw.make_world(_WORLD, log, scale=scale, seed=seed, progress=watch)
        sw.ingest([log], lake=lake, progress=watch)
        found = sw.detect(lake, progress=watch)
    simulated = {"name": _WORLD, "scale": scale, "seed": seed}
    found = replace(found, run={**found.run, "world": simulated})
    found.save(findings)
    score = sw.score(log, found).to_dict()
    page = write_page(found, out / "index.html").resolve()
    if json:
        emit({"campaigns": rows(found.campaigns), "score": score, "page": page.as_uri()})
        return
    console = people()
    console.print()
    print_story(console, tell(found))
    print_score(console, score)
    console.print()
    console.print(safe(f"Why an account is, or is not, a member: stillwatch explain {findings} ID"))
    console.print(safe(f"The page: {page.as_uri()}", limit=2000), soft_wrap=True)
    store = str(out / _STORE)
    if not serve:
        line = f"stillwatch serve {findings} --log {lake} --store {store}"
        console.print(safe(f"The console: {line}", limit=2000), soft_wrap=True)
        return

    def ready(address: str) -> None:
        made = first_administrator(store)
        assert made is not None, "the store was just removed"
        line = f"The console, until Ctrl-C. Sign in as {made[0]}, password {made[1]}, at"
        console.print(safe(line))
        console.print(address, soft_wrap=True)

    run(Settings(findings, store, lake), "127.0.0.1", 0, ready)


def _clear(out: Path, scale: float, seed: int) -> tuple[Path, Path, Path]:
    """An `out` with nothing in it but its mark; the remains of an earlier demo are removed.

    Raises `OutputExists` where `out` holds anything that no demo left there.
    """
    if out.exists():
        if not out.is_dir() or (any(out.iterdir()) and not (out / _MARK).is_file()):
            raise OutputExists(
                out, "is not empty and not left by an earlier demo", "Name another with --out"
            )
        for part in _PARTS:
            shutil.rmtree(out / part, ignore_errors=True)
        for name in ("index.html", _STORE, f"{_STORE}-wal", f"{_STORE}-shm"):
            (out / name).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    mark = {"world": _WORLD, "scale": scale, "seed": seed, "by": "stillwatch demo"}
    (out / _MARK).write_text(jsonlib.dumps(mark) + "\n")
    log, lake, findings = (out / part for part in _PARTS)
    return log, lake, findings
