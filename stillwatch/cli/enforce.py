"""`stillwatch enforce`: what is done to the accounts of confirmed cases, by two people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.cases import acting
from stillwatch.cli.options import Actor, Json, StoreAddress, examples

if TYPE_CHECKING:
    from stillwatch.cases import Store
    from stillwatch.cases.access import Person
    from stillwatch.cases.enforcement import Enforcement

app = typer.Typer(
    no_args_is_help=True,
    help="Act on the accounts of confirmed cases; above ten of them a second person approves.",
)

Number = Annotated[int, typer.Argument(metavar="ENFORCEMENT", help="The enforcement's number.")]
SeenVersion = Annotated[int, typer.Option("--seen", help="The version that you saw.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]


def _person(store: Store, name: str) -> Person:
    """Who acts: somebody of the store, or, where it knows nobody, whoever uses it."""
    from stillwatch.cases.access import Person, Role, find_person, list_people

    return find_person(store, name) if list_people(store) else Person(name, Role.LEAD)


def _tell(found: list[Enforcement], json: bool) -> None:
    from stillwatch.cli.printing import emit, people, safe

    if json:
        emit([asdict(e) for e in found])
        return
    for e in found:
        line = (
            f"{e.enforcement_id} (version {e.version}): {e.state.replace('_', ' ')}, "
            f"{e.action.replace('_', ' ')} {e.accounts:,} accounts of case {e.case_id} "
            f"until {e.until[:10]}, proposed by {e.proposed_by}"
        )
        line += f", approved by {e.approved_by}" if e.approved_by else ""
        people().print(safe(line, limit=700), soft_wrap=True)


@app.command(
    epilog=examples(
        (
            "slow all of them down for a month",
            'stillwatch enforce propose 3 throttle --seen 4 --days 30 --reason "confirmed"',
        )
    )
)
def propose(
    case: Annotated[int, typer.Argument(metavar="CASE", help="The confirmed case.")],
    action: Annotated[
        str, typer.Argument(help="observe, throttle, step_up, withhold, deny or suspend.")
    ],
    seen: Annotated[int, typer.Option("--seen", help="The case's version that you saw.")],
    reason: Why,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lasts.")] = 30,
    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="Only this account; several times.")
    ] = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Propose what is to be done to the accounts that a decision covers."""
    from stillwatch.cases import Seen, Store
    from stillwatch.cases.enforcement import Action, propose

    if action not in set(Action):
        raise typer.BadParameter(f"{action!r} is none of {', '.join(Action)}")
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    opened = Store.open(str(store))
    try:
        by = _person(opened, acting(actor))
        made = propose(opened, Seen(case, seen), Action(action), by, reason, accounts, until)
    finally:
        opened.close()
    _tell([made], json)


def _act(
    change: Callable[..., Enforcement],
    number: int,
    seen: int,
    reason: str,
    store: str,
    actor: str | None,
    json: bool,
) -> None:
    from stillwatch.cases import Store

    opened = Store.open(store)
    try:
        made = change(opened, number, seen, _person(opened, acting(actor)), reason)
    finally:
        opened.close()
    _tell([made], json)


@app.command(
    epilog=examples(
        ("the second one", 'stillwatch enforce approve 2 --seen 1 --reason "looked at it"')
    )
)
def approve(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Be the second person: it is in force from now on."""
    from stillwatch.cases.enforcement import approve

    _act(approve, enforcement, seen, reason, str(store), actor, json)


@app.command(
    epilog=examples(
        ("the second one", 'stillwatch enforce decline 2 --seen 1 --reason "looked at it"')
    )
)
def decline(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Say no to what was proposed."""
    from stillwatch.cases.enforcement import decline

    _act(decline, enforcement, seen, reason, str(store), actor, json)


@app.command(
    epilog=examples(
        ("the second one", 'stillwatch enforce withdraw 2 --seen 1 --reason "looked at it"')
    )
)
def withdraw(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take your own proposal back."""
    from stillwatch.cases.enforcement import withdraw

    _act(withdraw, enforcement, seen, reason, str(store), actor, json)


@app.command(
    epilog=examples(
        ("the second one", 'stillwatch enforce lift 2 --seen 1 --reason "looked at it"')
    )
)
def lift(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """End what is in force."""
    from stillwatch.cases.enforcement import lift

    _act(lift, enforcement, seen, reason, str(store), actor, json)


@app.command("list", epilog=examples(("all of them", "stillwatch enforce list")))
def list_(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """All of them, the latest first."""
    from stillwatch.cases import Store
    from stillwatch.cases.enforcement import list_enforcements

    opened = Store.open(str(store))
    try:
        found = list_enforcements(opened)
    finally:
        opened.close()
    _tell(found, json)


@app.command(epilog=examples(("for a gateway", "stillwatch enforce decisions --json")))
def decisions(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """What is in force now, an account a line."""
    from stillwatch.cases import Store
    from stillwatch.cases.enforcement import decisions
    from stillwatch.cli.printing import emit, people, safe

    opened = Store.open(str(store))
    try:
        found = decisions(opened)
    finally:
        opened.close()
    if json:
        emit([decision._asdict() for decision in found])
        return
    for decision in found:
        line = f"{decision.account_id}: {decision.action} until {decision.until[:10]}"
        people().print(safe(line, limit=400), soft_wrap=True)
