"""`stillwatch lab uplift`: what countermeasures are worth, by the students trained under them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, examples

if TYPE_CHECKING:
    from stillwatch.lab.uplift.figures import Comparison
    from stillwatch.lab.uplift.report import Report
    from stillwatch.lab.uplift.setting import Setting
    from stillwatch.lab.uplift.yields import Haul

EXAMPLES = examples(
    ("all countermeasures and operators, both tasks", "stillwatch lab uplift OUT"),
    (
        "two countermeasures against the strongest operator",
        "stillwatch lab uplift OUT --task chains --measures withheld,summary --operators adaptive",
    ),
    (
        "skill by the number of answers that get through",
        "stillwatch lab uplift OUT --measures full,withheld --answers 100,250,1000",
    ),
    (
        "what the operator of `stillwatch arena --json > arena.json` got, as skill",
        "stillwatch lab uplift OUT --arena arena.json",
    ),
    (
        "the full sweep, for a record",
        "stillwatch lab uplift OUT --setting full --seeds 1,2,3",
    ),
)

_MOST_WORKERS = 16


def uplift(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder of results; the same command goes on.")
    ],
    *,
    task: Annotated[
        str, typer.Option(help="chains (reasoning), calls (of tools), or both with a comma.")
    ] = "chains,calls",
    seeds: Annotated[str, typer.Option(help="Seeds, with commas between them.")] = "1",
    setting: Annotated[
        str, typer.Option(help="small (minutes on two cores), full (a record), tiny (a trial).")
    ] = "small",
    measures: Annotated[
        str | None,
        typer.Option(
            help="full, withheld, summary, reversed, logprobs, corrupted-STEPS, temperature-T, "
            "antidistillation-STRENGTH, experts-SHARE; NAME@N for N answers; with commas."
        ),
    ] = None,
    operators: Annotated[
        str, typer.Option(help="Some of passive, cleaning, adaptive, with commas.")
    ] = "passive,cleaning,adaptive",
    answers: Annotated[
        str | None,
        typer.Option(help="Each measure at so many answers instead, with commas: 100,1000."),
    ] = None,
    arena: Annotated[
        Path | None,
        typer.Option(
            help="A report of `stillwatch arena --json`: its operator's yield as skill, "
            "in full or under each of the measures."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes of one thread; the cores without.")
    ] = None,
    json: Json = False,
) -> None:
    """Train students under each countermeasure, and say what is left of what full answers teach.

    Writes uplift.json, uplift.md and uplift.svg into OUT, beside each result as soon as it is
    there. What is compared are toys that train in seconds; see docs/lab.md for what they don't say.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as fault:
        from stillwatch.errors import ExtraMissing

        raise ExtraMissing(
            "stillwatch lab",
            f"needs torch and transformers ({fault})",
            "Install stillwatch[lab]",
        ) from None
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from stillwatch.cli.bars import watching
    from stillwatch.cli.printing import emit
    from stillwatch.lab.uplift.report import gathered
    from stillwatch.lab.uplift.setting import setting_named
    from stillwatch.lab.uplift.sweep import Plan, sweep
    from stillwatch.lab.uplift.writing import written

    chosen = setting_named(setting)
    tasks, found = _words(task), _hauls(arena, chosen, measures)
    if arena is not None:
        wanted = {name: _of_hauls(found, name) for name in tasks}
        wanted = {name: some for name, some in wanted.items() if len(some) > 1}
    else:
        wanted = {name: _measures(name, measures, answers) for name in tasks}
    plan = Plan(chosen, wanted, _words(operators), _numbers("--seeds", seeds))
    with watching(json) as watch:
        sweep(plan, out, workers or min(os.cpu_count() or 1, _MOST_WORKERS), watch)
    report = gathered(plan, out)
    document = written(report, found, out)
    if json:
        emit(document)
        return
    _tell(report, document, out)


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _numbers(option: str, text: str) -> tuple[int, ...]:
    words = _words(text)
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 9 for word in words):
        raise typer.BadParameter(f"{text!r} are no whole numbers; write 1,2,3", param_hint=option)
    return tuple(dict.fromkeys(map(int, words)))


def _measures(task: str, asked: str | None, answers: str | None) -> tuple[str, ...]:
    from stillwatch.lab.uplift.setting import CALLS_MEASURES, MEASURES

    default = CALLS_MEASURES if task == "calls" else MEASURES
    named = default if asked is None else _words(asked)
    if answers is not None:
        counts = _numbers("--answers", answers)
        named = ("full", "withheld") if asked is None else named
        bare = dict.fromkeys(name.partition("@")[0] for name in named)
        named = tuple(f"{name}@{count}" for count in counts for name in bare)
    return tuple(dict.fromkeys(("full", *named)))


def _hauls(arena: Path | None, setting: Setting, asked: str | None) -> list[tuple[Haul, str]]:
    if arena is None:
        return []
    from stillwatch.lab.uplift.yields import hauls

    under = ("full",) if asked is None else _words(asked)
    return [(haul, measure) for haul in hauls(arena, setting.served) for measure in under]


def _of_hauls(found: list[tuple[Haul, str]], task: str) -> tuple[str, ...]:
    named = [haul.served(measure) for haul, measure in found if haul.task == task]
    return tuple(dict.fromkeys(("full", *filter(None, named))))


def _tell(report: Report, document: dict, out: Path) -> None:
    from stillwatch.cli.printing import people, safe
    from stillwatch.lab.uplift.page import CAVEAT

    console = people()
    for comparison in report.comparisons:
        _tell_task(comparison)
    for line in document.get("arena", []):
        console.print(safe(f"  {line['says']}"), soft_wrap=True)
    console.print()
    console.print(safe(CAVEAT, "dim", 1000))
    for name in ("uplift.md", "uplift.json", "uplift.svg"):
        console.print(safe(out / name), soft_wrap=True)


def _tell_task(told: Comparison) -> None:
    from rich.table import Table

    from stillwatch.cli.printing import people, safe
    from stillwatch.lab.uplift.verdict import overall

    console = people()
    console.print()
    console.print(
        safe(
            f"{told.task}: teacher {told.teacher:.1%}; student with its own examples "
            f"{told.own.share:.1%}, of everything undefended {told.full.share:.1%}"
        )
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("measure", no_wrap=True)
    for name in (*(kept.operator for kept in told.rows[0].kept), "kept", "95%", "true", "right"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in told.rows:
        share, valid = row.worst.retained, row.honest.valid
        table.add_row(
            row.measure,
            *(f"{kept.skill.share:.3f}" for kept in row.kept),
            "-" if share is None else f"{share.share:.0%}",
            "-" if share is None else f"{share.low:.0%}..{share.high:.0%}",
            "withheld" if valid is None else f"{valid:.1%}",
            f"{row.honest.right:.1%}",
        )
    console.print(table)
    console.print(safe(overall(told), limit=2000), soft_wrap=True)
