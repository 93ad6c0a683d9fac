"""`stillwatch policy publish` and `resume`: what the gateway goes by from now on."""

from __future__ import annotations

import datetime as dt
import getpass
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import AnyCases, FindingsFolder, Json, PolicyFile, examples, moment

PUBLISH_EXAMPLES = examples(
    (
        "what was found, and how to know it again",
        "stillwatch policy publish FINDINGS --gate GATE --lake LAKE --policy policy.toml",
    ),
    (
        "with what people decided in cases",
        "stillwatch policy publish FINDINGS --gate GATE --lake LAKE --store cases.db",
    ),
)
RESUME_EXAMPLES = examples(
    (
        "the breaker opened, and it was looked into",
        'stillwatch policy resume --gate GATE --reason "a member hammered on; all as it should be"',
    )
)

Gate = Annotated[Path, typer.Option("--gate", help="The folder of the gateway.")]


def publish_(
    findings: FindingsFolder,
    gate: Gate,
    policy: PolicyFile = None,
    lake: Annotated[
        Path | None,
        typer.Option(
            help="The lake of the findings: from it the gate learns how to know live campaigns' "
            "work in new accounts, and programs and organisations of accounts."
        ),
    ] = None,
    store: AnyCases = None,
    at: Annotated[
        dt.datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Plan as of then; now by default."),
    ] = None,
    json: Json = False,
) -> None:
    """Plan, and publish what is decided: gates go by it from their next request on."""
    from contextlib import ExitStack

    from stillwatch.cli.acting import opened
    from stillwatch.cli.planned import print_plan
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.console.wording import one_in
    from stillwatch.enforcing import publish
    from stillwatch.findings import read_findings
    from stillwatch.policy import default_policy, read_policy

    read = default_policy() if policy is None else read_policy(policy)
    found = read_findings(findings, leave=("exchanges", "evidence", "links"))
    with ExitStack() as stack:
        cases = None if store is None else stack.enter_context(opened(store))
        now = at or dt.datetime.now(dt.UTC)
        made = publish(gate, found, read, now=now, lake=lake, store=cases)
    rate = read.recognition.rate_after(made.honest)
    told = {
        "table": made.version,
        "known_work": list(made.works),
        "honest_accounts": made.honest,
        "false_rate": rate,
    }
    if json:
        emit({**made.plan.record(), **told})
        return
    print_plan(people(), made.plan.record())
    line = f"Table {made.version} is published"
    if made.works:
        line += (
            f"; new accounts are asked for the work of {', '.join(made.works)}, which was learnt "
            f"against {made.honest:,} honest accounts; by chance {one_in(rate)} honest new ones "
            "is taken for them"
        )
    people().print(safe(f"{line}.", limit=1000), soft_wrap=True)


def resume(
    gate: Gate,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept beside the table.")],
    by: Annotated[
        str | None, typer.Option(help="Who says so; the system's name of you by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Close the gateway's circuit breaker: what is in force is carried out again."""
    from dataclasses import asdict

    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.gateway.breaker import close_breaker
    from stillwatch.gateway.folder import Folder

    before = close_breaker(Folder(gate).path, by or getpass.getuser(), reason)
    if json:
        emit({"was_open": before.open, **asdict(before)})
        return
    since = dt.datetime.fromtimestamp(before.opened_us / 1_000_000, dt.UTC)
    line = f"it had been open since {since:%Y-%m-%d %H:%M} UTC" if before.open else "it was closed"
    people().print(safe(f"The breaker is closed; {line}."), soft_wrap=True)
