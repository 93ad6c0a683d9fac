"""`stillwatch arena`: an operator that adapts plays against the defence, in simulated traffic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, examples

if TYPE_CHECKING:
    from rich.console import Console

    from stillwatch.arena.report import Duel, Report

EXAMPLES = examples(
    ("the adaptive operator on three seeds", "stillwatch arena --seeds 1,2,3"),
    (
        "your policy against one that only replaces and slows down",
        "stillwatch arena --operator default --policy policy.toml",
    ),
    ("what it takes when nobody is at the gate", "stillwatch arena --no-defence"),
    ("one that can't but reword", "stillwatch arena --moves paraphrase,replace"),
)


def arena(
    *,
    seeds: Annotated[
        str, typer.Option(help="Seeds of the worlds to play in, with commas between them.")
    ] = "1",
    operator: Annotated[
        str, typer.Option(help="default (replaces accounts and slows down) or adaptive.")
    ] = "adaptive",
    moves: Annotated[
        str | None,
        typer.Option(
            help="Other moves for it: all, none, or some of replace, slow, paraphrase, camouflage, "
            "relocate, spread, probe, with commas between them."
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy file to play with; the built-in one without.")
    ] = None,
    scale: Annotated[
        float,
        typer.Option(
            min=0.0005, max=0.1, help="Size of the honest part: 0.005 is about 87,000 exchanges."
        ),
    ] = 0.005,
    days: Annotated[
        int,
        typer.Option(
            min=6, max=90, help="Days in all; the operator begins after four of honest traffic."
        ),
    ] = 28,
    learns: Annotated[
        int, typer.Option(help="Times a day that the defence judges and publishes: 1, 2 or 4.")
    ] = 4,
    no_defence: Annotated[
        bool, typer.Option("--no-defence", help="Only see what it takes undefended.")
    ] = False,
    json: Json = False,
) -> None:
    """Play a simulated operator against detection, policy and gate, some hours at a time.

    The operator has a goal, a purse and moves, and sees no more than a client does. What it got is
    set beside what it gets undefended, and beside what the defence cost honest customers.
    """
    from stillwatch.arena.matches import match
    from stillwatch.arena.moves import operator_named
    from stillwatch.arena.play import Setting
    from stillwatch.cli.bars import watching
    from stillwatch.cli.printing import emit

    strategy = operator_named(operator, moves)
    chosen = _seeds(seeds)
    defend = None
    if not no_defence:
        from stillwatch.arena.published import defended_by

        defend = defended_by(policy)
    with watching(json) as watch:
        setting = Setting(scale=scale, days=days, learns=learns)
        report = match(setting, strategy, chosen, defend, watch)
    if json:
        emit(report.to_dict())
        return
    _tell(report)


def _seeds(text: str) -> list[int]:
    words = text.replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise typer.BadParameter(f"{text!r} are no seeds; write 1,2,3", param_hint="--seeds")
    return list(dict.fromkeys(map(int, words)))


def _tell(report: Report) -> None:
    from stillwatch.cli.printing import people, safe

    console, strategy = people(), report.strategy
    wanted = f"{strategy.answers:,} answers for at most ${strategy.dollars:,.0f}"
    console.print(safe(f"Operator {strategy.name}: {strategy.says}; wants {wanted}"))
    for duel in report.duels:
        _tell_duel(console, duel)
    told = report.to_dict()
    if told["cut_mean"] is None:
        return
    console.print(
        f"Over {len(report.duels)} seeds: yield cut by {told['cut_mean']:.1%} on average, "
        f"{told['cut_least']:.1%} at least"
    )
    console.print(
        f"  of {told['honest_requests']:,} honest requests {told['honest_requests_slowed']:,} "
        f"slowed; honest accounts denied: {told['honest_accounts_denied']:,}"
    )


def _tell_duel(console: Console, duel: Duel) -> None:
    from stillwatch.cli.printing import safe

    console.print(f"\nSeed {duel.setting.seed}")
    header = f"  {'':<12}{'answers':>9}{'of goal':>9}{'spent':>9}{'an answer':>11}"
    console.print(f"{header}{'accounts':>10}{'burnt':>7}")
    for name, outcome in (("undefended", duel.undefended), ("defended", duel.defended)):
        if outcome is None:
            continue
        told = outcome.to_dict()
        each = told["dollars_an_answer"]
        price = "-" if each is None else f"${each:,.3f}"
        console.print(
            f"  {name:<12}{told['answers']:>9,}{told['share_of_goal']:>9.1%}"
            f"{'$' + format(told['dollars'], ',.0f'):>9}{price:>11}"
            f"{told['accounts']:>10,}{told['accounts_burnt']:>7,}"
        )
    defended = duel.defended or duel.undefended
    items = ", ".join(f"{item} ${amount:,.0f}" for item, amount in defended.spent.items())
    console.print(safe(f"  spent on: {items}"))
    daily = " ".join(str(day.answered) for day in defended.days)
    console.print(safe(f"  answers by day: {daily}"), soft_wrap=True)
    if duel.defended is None:
        return
    after = duel.contained_after_days
    held = "never" if after is None else f"after {after} days, on {duel.contained_on}"
    console.print(f"  cut by {duel.cut or 0:.1%}; contained {held}")
    for role, friction in duel.defended.friction.items():
        told = friction.to_dict()
        what = ", ".join(
            f"{told[name]:,} {name.replace('_', ' ')}"
            for name in ("slowed", "stepped_up", "withheld", "refused", "given_up")
        )
        console.print(
            safe(
                f"  {role:<11}{told['requests']:>8,} requests of {told['accounts']:,} accounts: "
                f"{what}; {told['denied']:,} accounts denied"
            ),
            soft_wrap=True,
        )
