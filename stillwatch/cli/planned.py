"""Policies, plans and simulations on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stillwatch.cli.printing import safe
from stillwatch.console.wording import count, one_in

if TYPE_CHECKING:
    from stillwatch.policy import Policy
    from stillwatch.policy.simulation import Simulation
    from stillwatch.proposing import Proposed


def print_policy(console: Console, policy: Policy) -> None:
    """A policy as it is understood."""
    from stillwatch.policy.words import notes_on, rule_words

    live = "live" if policy.live else "a dry run: all is decided, nothing is done"
    head = f"{policy.name}, version {policy.version} ({policy.digest}), {live}"
    console.print(safe(head, "bold"), soft_wrap=True)
    for number, rule in enumerate(policy.rules, 1):
        console.print(safe(f"{number}. {rule.name}: {rule_words(rule)}", limit=1000))
        console.print(safe(f"   because it {rule.reason}", limit=600))
    budget, breaker, allow = policy.budget, policy.breaker, policy.allow
    for line in (
        f"Rules act on {budget.accounts_a_day:,} new accounts a day at most, and on "
        f"{budget.share_of_accounts:.1%} of active ones, {budget.share_of_org:.0%} of an "
        f"organisation of {budget.org_accounts:,} or more; at most "
        f"{budget.honest_exchanges_a_day:,.0f} honest exchanges a day may be hit.",
        f"Nothing new is done where rules would act on {breaker.share_of_org:.0%} of an "
        f"organisation of {breaker.org_accounts:,} or more, on {breaker.share_of_accounts:.1%} of "
        f"active accounts, or on {breaker.jump:g} times as many as before and more than "
        f"{breaker.jump_accounts:,}; nothing at all where {breaker.refused_share:.1%} of "
        f"{breaker.least_requests:,} requests or more in {breaker.window_s:,} s are refused.",
        f"Never acted on: {count(len(allow.accounts), 'account')}, "
        f"{count(len(allow.orgs), 'organisation')}, {count(len(allow.programs), 'program')}.",
        f"Slowed down is {policy.throttle.burst:,} requests at once, then one in "
        f"{policy.throttle.every_s:g} s.",
    ):
        console.print(safe(line, limit=1000))
    known = policy.recognition
    if known.action is None:
        console.print("Nothing is done to new accounts that carry known work.")
    else:
        console.print(
            safe(
                f"New accounts that carry known work: {known.action.replace('_', ' ')} for "
                f"{known.for_hours:g} hours, after {known.least_requests:,} requests; by chance "
                f"that happens to {one_in(known.rate_after(0))} honest ones"
                + (", to fewer where more are known." if known.false_rate is None else ".")
            )
        )
    for note in notes_on(policy):
        console.print(safe(f"But {note}.", "yellow", limit=1000))


def print_plan(console: Console, record: Mapping[str, Any]) -> None:
    """`record` as `Plan.record` gives it; what tripped comes first."""
    from stillwatch.policy.words import STANDINGS

    for trip in record["trips"]:
        console.print(Text("STOPPED: nothing new is in force.", "bold red"))
        console.print(safe(f"{trip['says']}.", "red", limit=1000))
        console.print(safe(f"{trip['todo']}.", limit=1000))
    policy = record["policy"]
    live = "live" if policy["live"] else "dry run"
    head = f"{policy['name']}, version {policy['version']} ({policy['digest']}), {live}"
    console.print(safe(head, "bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("Stands", "Action", "Rule", "Accounts"):
        table.add_column(name, justify="right" if name == "Accounts" else "left")
    for row in record["counts"]:
        table.add_row(
            STANDINGS[row["standing"]],
            row["action"].replace("_", " "),
            safe(row["rule"], limit=80),
            count(row["accounts"]),
        )
    console.print(table if record["counts"] else "Nothing is decided on anybody.")
    for name, budget in record["budgets"].items():
        share = name.startswith("share")
        used, allowed = (
            f"{value:.1%}" if share else f"{value:,.0f}"
            for value in (budget["used"], budget["allowed"])
        )
        console.print(safe(f"{name}: {used} of {allowed}"))


def print_proposed(console: Console, proposed: Proposed) -> None:
    """What people are asked for, and what not, with why."""
    for each in proposed.made:
        line = f"{each}: {each.action}, {count(each.accounts, 'account')} of case {each.case_id}"
        console.print(safe(f"Proposed {line}, {each.state.replace('_', ' ')}"), soft_wrap=True)
    for many, why in proposed.left:
        console.print(safe(f"Not proposed for {count(many, 'account')}: {why}"), soft_wrap=True)


def print_simulation(console: Console, done: Simulation) -> None:
    """Day by day, by campaign, and who was hit."""
    head = f"{done.policy['name']}, version {done.policy['version']} ({done.policy['digest']})"
    console.print(safe(f"{head}, as if it were live", "bold"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD)
    names = ["Until", "In force", "Held", "Exchanges", "Touched", "Honest, expected"]
    names += ["Honest"] if done.labelled else []
    for name in [*names, "Campaigns'", "Let through", ""]:
        left = name in ("Until", "")
        table.add_column(name, justify="left" if left else "right", no_wrap=left)
    for day in done.days:
        told = [
            day.until.date().isoformat(),
            count(day.standings.get("in_force", 0)),
            count(day.standings.get("held", 0)),
            count(day.exchanges),
            count(day.touched),
            f"{day.honest_expected:,.1f}",
            *([count(day.honest or 0)] if done.labelled else []),
            count(day.attributed),
            count(day.let_through),
        ]
        table.add_row(*told, Text("stopped", "bold red") if day.trips else "")
    console.print(table)
    for trip in dict.fromkeys(trip for day in done.days for trip in day.trips[:1]):
        console.print(safe(f"Stopped: {trip}.", "red", limit=1000))
    for leak in done.leaks:
        share = leak.let_through / max(leak.exchanges, 1)
        console.print(
            safe(
                f"Campaign {leak.campaign}: {leak.let_through:,} of {leak.exchanges:,} exchanges "
                f"({share:.0%}) are let through, {leak.withheld:,} of them with parts left out"
            )
        )
    for hit in done.hits:
        if hit.accounts:
            roles = ", ".join(f"{many:,} {role}" for role, many in hit.roles.items())
            honest = f", {hit.honest:,} of them honest" if hit.honest is not None else ""
            what = (
                f"At the hardest {hit.action.replace('_', ' ')}: {count(hit.accounts, 'account')}"
            )
            console.print(safe(what + honest + (f" ({roles})" if roles else "")))
    whose = "the log's labels" if done.labelled else "the last day's findings"
    console.print(safe(f"Campaigns' exchanges are those of {whose}."))
    for note in done.notes:
        console.print(safe(note, limit=1000))
