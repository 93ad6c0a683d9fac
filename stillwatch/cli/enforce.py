"""`stillwatch enforce`: what is done to the accounts of confirmed cases, by two people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, StoreAddress, examples
from stillwatch.ladder import Action

if TYPE_CHECKING:
    from rich.text import Text

    from stillwatch.cases.enforcement import Enforcement

app = typer.Typer(
    no_args_is_help=True,
    help="Act on the accounts of confirmed cases; above ten of them a second person approves.",
)

Number = Annotated[int, typer.Argument(metavar="ENFORCEMENT", help="The enforcement's number.")]
SeenVersion = Annotated[int, typer.Option("--seen", help="The version that you saw.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]


PROPOSE_EXAMPLES = examples(
    (
        "slow all of them down for a month",
        'stillwatch enforce propose 3 throttle --all --seen 4 --days 30 --reason "confirmed"',
    ),
    (
        "two of them harvest on",
        "stillwatch enforce propose 3 deny --account acc-1 --account acc-2 --seen 4 "
        '--reason "still at it"',
    ),
)
APPROVE_EXAMPLES = examples(
    (
        "after a look with `show`",
        'stillwatch enforce approve 1 --seen 1 --reason "looked at twenty of them"',
    )
)
DECLINE_EXAMPLES = examples(
    ("a class is among them", 'stillwatch enforce decline 1 --seen 1 --reason "split them off"')
)
WITHDRAW_EXAMPLES = examples(
    ("your own, too soon", 'stillwatch enforce withdraw 1 --seen 1 --reason "too soon"')
)
LIFT_EXAMPLES = examples(("enough", 'stillwatch enforce lift 1 --seen 2 --reason "they stopped"'))
LIST_EXAMPLES = examples(("what waits for a second person", "stillwatch enforce list --waiting"))
SHOW_EXAMPLES = examples(("whom it is about, and who did what", "stillwatch enforce show 1"))
DECISIONS_EXAMPLES = examples(("for a gateway", "stillwatch enforce decisions --json"))


@app.command("propose", epilog=PROPOSE_EXAMPLES)
def propose_(
    case: Annotated[int, typer.Argument(metavar="CASE", help="The confirmed case.")],
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION", help="observe, throttle, step_up, withhold, deny or suspend."
        ),
    ],
    seen: Annotated[int, typer.Option("--seen", help="The case's version that you saw.")],
    reason: Why,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lasts.")] = 30,
    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="This account; several times.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="All accounts that the decision covers.")
    ] = False,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Propose what is to be done to accounts that a decision covers: --account, or --all."""
    from stillwatch.cases import Seen
    from stillwatch.cases.access import Role
    from stillwatch.cases.enforcement import propose

    if action not in set(Action):
        raise typer.BadParameter(f"{action!r} is none of {', '.join(Action)}")
    if bool(accounts) == everybody:
        raise typer.BadParameter("name accounts by --account, or say --all")
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    with opened(store) as cases:
        by = acting_as(cases, actor, Role.ANALYST)
        made = propose(cases, Seen(case, seen), Action(action), by, reason, accounts, until)
    _tell(made, json)


@app.command("approve", epilog=APPROVE_EXAMPLES)
def approve_(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Be the second person: it is in force from now on."""
    from stillwatch.cases.enforcement import approve

    _act(approve, enforcement, seen, reason, store, actor, json)


@app.command("decline", epilog=DECLINE_EXAMPLES)
def decline_(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Say no to what was proposed."""
    from stillwatch.cases.enforcement import decline

    _act(decline, enforcement, seen, reason, store, actor, json)


@app.command("withdraw", epilog=WITHDRAW_EXAMPLES)
def withdraw_(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take your own proposal back."""
    from stillwatch.cases.enforcement import withdraw

    _act(withdraw, enforcement, seen, reason, store, actor, json)


@app.command("lift", epilog=LIFT_EXAMPLES)
def lift_(
    enforcement: Number,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """End what is in force."""
    from stillwatch.cases.enforcement import lift

    _act(lift, enforcement, seen, reason, store, actor, json)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    store: StoreAddress = "cases.db",
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only those that wait for an approval.")
    ] = False,
    json: Json = False,
) -> None:
    """All of them, the latest first."""
    from stillwatch.cases.enforcement import Standing, list_enforcements
    from stillwatch.cli.printing import emit, people

    with opened(store) as cases:
        found = list_enforcements(cases)
    if waiting:
        found = [e for e in found if e.state in {Standing.PROPOSED, Standing.SUSPENDED}]
    if json:
        emit({"enforcements": [asdict(e) for e in found]})
        return
    for enforcement in found:
        people().print(_line(enforcement), soft_wrap=True)


@app.command("show", epilog=SHOW_EXAMPLES)
def show(enforcement: Number, store: StoreAddress = "cases.db", json: Json = False) -> None:
    """One of them: whom it is about, why, and everything that was done to it."""
    from stillwatch.cases.enforcement import (
        enforced_accounts,
        enforcement_history,
        list_enforcements,
    )
    from stillwatch.cli.printing import emit, people, safe

    with opened(store) as cases:
        accounts = enforced_accounts(cases, enforcement)
        past = enforcement_history(cases, enforcement)
        (found,) = (e for e in list_enforcements(cases) if e.enforcement_id == enforcement)
    if json:
        acts = [entry._asdict() for entry in past]
        emit({"enforcement": asdict(found), "accounts": accounts, "history": acts})
        return
    people().print(_line(found), soft_wrap=True)
    for entry in past:
        why = entry.detail.get("reason") or f"because of {entry.detail.get('because')}"
        line = (
            f"{entry.detail['version']:>4}  {entry.at[:19]}Z  {entry.act:<9} {entry.actor}: {why}"
        )
        people().print(safe(line, limit=2000), soft_wrap=True)
    for account in accounts:
        people().print(safe(account, limit=200), soft_wrap=True)


@app.command("decisions", epilog=DECISIONS_EXAMPLES)
def decisions_(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """What is in force now, an account a line."""
    from stillwatch.cases.enforcement import decisions
    from stillwatch.cli.printing import emit, people, safe

    with opened(store) as cases:
        found = decisions(cases)
    if json:
        emit({"decisions": [decision._asdict() for decision in found]})
        return
    for decision in found:
        line = f"{decision.action} until {decision.until[:10]}: "
        people().print(safe(line).append(safe(decision.account_id)), soft_wrap=True)


def _act(
    change: Callable[..., Enforcement],
    number: int,
    seen: int,
    reason: str,
    store: str,
    actor: str | None,
    json: bool,
) -> None:
    from stillwatch.cases.access import Role

    with opened(store) as cases:
        made = change(cases, number, seen, acting_as(cases, actor, Role.ANALYST), reason)
    _tell(made, json)


def _tell(made: Enforcement, json: bool) -> None:
    from stillwatch.cli.printing import emit, people

    if json:
        emit({"enforcement": asdict(made)})
    else:
        people().print(_line(made), soft_wrap=True)


def _line(of: Enforcement) -> Text:
    from stillwatch.cli.printing import safe

    words = (
        f"enforcement {of.enforcement_id}: {of.state.replace('_', ' ')}, version {of.version}; "
        f"{of.action.replace('_', ' ')}, {of.accounts:,} accounts with {of.exchanges:,} exchanges "
        f"of case {of.case_id}, until {of.until[:10]}; proposed by {of.proposed_by}"
    )
    approved = f", approved by {of.approved_by}" if of.approved_by else ""
    return safe(words + approved, limit=900)
