"""`stillwatch cases`: campaigns under review."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Actor, FindingsFolder, Json, StoreAddress, examples, moment

if TYPE_CHECKING:
    from stillwatch.cases import Case, Seen, Store

app = typer.Typer(no_args_is_help=True, help="Review campaigns: open, list, show and act on cases.")

OPEN_EXAMPLES = examples(
    ("a case for each campaign, in a file", "stillwatch cases open FINDINGS --store cases.db"),
    (
        "in a database of a team",
        "stillwatch cases open FINDINGS --store postgresql+psycopg://ana@db/cases",
    ),
)
LIST_EXAMPLES = examples(
    ("what is to be done", "stillwatch cases list"),
    ("what was confirmed, closed cases too", "stillwatch cases list --all --outcome confirmed"),
)
SHOW_EXAMPLES = examples(("a case and all that was done to it", "stillwatch cases show 3"))
ACT_EXAMPLES = examples(
    ("take it into review", 'stillwatch cases act 3 review --seen 1 --reason "my turn"'),
    ("decide", 'stillwatch cases act 3 confirm --seen 2 --reason "twins, no owner"'),
    ("think again", 'stillwatch cases act 3 undo --seen 3 --reason "wrong case"'),
    ("give it away", "stillwatch cases act 3 assign bela --seen 4"),
    (
        "case 7, seen at version 4, is the same one",
        'stillwatch cases act 3 merge 7@4 --seen 5 --reason "same works"',
    ),
    (
        "two accounts are another matter",
        'stillwatch cases act 3 split acc-1 acc-2 --seen 6 --reason "a class"',
    ),
)


class Act(StrEnum):
    """What can be done to a case."""

    ASSIGN = "assign"
    COMMENT = "comment"
    TAG = "tag"
    UNTAG = "untag"
    SNOOZE = "snooze"
    REVIEW = "review"
    CONFIRM = "confirm"
    REJECT = "reject"
    APPEAL = "appeal"
    CLOSE = "close"
    UNDO = "undo"
    MERGE = "merge"
    SPLIT = "split"


CaseNumber = Annotated[int, typer.Argument(metavar="CASE", help="The case's number.")]


@app.command("open", epilog=OPEN_EXAMPLES)
def open_(
    findings: FindingsFolder,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Open a case for each campaign of findings, or update the case that it has."""
    from stillwatch.cases import open_cases
    from stillwatch.cli.printing import emit, people
    from stillwatch.findings import read_findings

    found = read_findings(findings)
    done = open_cases(_store(store, create=True), found, acting(actor))
    if json:
        emit(dataclasses.asdict(done))
        return
    words = {
        "opened": done.opened,
        "updated": done.updated,
        "grown since they were decided": done.grown,
    }
    for what, numbers in words.items():
        if numbers:
            people().print(f"{what}: {', '.join(map(str, numbers))}")
    people().print(f"unchanged: {done.unchanged}")


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    store: StoreAddress = "cases.db",
    state: Annotated[str | None, typer.Option(help="Only cases in this state.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="Only cases with this outcome: confirmed or rejected.")
    ] = None,
    assignee: Annotated[str | None, typer.Option(help="Only cases assigned to this name.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only cases with this tag.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Closed cases and those that rest as well.")
    ] = False,
    json: Json = False,
) -> None:
    """List cases: those to work on, or with --all every one."""
    from rich.table import Table

    from stillwatch.cases import list_cases
    from stillwatch.cases.states import State
    from stillwatch.cases.times import now
    from stillwatch.cli.printing import emit, people, safe

    if state is not None and state not in set(State):
        raise typer.BadParameter(f"no state is called {state!r}; there are {', '.join(State)}")
    time, every = now(), list_cases(_store(store))
    asked = [
        case
        for case in every
        if state in (None, case.state)
        and outcome in (None, case.outcome)
        and assignee in (None, case.assignee)
        and (tag is None or tag in case.tags)
    ]
    closed = state == State.CLOSED
    kept = [
        case
        for case in asked
        if everything
        or ((closed or case.state != State.CLOSED) and (case.snoozed_until or "") <= time)
    ]
    if json:
        emit({"cases": [_document(case) for case in kept]})
        return
    table = Table("case", "state", "accounts", "exchanges", "last seen", "confidence", "with", "")
    for case in kept:
        table.add_row(
            f"{case.case_id}",
            f"{case.state}",
            f"{case.accounts:,}",
            f"{case.exchanges:,}",
            (case.last_ts or "")[:10],
            f"{case.confidence:.3f}",
            safe(case.assignee or "", limit=20),
            safe(_notes(case, time), limit=60),
        )
    people().print(table)
    if len(kept) < len(asked):
        people().print(f"{len(asked) - len(kept)} closed or at rest: add --all")


@app.command("show", epilog=SHOW_EXAMPLES)
def show(case: CaseNumber, store: StoreAddress = "cases.db", json: Json = False) -> None:
    """Show a case, and everything that was done to it."""
    from stillwatch.cases import case_accounts, get_case, history
    from stillwatch.cli.printing import emit, people, safe

    opened = _store(store)
    found, past = get_case(opened, case), list(history(opened, case))
    if json:
        acts = [entry._asdict() for entry in past]
        accounts = case_accounts(opened, case)
        emit({"case": _document(found), "accounts": accounts, "history": acts})
        return
    for name, value in _document(found).items():
        if value not in (None, [], ()):
            shown = ", ".join(value) if isinstance(value, tuple) else value
            people().print(safe(f"{name.replace('_', ' ')}: ").append(safe(shown, limit=2000)))
    people().print()
    for entry in past:
        detail = {key: value for key, value in entry.detail.items() if "digest" not in key}
        words = "; ".join(f"{key} {value}" for key, value in detail.items() if key != "version")
        head = f"{detail['version']:>4}  {entry.at[:19]}Z  {entry.act:<9} "
        line = safe(head, "bold").append(safe(f"{entry.actor}: ", limit=40))
        people().print(line.append(safe(words, limit=2000)))


@app.command("act", epilog=ACT_EXAMPLES)
def act(
    case: CaseNumber,
    what: Annotated[Act, typer.Argument(metavar="ACT", help=f"One of {', '.join(Act)}.")],
    seen: Annotated[
        int, typer.Option(help="The version of the case that you saw, as `show` says it.")
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VALUE",
            help="assign: a name, or none; comment: the text; tag, untag: the tag; snooze: a time; "
            "merge: CASE@VERSION, the other case as it was seen; split: the accounts.",
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(help="Why: needed by all acts but assign, comment, tag, untag and snooze."),
    ] = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Do something to a case; refused where somebody else did something since you looked."""
    from stillwatch.cases import Seen
    from stillwatch.cli.printing import emit, people

    perform = _plan(what, values or [], Seen(case, seen), reason or "")
    cases = perform(_store(store), acting(actor))
    if json:
        emit({"cases": [_document(case) for case in cases]})
        return
    for done in cases:
        people().print(f"case {done.case_id}: {done.state}, version {done.version}")


_MANY = 1_000_000
_VALUES = {
    Act.ASSIGN: (0, 1),
    Act.COMMENT: (1, 1),
    Act.TAG: (1, 1),
    Act.UNTAG: (1, 1),
    Act.SNOOZE: (1, 1),
    Act.MERGE: (1, 1),
    Act.SPLIT: (1, _MANY),
}


def _plan(
    what: Act, values: list[str], seen: Seen, reason: str
) -> Callable[[Store, str], tuple[Case, ...]]:
    """What to do to the store, once the command line is known to be right."""
    from stillwatch import cases
    from stillwatch.cases.states import ACTS

    fewest, most = _VALUES.get(what, (0, 0))
    if not fewest <= len(values) <= most:
        wanted = (
            f"{fewest}" if fewest == most else f"at least {fewest}" if fewest else f"at most {most}"
        )
        raise typer.BadParameter(f"{what} takes {wanted} VALUE, not {len(values)}")
    word = values[0] if values else ""
    if what in ACTS.values():
        (to,) = (state for state, name in ACTS.items() if name == what)
        return lambda store, actor: (cases.change_state(store, seen, to, actor, reason),)
    if what == Act.SNOOZE:
        until = moment(word)
        return lambda store, actor: (cases.snooze(store, seen, until, actor),)
    if what == Act.MERGE:
        other = _other(word)
        return lambda store, actor: (cases.merge(store, seen, other, actor, reason),)
    performs: dict[Act, Callable[[Store, str], tuple[Case, ...]]] = {
        Act.UNDO: lambda store, actor: (cases.undo(store, seen, actor, reason),),
        Act.ASSIGN: lambda store, actor: (
            cases.assign(store, seen, word if values else None, actor),
        ),
        Act.COMMENT: lambda store, actor: (cases.comment(store, seen, word, actor),),
        Act.TAG: lambda store, actor: (cases.tag(store, seen, word, actor),),
        Act.UNTAG: lambda store, actor: (cases.untag(store, seen, word, actor),),
        Act.SPLIT: lambda store, actor: cases.split(store, seen, values, actor, reason),
    }
    return performs[what]


def _other(text: str) -> Seen:
    from stillwatch.cases import Seen

    match = re.fullmatch(r"(\d{1,9})@(\d{1,9})", text, re.ASCII)
    if not match:
        raise typer.BadParameter(f"{text!r} is not CASE@VERSION; write for instance 7@4")
    return Seen(int(match[1]), int(match[2]))


def _store(address: str, create: bool = False) -> Store:
    from stillwatch.cases import Store

    return Store.open(address, create)


def acting(name: str | None) -> str:
    """The name that an act is by: the one given, else the one that somebody is logged in by."""
    import getpass

    return getpass.getuser() if name is None else name


def _document(case: Case) -> dict[str, Any]:
    fields = dataclasses.asdict(case)
    return {name: fields[name] for name in fields if name not in ("decided_seq", "before")}


def _notes(case: Case, time: str) -> str:
    notes = list(case.tags)
    if case.grown_since:
        notes.append("(grown since)")
    if (case.snoozed_until or "") > time:
        notes.append(f"(rests until {(case.snoozed_until or '')[:10]})")
    if case.merged_into is not None:
        notes.append(f"(merged into {case.merged_into})")
    return " ".join(notes)
