"""`stillwatch policy`: what rules do to accounts, checked, shown, planned, tried and taken back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Actor, FindingsFolder, Json, StoreAddress, examples, moment
from stillwatch.cli.publishing import PUBLISH_EXAMPLES, RESUME_EXAMPLES, Gate, publish_, resume
from stillwatch.errors import PolicyInvalid, UnknownName

if TYPE_CHECKING:
    import pyarrow as pa

    from stillwatch.policy import Policy

app = typer.Typer(
    no_args_is_help=True,
    help="Decide on accounts by a policy: a file of rules, with budgets for being wrong.",
)

CHECK_EXAMPLES = examples(("all that is wrong at once", "stillwatch policy check policy.toml"))
SHOW_EXAMPLES = examples(
    ("a policy in sentences", "stillwatch policy show policy.toml"),
    ("a file to begin with", "stillwatch policy show --default > policy.toml"),
)
PLAN_EXAMPLES = examples(
    ("whom it would be about", "stillwatch policy plan FINDINGS --policy policy.toml"),
    (
        "going on from what is published, with cases",
        "stillwatch policy plan FINDINGS --policy policy.toml --gate GATE --store cases.db",
    ),
    (
        "ask people for what needs their approval",
        "stillwatch policy plan FINDINGS --policy policy.toml --store cases.db --propose",
    ),
)
SIMULATE_EXAMPLES = examples(
    ("before it is live", "stillwatch policy simulate LAKE --policy policy.toml"),
    (
        "as if people confirmed what was found within two days",
        "stillwatch policy simulate LAKE --policy policy.toml --confirmed-after 2",
    ),
)
REVERSE_EXAMPLES = examples(
    (
        "an honest customer was slowed down",
        'stillwatch policy reverse k3v9w2x7q4m8n6p1 --gate GATE --reason "a class, we know them"',
    )
)
EXPLAIN_EXAMPLES = examples(
    ("by what a customer was told", "stillwatch policy explain k3v9w2x7q4m8n6p1 --gate GATE"),
    ("by the account", "stillwatch policy explain acc-5f09c1 --gate GATE"),
)

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="The policy's file; the default one, a dry run, without it."),
]
Cases = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="STILLWATCH_STORE",
        show_envvar=False,
        help="Where cases are kept; without it nothing is known of what people decided.",
    ),
]


@app.command("check", epilog=CHECK_EXAMPLES)
def check(
    policy: Annotated[Path, typer.Argument(metavar="POLICY", help="The policy's file.")],
    json: Json = False,
) -> None:
    """Check a policy: all that is wrong with it, and what is probably not meant."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.policy import read_policy
    from stillwatch.policy.words import notes_on

    try:
        read = read_policy(policy)
    except PolicyInvalid as invalid:
        if json:
            emit({"policy": str(policy), "faults": list(invalid.faults)})
        else:
            for fault in invalid.faults:
                people().print(safe(fault, limit=1000), soft_wrap=True)
        raise typer.Exit(invalid.exit_code) from None
    notes = notes_on(read)
    if json:
        told = {"name": read.name, "version": read.version, "digest": read.digest}
        emit({"policy": {**told, "live": read.live}, "faults": [], "notes": notes})
        return
    people().print(safe(f"{_named(read)}: nothing is wrong"), soft_wrap=True)
    for note in notes:
        people().print(safe(f"but {note}", limit=1000), soft_wrap=True)


@app.command("show", epilog=SHOW_EXAMPLES)
def show(
    policy: Annotated[
        Path | None, typer.Argument(metavar="POLICY", help="The policy's file.")
    ] = None,
    default: Annotated[
        bool, typer.Option("--default", help="Print the file that comes with Stillwatch.")
    ] = False,
    json: Json = False,
) -> None:
    """Show a policy as it is understood, or the file of the default one."""
    from dataclasses import asdict

    from stillwatch.cli.planned import print_policy
    from stillwatch.cli.printing import emit, people
    from stillwatch.policy import default_policy, default_text, read_policy

    if default and policy is not None:
        raise typer.BadParameter("name a file, or say --default")
    if default and not json:
        typer.echo(default_text(), nl=False)
        return
    read = default_policy() if policy is None else read_policy(policy)
    if json:
        emit({**asdict(read), "digest": read.digest})
    else:
        print_policy(people(), read)


@app.command("plan", epilog=PLAN_EXAMPLES)
def plan_(
    findings: FindingsFolder,
    policy: PolicyFile = None,
    lake: Annotated[
        Path | None,
        typer.Option(help="The lake, for programs and organisations of accounts."),
    ] = None,
    gate: Annotated[
        Path | None,
        typer.Option("--gate", help="The folder of the gateway, to go on from what it has."),
    ] = None,
    store: Cases = None,
    at: Annotated[
        dt.datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Plan as of then; now by default."),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option("--propose", help="Propose what waits for approval, one a case and rule."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the decisions to this Parquet file.")
    ] = None,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Say what a policy would decide now, and what would stop it. Nothing is published."""
    import pyarrow.parquet as pq

    from stillwatch.cases.access import Role
    from stillwatch.cli.acting import acting_as, opened
    from stillwatch.cli.planned import print_plan, print_proposed
    from stillwatch.cli.printing import emit, people
    from stillwatch.findings import read_findings
    from stillwatch.planning import plan_for
    from stillwatch.policy import default_policy, read_policy
    from stillwatch.proposing import propose_waiting

    if propose and at is not None:
        raise typer.BadParameter("--propose is of now; leave --at out")
    if propose and store is None:
        raise typer.BadParameter("--propose needs --store, where proposals are kept")
    read = default_policy() if policy is None else read_policy(policy)
    found = read_findings(findings, leave=("exchanges", "evidence", "links", "frames", "objects"))
    registered = None if lake is None else _registered(lake)
    proposed = None
    if store is None:
        made = plan_for(gate, found, read, registered=registered, now=at)
    else:
        with opened(store) as cases:
            made = plan_for(gate, found, read, registered=registered, store=cases, now=at)
            if propose:
                proposed = propose_waiting(cases, made, acting_as(cases, actor, Role.ANALYST))
    if out is not None:
        pq.write_table(made.decisions, out)
    if json:
        asked = {} if proposed is None else {"proposed": proposed.to_dict()}
        emit({**made.record(), **asked})
        return
    print_plan(people(), made.record())
    _tell_age(found.accounts, made.at)
    if proposed is not None:
        print_proposed(people(), proposed)


@app.command("simulate", epilog=SIMULATE_EXAMPLES)
def simulate_(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A log, or a lake.")],
    policy: PolicyFile = None,
    every_days: Annotated[
        int, typer.Option(min=1, max=366, help="Detect and plan every so many days.")
    ] = 1,
    confirmed_after: Annotated[
        int | None,
        typer.Option(
            min=0, max=366, help="Suppose that people confirm each campaign after so many days."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Try a policy on a log, day by day, as if it were live: whom it would have hit, and stopped.

    Every span is detected as the log grows, so this takes as long as so many runs of **detect**.
    """
    from stillwatch.cli.bars import watching
    from stillwatch.cli.planned import print_simulation
    from stillwatch.cli.printing import emit, people
    from stillwatch.policy import default_policy, read_policy
    from stillwatch.replaying import simulate

    read = default_policy() if policy is None else read_policy(policy)
    with watching(json) as progress:
        done = simulate(
            log,
            read,
            every_days=every_days,
            confirmed_after=confirmed_after,
            threads=threads,
            progress=progress,
        )
    if json:
        emit(done.to_dict())
    else:
        print_simulation(people(), done)


@app.command("reverse", epilog=REVERSE_EXAMPLES)
def reverse_(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="The decision's id.")],
    gate: Gate,
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")],
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="How long rules leave the account alone.")
    ] = 90,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take back what a rule decided on an account; it is in force from the next publishing on."""
    from dataclasses import asdict

    from stillwatch.cases.access import Role
    from stillwatch.cases.reversals import reverse
    from stillwatch.cli.acting import acting_as, opened
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.ladder import Action

    row = _decision(gate, decision)
    if row["rule"].startswith("enforcement ") and "campaign_confidence" not in row["detail"]:
        raise UnknownName(
            decision, f"was decided by people ({row['rule']})", "Lift it: `stillwatch enforce lift`"
        )
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    with opened(store) as cases:
        made = reverse(
            cases,
            row["decision_id"],
            row["account_id"],
            Action(row["action"]),
            row["rule"],
            row["campaign_id"],
            acting_as(cases, actor, Role.LEAD),
            reason,
            until,
        )
    if json:
        emit({"reversal": asdict(made)})
        return
    line = f"{made}: reversed until {made.until[:10]}; publish to let the account go now"
    people().print(safe(line), soft_wrap=True)


@app.command("explain", epilog=EXPLAIN_EXAMPLES)
def explain_(
    who: Annotated[
        str, typer.Argument(metavar="DECISION|ACCOUNT", help="A decision's id, or an account's.")
    ],
    gate: Gate,
    json: Json = False,
) -> None:
    """Say why a decision stands as it does, and what would change it."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.planning import kept_record
    from stillwatch.policy.words import explained

    row = _decision(gate, who)
    why, change = explained(row, kept_record(gate), dt.datetime.now(dt.UTC))
    if json:
        emit({"decision": row, "why": why, "change": change})
        return
    console = people()
    head = f"{row['decision_id']}: {row['action'].replace('_', ' ')}, {row['standing']}, account "
    console.print(safe(head).append(safe(row["account_id"])), soft_wrap=True)
    for line in why:
        console.print(safe(line, limit=1000), soft_wrap=True)
    console.print("What would change it:")
    for line in change:
        console.print(safe(f"- {line}", limit=1000), soft_wrap=True)


app.command("publish", epilog=PUBLISH_EXAMPLES)(publish_)
app.command("resume", epilog=RESUME_EXAMPLES)(resume)


def _named(read: Policy) -> str:
    live = "live" if read.live else "a dry run"
    return f"{read.name}, version {read.version} ({read.digest}), {live}"


def _tell_age(accounts: pa.Table, at: dt.datetime) -> None:
    """Say where findings are old, since whoever was last seen long ago isn't decided on."""
    import pyarrow.compute as pc

    from stillwatch.cli.printing import people, safe

    last = pc.max(accounts["last_ts"]).as_py()  # pyright: ignore[reportAttributeAccessIssue]
    if last is not None and at - last > dt.timedelta(days=2):
        line = f"The findings end at {last:%Y-%m-%d %H:%M} UTC: rules let go of whom they saw last "
        people().print(safe(f"{line}long before. --at plans as of another time."), soft_wrap=True)


def _registered(lake: Path) -> pa.Table:
    from stillwatch.lake import Lake, is_lake

    if not is_lake(lake):
        raise UnknownName(
            lake, "is no lake", "Name the folder that `stillwatch ingest --lake` made"
        )
    return Lake.open(lake).accounts()


def _decision(gate: Path, who: str) -> dict[str, Any]:
    """The decision of that id, or on that account; raises `UnknownName`."""
    from stillwatch.gateway.folder import Folder
    from stillwatch.planning import find_decision

    found = find_decision(Folder(gate), who)
    if found is None:
        raise UnknownName(
            gate, f"nothing is decided on {who[:100]!r}", "Name a decision's id, or an account's"
        )
    return found
