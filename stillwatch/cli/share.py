"""`stillwatch share`: what is told to peers about confirmed cases, by two people."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, StoreAddress, examples
from stillwatch.cli.share_options import (
    AsOf,
    CaseNumber,
    FindingsOption,
    KeyFile,
    LakeOption,
    LeastAccounts,
    Marking,
    MostHonest,
    Named,
    NamedAs,
    NoteText,
    SeenVersion,
    ShareNumber,
    Why,
    day_of,
    draft,
    wishes,
)

if TYPE_CHECKING:
    from stillwatch.cases.shares import Share
    from stillwatch.sharing.drawing_up import Draft

app = typer.Typer(
    no_args_is_help=True,
    help="Tell peers of confirmed cases: previewed, proposed by one person, approved by another.",
)

KEY_EXAMPLES = examples(("once for a group of peers", "stillwatch share key --out group.key"))
PREVIEW_EXAMPLES = examples(
    ("what would leave", "stillwatch share preview 3 --findings FINDINGS --log LAKE"),
    (
        "with keyed hashes, for a group of peers",
        "stillwatch share preview 3 --findings FINDINGS --log LAKE --key group.key",
    ),
)
PROPOSE_EXAMPLES = examples(
    (
        "after a preview",
        "stillwatch share propose 3 --findings FINDINGS --log LAKE --key group.key --seen 4 "
        '--reason "peers see them too"',
    )
)
SHOW_EXAMPLES = examples(("all that it tells, and who did what", "stillwatch share show 1"))
LIST_EXAMPLES = examples(("what waits for a second person", "stillwatch share list --waiting"))
APPROVE_EXAMPLES = examples(
    (
        "after a look with `show`, whose digest you name",
        'stillwatch share approve 1 --seen 1 --digest 3fa9c1d07b52 --reason "read all of it"',
    )
)
DECLINE_EXAMPLES = examples(
    ("a customer could be told", 'stillwatch share decline 1 --seen 1 --reason "too narrow"')
)
WITHDRAW_EXAMPLES = examples(
    ("your own, too soon", 'stillwatch share withdraw 1 --seen 1 --reason "too soon"')
)
REVOKE_EXAMPLES = examples(
    ("it was wrong", 'stillwatch share revoke 1 --seen 2 --reason "a class, we know them now"')
)
EXPORT_EXAMPLES = examples(
    (
        "for peers",
        'stillwatch share export 1 --format stix --producer "Example" --out bundle.json',
    ),
    ("for a gateway", "stillwatch share export 1 --format csv --out indicators.csv"),
)


@app.command("key", epilog=KEY_EXAMPLES)
def key_(
    out: Annotated[Path, typer.Option(help="A new file; only you may read it.")], json: Json = False
) -> None:
    """Make the key that a group of peers shares; hand it on by another way than the indicators."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.sharing.keyed import GroupKey

    made = GroupKey.make(out)
    if json:
        emit({"key": made.name, "file": out})
    else:
        people().print(safe(f"key {made.name} is in {out}", limit=2000), soft_wrap=True)


@app.command("preview", epilog=PREVIEW_EXAMPLES)
def preview(
    case: CaseNumber,
    findings: FindingsOption,
    log: LakeOption,
    tlp: Marking = "amber",
    key: KeyFile = None,
    least_accounts: LeastAccounts = 5,
    most_honest: MostHonest = 0.001,
    attributed_to: Named = None,
    named_as: NamedAs = "intrusion-set",
    note: NoteText = None,
    as_of: AsOf = None,
    store: StoreAddress = "cases.db",
    json: Json = False,
) -> None:
    """Show exactly what would leave, field by field, and what would not and why."""
    asked = wishes(tlp, key, least_accounts, most_honest, attributed_to, named_as, note)
    _tell_draft(draft(store, case, findings, log, asked, as_of), json)


@app.command("propose", epilog=PROPOSE_EXAMPLES)
def propose(
    case: CaseNumber,
    findings: FindingsOption,
    log: LakeOption,
    seen: Annotated[int, typer.Option("--seen", help="The case's version that you saw.")],
    reason: Why,
    tlp: Marking = "amber",
    key: KeyFile = None,
    least_accounts: LeastAccounts = 5,
    most_honest: MostHonest = 0.001,
    attributed_to: Named = None,
    named_as: NamedAs = "intrusion-set",
    note: NoteText = None,
    as_of: AsOf = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Propose it to a second person; what it tells is fixed from now on."""
    from stillwatch.cases import Seen
    from stillwatch.cases.access import Role
    from stillwatch.cases.shares import propose_share

    asked = wishes(tlp, key, least_accounts, most_honest, attributed_to, named_as, note)
    with opened(store) as cases:
        by = acting_as(cases, actor, Role.ANALYST)
    made = draft(store, case, findings, log, asked, as_of)
    told = made.telling.to_json()
    with opened(store) as cases:
        share = propose_share(cases, Seen(case, seen), told["campaign"], told, by, reason)
    _tell(share, json)


@app.command("show", epilog=SHOW_EXAMPLES)
def show(share: ShareNumber, store: StoreAddress = "cases.db", json: Json = False) -> None:
    """One share: every field that it tells, its digest, and everything that was done to it."""
    from stillwatch.cases.shares import get_share, share_history, shared_content
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.cli.share_telling import share_line, tell_telling
    from stillwatch.sharing.indicators import Telling

    with opened(store) as cases:
        found, told = get_share(cases, share), shared_content(cases, share)
        past = share_history(cases, share)
    if json:
        acts = [entry._asdict() for entry in past]
        emit({"share": asdict(found), "tells": told, "history": acts})
        return
    people().print(share_line(found), soft_wrap=True)
    people().print(safe(f"digest        {found.digest}"), soft_wrap=True)
    tell_telling(Telling.from_json(told))
    for entry in past:
        why = (
            entry.detail.get("reason") or entry.detail.get("because") or entry.detail.get("sha256")
        )
        line = f"{entry.at[:19]}Z  {entry.act:<9} {entry.actor}: {why or ''}"
        people().print(safe(line, limit=2000), soft_wrap=True)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    store: StoreAddress = "cases.db",
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only those that wait for a second person.")
    ] = False,
    json: Json = False,
) -> None:
    """All shares, the latest first."""
    from stillwatch.cases.shares import ShareState, list_shares
    from stillwatch.cli.printing import emit, people
    from stillwatch.cli.share_telling import share_line

    with opened(store) as cases:
        found = list_shares(cases)[::-1]
    if waiting:
        found = [one for one in found if one.state == ShareState.PROPOSED]
    if json:
        emit({"shares": [asdict(one) for one in found]})
        return
    for one in found:
        people().print(share_line(one), soft_wrap=True)


@app.command("approve", epilog=APPROVE_EXAMPLES)
def approve_(
    share: ShareNumber,
    seen: SeenVersion,
    digest: Annotated[
        str, typer.Option(help="The digest of what you looked at, or 12 characters of it.")
    ],
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Be the second person: it may leave from now on, in place of what the case told before."""
    from stillwatch.cases.access import Role
    from stillwatch.cases.shares import approve_share

    with opened(store) as cases:
        by = acting_as(cases, actor, Role.LEAD)
        made = approve_share(cases, share, seen, digest, by, reason)
    _tell(made, json)


@app.command("decline", epilog=DECLINE_EXAMPLES)
def decline_(
    share: ShareNumber,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Say no to what was proposed."""
    from stillwatch.cases.shares import decline_share

    _act(decline_share, share, seen, reason, store, actor, json)


@app.command("withdraw", epilog=WITHDRAW_EXAMPLES)
def withdraw_(
    share: ShareNumber,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take your own proposal back."""
    from stillwatch.cases.shares import withdraw_share

    _act(withdraw_share, share, seen, reason, store, actor, json)


@app.command("revoke", epilog=REVOKE_EXAMPLES)
def revoke_(
    share: ShareNumber,
    seen: SeenVersion,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take back what was told, for good; export it again to tell peers."""
    from stillwatch.cases.shares import revoke_share

    _act(revoke_share, share, seen, reason, store, actor, json)


@app.command("export", epilog=EXPORT_EXAMPLES)
def export(
    share: ShareNumber,
    out: Annotated[Path, typer.Option(help="The file to write; replaced where it exists.")],
    format: Annotated[str, typer.Option(help="stix, misp, sigma or csv.")] = "stix",
    producer: Annotated[
        str | None,
        typer.Option(
            envvar="STILLWATCH_PRODUCER",
            show_envvar=False,
            help="Who tells it, as peers know you; STILLWATCH_PRODUCER says it once.",
        ),
    ] = None,
    as_of: AsOf = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Write what was approved, and nothing else; the ledger keeps which bytes left."""
    from stillwatch.cases.access import Role
    from stillwatch.cases.shares import record_export
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.sharing.export import FORMATS, leaving

    if format not in FORMATS:
        raise typer.BadParameter(f"{format!r} is none of {', '.join(FORMATS)}")
    if not producer and format in {"stix", "misp"}:
        raise typer.BadParameter("say who tells it by --producer")
    if out.is_dir():
        raise typer.BadParameter(f"{out} is a folder; name a file", param_hint="--out")
    with opened(store) as cases:
        by = acting_as(cases, actor, Role.ANALYST)
        made = leaving(cases, share, format, producer or "", day_of(as_of))
        digest = hashlib.sha256(made.content).hexdigest()
        fresh = out.with_name(f".{out.name}.new")
        fresh.write_bytes(made.content)
        # the ledger knows of it before anything is there to be sent
        record_export(cases, share, by, format, digest, len(made.content))
    os.replace(fresh, out)
    said: dict[str, Any] = {"file": out.resolve(), "sha256": digest, "left_out": made.left_out}
    if json:
        emit(said)
        return
    people().print(safe(f"{said['file']}  sha256 {digest}", limit=2000), soft_wrap=True)
    if made.left_out:
        why = "indicators are left out, since a spreadsheet would take them for formulas"
        people().print(safe(f"{made.left_out:,} {why}"), soft_wrap=True)


def _act(
    change: Callable[..., Share],
    share: int,
    seen: int,
    reason: str,
    store: str,
    actor: str | None,
    json: bool,
) -> None:
    from stillwatch.cases.access import Role

    with opened(store) as cases:
        made = change(cases, share, seen, acting_as(cases, actor, Role.ANALYST), reason)
    _tell(made, json)


def _tell(made: Share, json: bool) -> None:
    from stillwatch.cli.printing import emit, people
    from stillwatch.cli.share_telling import share_line

    if json:
        emit({"share": asdict(made)})
    else:
        people().print(share_line(made), soft_wrap=True)


def _tell_draft(made: Draft, json: bool) -> None:
    from stillwatch.cli.printing import emit
    from stillwatch.cli.share_telling import tell_telling, tell_withheld

    if json:
        withheld = [asdict(one) for one in made.withheld]
        emit({"tells": made.telling.to_json(), "withheld": withheld, "honest": made.honest})
        return
    tell_telling(made.telling)
    tell_withheld(made.withheld, made.honest)
