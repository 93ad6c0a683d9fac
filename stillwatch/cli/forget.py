"""`stillwatch forget`: an account leaves the lake, findings, cases and the gateway, with proof."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Actor, AnyCases, Doing, Json, Pseudonyms, examples

EXAMPLES = examples(
    (
        "where an account is",
        "stillwatch forget acct_8812 --lake LAKE --findings FINDINGS --store cases.db",
    ),
    (
        "and out of all of it",
        "stillwatch forget acct_8812 --lake LAKE --findings FINDINGS --store cases.db --gate GATE "
        '--yes --reason "erasure request 2026-114"',
    ),
)


def forget(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Its id, or its name in a lake of names.")
    ],
    lake: Annotated[Path, typer.Option(help="The lake.")],
    findings: Annotated[
        list[Path] | None, typer.Option(help="Findings of this lake; may be given again.")
    ] = None,
    store: AnyCases = None,
    gate: Annotated[Path | None, typer.Option(help="The folder of the gateway.")] = None,
    yes: Doing = False,
    reason: Annotated[str, typer.Option(help="Why, for the proof.")] = "erasure was asked for",
    actor: Actor = None,
    pseudonyms: Pseudonyms = None,
    json: Json = False,
) -> None:
    """Forget an account: exchanges, registration, vault, findings, cases' texts, decisions.

    Without --yes it only lists where it is. What is in force for it ends; publish again, so that
    the gateway's table loses it too. The same account in logs that come later is read again.
    """
    from stillwatch.cases.access import Role
    from stillwatch.cli.acting import acting_as, opened
    from stillwatch.cli.cases import acting
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.cli.retain import print_removal, removal_told
    from stillwatch.custody.forgetting import KEPT, Places, look_for
    from stillwatch.custody.forgetting import forget as do_forget
    from stillwatch.privacy import read_keys

    keys = None if pseudonyms is None else read_keys(pseudonyms)
    with ExitStack() as stack:
        cases = None if store is None else stack.enter_context(opened(store))
        who = acting(actor) if cases is None else acting_as(cases, actor, Role.LEAD).name
        places = Places(findings or [], cases, gate)
        found = (
            do_forget(lake, account, who, reason, places, keys)
            if yes
            else look_for(lake, account, places, keys)
        )
    if json:
        elsewhere = {"findings": found.findings, "cases": found.cases, "gate": found.gate}
        head = {"lake": lake, "done": yes, "head": found.head, "kept": KEPT}
        emit({**head, **removal_told(found.removed), **elsewhere})
        return
    console = people()
    console.print("Forgotten" if yes else "Would be forgotten", style="bold")
    print_removal(found.removed)
    for place, counts in {**found.findings, "cases": found.cases, "gate": found.gate}.items():
        for name, count in counts.items():
            console.print(safe(f"  {place}, {name}: {count:,}"))
    console.print("What stays, and can't be led back to the account:")
    for line in KEPT:
        console.print(safe(f"  {line}", "dim"))
    if found.head:
        console.print(f"Head of the journal, to be kept elsewhere: {found.head}")
    elif not yes:
        console.print("Nothing was done; --yes does it.")
